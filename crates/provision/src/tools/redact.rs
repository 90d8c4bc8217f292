//! Hiding what URLs carry besides scheme, host and port (user, password, path, query), and the values of
//! settings whose name says that they are secret.

/// How the name of a secret setting ends.
const SECRET: &[&str] = &["token", "key", "password", "secret", "credentials"];

/// The text with every URL reduced to `scheme://host:port/…`, and without the quoted values of secret settings:
/// `token = "…"` as in TOML, `"token": "…"` as in JSON.
pub fn secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(at);
        // An apostrophe opens nothing.
        if before.ends_with(char::is_alphanumeric) {
            let (letter, after) = rest.split_at(at + 1);
            shown.push_str(letter);
            rest = after;
            continue;
        }
        let (quote, value) = quoted.split_at(1);
        let end = closing(value, quote);
        let (value, after) = value.split_at(end);
        shown.push_str(before);
        shown.push_str(quote);
        shown.push_str(if names_a_secret(&shown) { "…" } else { value });
        let close = after.len().min(1);
        shown.push_str(&after[..close]);
        rest = &after[close..];
    }
    shown.push_str(rest);
    urls(&shown)
}

/// Where a quoted value ends; a backslash escapes in double quotes only.
fn closing(value: &str, quote: &str) -> usize {
    let mut escaped = false;
    let end = value.find(|c: char| {
        let closes = !escaped && quote.starts_with(c);
        escaped = quote == "\"" && c == '\\' && !escaped;
        closes || c == '\n'
    });
    end.unwrap_or(value.len())
}

/// Whether a text that ends with an opening quote has the name of a secret setting before it.
fn names_a_secret(text: &str) -> bool {
    let before = text.trim_end_matches(['"', '\'']).trim_end();
    let Some(name) = before.strip_suffix(['=', ':']) else {
        return false;
    };
    let name = name.trim_end().trim_end_matches(['"', '\'']);
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|secret| name.ends_with(secret))
}

/// The text with every URL reduced to `scheme://host:port/…`.
fn urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = url
            .find(|c: char| c.is_whitespace() || ",\"'`]}".contains(c))
            .unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        // A local path is not an address on the network and carries no key.
        if before.ends_with("file://") {
            shown.push_str(url);
        } else {
            shown.push_str(&hidden(url));
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn hidden(url: &str) -> String {
    let (authority, path) = url
        .find(['/', '?', '#'])
        .map_or((url, ""), |at| url.split_at(at));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let user = if host == authority { "" } else { "…@" };
    let path = if matches!(path, "" | "/") {
        path
    } else {
        "/…"
    };
    format!("{user}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_secret_setting_is_hidden() {
        let cases = [
            (
                "{ type = \"telegram\", token = \"12:ab\", chat = \"-1\" } # it's mine",
                "{ type = \"telegram\", token = \"…\", chat = \"-1\" } # it's mine",
            ),
            ("password='a\"b' x = \"y\"", "password='…' x = \"y\""),
            (
                "{\"routing_key\": \"k\\\"ey\", \"to\": \"a\"}",
                "{\"routing_key\": \"…\", \"to\": \"a\"}",
            ),
            (
                "{\"authorization\": {\"credentials\": \"t\"}}",
                "{\"authorization\": {\"credentials\": \"…\"}}",
            ),
            ("API_KEY = \"0x1\"\n", "API_KEY = \"…\"\n"),
            ("say = \"token = 'x'\"", "say = \"token = 'x'\""),
            ("# it's token = \"x\"", "# it's token = \"…\""),
            ("key = \"open", "key = \"…"),
            ("url = \"https://h/t\"", "url = \"https://h/…\""),
        ];
        for (text, expected) in cases {
            assert_eq!(secrets(text), expected);
        }
    }

    #[test]
    fn only_scheme_host_and_port_stay() {
        let cases = [
            (
                "A=https://user:pw@l1.example:8545/v2/KEY?x=1,http://127.0.0.1:8545/",
                "A=https://…@l1.example:8545/…,http://127.0.0.1:8545/",
            ),
            (
                "rpc_urls = [\"https://a/KEY\", \"https://b\"]\n",
                "rpc_urls = [\"https://a/…\", \"https://b\"]\n",
            ),
            (
                "B=file:///var/lib/aztec/blobs\n",
                "B=file:///var/lib/aztec/blobs\n",
            ),
            ("https://h?key=1", "https://h/…"),
            ("no url", "no url"),
        ];
        for (text, expected) in cases {
            assert_eq!(urls(text), expected);
        }
    }
}
