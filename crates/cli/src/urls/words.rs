//! The URLs in a text, and which of them may carry a key.

use secrecy::SecretString;
use url::Url;

/// The URLs of a file: words with blanks or commas between, and no comments.
pub fn in_text(text: &str) -> Vec<SecretString> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
        .filter(|url| !url.is_empty())
        .map(SecretString::from)
        .collect()
}

/// Whether a word of a command line has more of a URL than where it leads.
pub fn may_carry_a_key(word: &str) -> bool {
    let value = match word.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") => value,
        _ => word,
    };
    value.split(',').any(|text| {
        let Ok(url) = Url::parse(text.trim()) else {
            return false;
        };
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path() == "/";
        matches!(url.scheme(), "http" | "https" | "ws" | "wss") && !bare
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_url_that_may_carry_a_key_is_told_from_one_that_does_not() {
        for (word, carries) in [
            ("https://h/v2/KEY", true),
            ("--l1-rpc-urls=https://h,https://h/KEY", true),
            ("https://h?key=K", true),
            ("https://u:p@h", true),
            ("https://h#K", true),
            ("https://h:8545", false),
            ("https://h/", false),
            ("--l1-rpc-urls=http://127.0.0.1:8545", false),
            ("@/root/l1", false),
            ("setup", false),
        ] {
            assert_eq!(may_carry_a_key(word), carries, "{word}");
        }
    }

    #[test]
    fn a_file_has_one_url_in_a_line() {
        let urls = in_text("# mine\nhttps://a/K, https://b\n\n  https://c  \n");
        let urls: Vec<_> = urls.iter().map(|url| url.expose_secret()).collect();
        assert_eq!(urls, ["https://a/K", "https://b", "https://c"]);
    }
}
