//! The URLs in a text, and which of them may contain a key.

use provision::tools::redact::HIDDEN;
use secrecy::SecretString;
use url::Url;

/// The URLs of a file: words separated by white space or commas, without comments.
pub fn in_text(text: &str) -> Vec<SecretString> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
        .filter(|url| !url.is_empty())
        .map(SecretString::from)
        .collect()
}

/// Whether a word of a command line is a URL with more than a host and a port.
pub fn may_contain_a_key(word: &str) -> bool {
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

/// A text with fewer hexadecimal digits than this is not a private key, even if some digits are missing. An address has 40.
const KEY: usize = 56;

/// Whether a command line contains a private key: that many hexadecimal digits, except as an Aztec address.
pub fn has_a_key(words: &[String]) -> bool {
    const NO_KEY: &str = "--fee-recipient";
    let mut before = "";
    words.iter().any(|word| {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, value),
            _ => (before, word.as_str()),
        };
        before = word;
        let value = value.trim();
        let prefixed = value.strip_prefix("0x").or(value.strip_prefix("0X"));
        let digits = prefixed.unwrap_or(value);
        flag != NO_KEY && digits.len() >= KEY && digits.bytes().all(|it| it.is_ascii_hexdigit())
    })
}

/// A text in which every possible private key is hidden.
pub fn masked(text: &str) -> String {
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_hexdigit());
        let (digits, after) = from.split_at(end.unwrap_or(from.len()));
        masked.push_str(before);
        masked.push_str(if digits.len() >= KEY { HIDDEN } else { digits });
        rest = after;
    }
    masked + rest
}

/// Whether a word may be or contain a secret: a password, a mnemonic, a URL.
pub fn may_be_secret(word: &str) -> bool {
    word.contains("://")
        || word.contains(|c: char| c == '@' || c.is_whitespace())
        || masked(word) != word
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn urls_with_and_without_a_key_are_distinguished() {
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
            assert_eq!(may_contain_a_key(word), carries, "{word}");
        }
    }

    #[test]
    fn a_private_key_on_a_command_line_is_found() {
        let key = "4f".repeat(32);
        let on = |line: String| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            has_a_key(&words)
        };
        assert!(on(format!("keys import --attester-key 0x{key}")));
        assert!(on(format!("keys import --attester-address=0x{key}")));
        assert!(on(format!("keys list {key}")));
        assert!(!on(format!("keys import --fee-recipient 0x{key}")));
        assert!(!on(format!("keys import --fee-recipient=0x{key}")));
        assert!(!on(format!("keys list ./{key} 0x{}", &key[..40])));
        // One digit is missing, or the prefix is another one.
        assert!(on(format!("keys list 0X{}", &key[1..])));
        assert!(has_a_key(&[format!(" 0x{key} ")]));
    }

    #[test]
    fn possible_secrets_are_hidden() {
        let key = "4f".repeat(32);
        let address = format!("0x{}", &key[..40]);
        let text = format!("./{key} is not {address}: 0x{}", &key[..63]);
        assert_eq!(
            masked(&text),
            format!("./{HIDDEN} is not {address}: 0x{HIDDEN}")
        );
        for word in [
            "u:pw@h:9000",
            "http//u:pw@h",
            "test test junk",
            "https://h",
            &key,
        ] {
            assert!(may_be_secret(word), "{word}");
        }
        for word in ["keystore/key1.json", "4.1.2", "mainnet", &address] {
            assert!(!may_be_secret(word), "{word}");
        }
    }

    #[test]
    fn a_file_has_one_url_per_line() {
        let urls = in_text("# mine\nhttps://a/K, https://b\n\n  https://c  \n");
        let urls: Vec<_> = urls.iter().map(|url| url.expose_secret()).collect();
        assert_eq!(urls, ["https://a/K", "https://b", "https://c"]);
    }
}
