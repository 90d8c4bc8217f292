//! Redacts URLs except for scheme, host and port (user, password, path, query), and the values of settings with secret
//! names.

/// Parts of the names of secret settings.
const SECRET: &[&str] = &[
    "key", "secret", "token", "pass", "mnemonic", "headers", "cred",
];

/// The replacement of a redacted value.
pub const HIDDEN: &str = "…";

/// Whether a setting of this name counts as secret. Some public settings match too.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("_hash") || SECRET.iter().any(|secret| name.contains(secret))
}

/// The text with every URL reduced to `scheme://host:port/…`, and with the quoted values of secret settings redacted:
/// `token = "…"` as in TOML, `"token": "…"` as in JSON, and lists of them.
pub fn secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut list = false;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(at);
        // An apostrophe does not open a quote.
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
        let secret = match before.trim() {
            // The next value of a list.
            "," if list => true,
            _ => {
                let opened = before.trim_end().ends_with('[');
                let named = names_a_secret(shown.trim_end().trim_end_matches('['));
                list = opened && named;
                named
            }
        };
        shown.push_str(quote);
        shown.push_str(if secret { HIDDEN } else { value });
        let close = after.len().min(1);
        shown.push_str(&after[..close]);
        rest = &after[close..];
    }
    shown.push_str(rest);
    urls(&shown)
}

/// The schemes of endpoints and file stores.
const SCHEMES: &[&str] = &["http", "https", "ws", "wss", "s3", "gs", "file"];

/// A URL, or several separated by commas, each reduced to `scheme://host:port/…`. Any other text is redacted as a
/// whole. A local path is not a network address and does not contain a key.
pub fn urls_of(value: &str) -> String {
    let one = |item: &str| match item.split_once("://") {
        _ if item.is_empty() => String::new(),
        Some(("file", _)) => item.to_owned(),
        Some((scheme, rest)) if SCHEMES.contains(&scheme) => format!("{scheme}://{}", hidden(rest)),
        _ => HIDDEN.to_owned(),
    };
    let items: Vec<_> = value.split(',').map(one).collect();
    items.join(",")
}

/// The end of a quoted value; a backslash escapes in double quotes only.
fn closing(value: &str, quote: &str) -> usize {
    let mut escaped = false;
    let end = value.find(|c: char| {
        let closes = !escaped && quote.starts_with(c);
        escaped = quote == "\"" && c == '\\' && !escaped;
        closes || c == '\n'
    });
    end.unwrap_or(value.len())
}

/// Whether the name of a secret setting precedes the opening quote at the end of a text.
fn names_a_secret(text: &str) -> bool {
    let before = text.trim_end_matches(['"', '\'']).trim_end();
    let Some(name) = before.strip_suffix(['=', ':']) else {
        return false;
    };
    let name = name.trim_end().trim_end_matches(['"', '\'']);
    // The redacted value may have been such a name itself.
    if name.ends_with(HIDDEN) {
        return true;
    }
    let word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    is_secret(&name[name.trim_end_matches(word).len()..])
}

/// The text with every URL reduced to `scheme://host:port/…`.
fn urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        shown.push_str(before);
        let (url, after) = url.split_at(end_of_url(url));
        // A local path is not a network address and does not contain a key.
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

/// The end of a URL in a text. A comma is part of it, unless another URL of a list follows.
fn end_of_url(text: &str) -> usize {
    let next = |rest: &str| {
        let name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let behind = rest.trim_start_matches(name);
        behind.starts_with("://") || rest.starts_with(char::is_whitespace) || rest.is_empty()
    };
    let ends = |(at, c): (usize, char)| match c {
        ',' => next(&text[at + 1..]),
        _ => c.is_whitespace() || "\"'`]}".contains(c),
    };
    // The brackets of an IPv6 address.
    let host = match text.strip_prefix('[') {
        Some(_) => text.find(']').map_or(0, |at| at + 1),
        None => 0,
    };
    let mut letters = text.char_indices().filter(|(at, _)| *at >= host);
    letters
        .find(|letter| ends(*letter))
        .map_or(text.len(), |(at, _)| at)
}

/// The part after `://`, reduced to host and port, or to nothing if these cannot be distinguished from a password.
fn hidden(url: &str) -> String {
    let (authority, path) = url
        .find(['/', '?', '#'])
        .map_or((url, ""), |at| url.split_at(at));
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => ("…@", host),
        // The password may contain a `/`, and then the apparent host is a user name.
        None if path.contains('@') => return "…".into(),
        None => ("", authority),
    };
    // It may also contain a colon and no `@`, so a port must be a number.
    let number = |port: &str| port.chars().all(|c| c.is_ascii_digit());
    let host = match host.rsplit_once(':') {
        Some((_, port)) if !host.starts_with('[') && !number(port) => "…",
        _ => host,
    };
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
            ("X_API_KEYS = 'k1,k2'", "X_API_KEYS = '…'"),
            ("HEADERS = \"authorization=Bearer x\"", "HEADERS = \"…\""),
            ("BOT_L1_MNEMONIC = \"test junk\"", "BOT_L1_MNEMONIC = \"…\""),
            (
                "AZTEC_ADMIN_API_KEY_HASH='ab'",
                "AZTEC_ADMIN_API_KEY_HASH='…'",
            ),
            (
                "api_keys = [\"one\", 'two',\n  \"three\"]\nto = [\"a\", \"b\"]",
                "api_keys = [\"…\", '…',\n  \"…\"]\nto = [\"a\", \"b\"]",
            ),
            (
                "{\"keys\":[\"0x1\",\"0x2\"],\"n\":[\"1\"]}",
                "{\"keys\":[\"…\",\"…\"],\"n\":[\"1\"]}",
            ),
            ("say = \"token = 'x'\"", "say = \"token = 'x'\""),
            ("# it's token = \"x\"", "# it's token = \"…\""),
            ("key = \"open", "key = \"…"),
            // The redacted text may have been the name of a secret.
            ("key=\n\"password\": \"x\"", "key=\n\"…\": \"…\""),
            ("url = \"https://h/t\"", "url = \"https://h/…\""),
        ];
        for (text, expected) in cases {
            assert_eq!(secrets(text), expected);
        }
    }

    #[test]
    fn of_a_list_of_urls_only_scheme_host_and_port_stay() {
        for (value, expected) in [
            ("https://u:p@h/K'E]Y,http://b:1", "https://…@h/…,http://b:1"),
            ("https://h/K,EY", "https://h/…,…"),
            ("s3://bucket/x?key=K", "s3://bucket/…"),
            ("file:///var/lib", "file:///var/lib"),
            ("K", "…"),
            ("K://h", "…"),
            ("", ""),
        ] {
            assert_eq!(urls_of(value), expected);
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
            // Addresses that were pasted without being encoded.
            ("https://user:pa/ss@h/KEY x", "https://… x"),
            ("https://user:p#a?s/s@h x", "https://… x"),
            ("https://h/KE,Y x", "https://h/… x"),
            ("https://u:p,w@h/K,https://b/K", "https://…@h/…,https://b/…"),
            ("https://user:word/x", "https://…/…"),
            ("http://[fd00::1]:8545/K", "http://[fd00::1]:8545/…"),
            ("say https://h/K, then", "say https://h/…, then"),
        ];
        for (text, expected) in cases {
            assert_eq!(urls(text), expected);
        }
    }
}
