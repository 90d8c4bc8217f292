//! Hiding what URLs carry besides scheme, host and port (user, password, path, query), and the values of
//! settings whose name says that they are secret.

/// What the name of a secret setting has in it, whatever is before and behind.
const SECRET: &[&str] = &[
    "key", "secret", "token", "pass", "mnemonic", "headers", "cred",
];

/// What stands in the place of a value that is not shown.
pub const HIDDEN: &str = "…";

/// Whether a setting of this name is taken for secret. Some that are not have such a name too.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("_hash") || SECRET.iter().any(|secret| name.contains(secret))
}

/// The text with every URL reduced to `scheme://host:port/…`, and without the quoted values of secret settings:
/// `token = "…"` as in TOML, `"token": "…"` as in JSON, and lists of them.
pub fn secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut list = false;
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
        let secret = match before.trim() {
            // The next one of a list.
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

/// An environment file with the values of these variables alone, and of those only what [`urls_of`] leaves. A
/// name that is secret is not shown however often it is among them.
pub fn assignments(text: &str, shown: &[String]) -> String {
    let line = |line: &str| -> String {
        let (name, value) = match line.split_once('=') {
            Some(pair) => pair,
            // A comment without a value, or an empty line.
            None if line.trim_start().starts_with('#') || line.trim().is_empty() => {
                return line.to_owned();
            }
            None => return HIDDEN.to_owned(),
        };
        let open = shown.iter().any(|shown| shown == name) && !is_secret(name);
        let value = if open { &urls_of(value) } else { HIDDEN };
        // What is no name may be a value that lost its line.
        let word = |c: char| c.is_ascii_alphanumeric() || "_# ".contains(c);
        let name = if name.chars().all(word) { name } else { HIDDEN };
        format!("{name}={value}")
    };
    let lines = text.split_inclusive('\n').map(|whole| {
        let text = whole.trim_end_matches('\n');
        line(text) + &whole[text.len()..]
    });
    lines.collect()
}

/// A value with every URL of its list reduced to `scheme://host:port/…`, whatever is in the rest of each.
pub fn urls_of(value: &str) -> String {
    let hidden = |item: &str| match item.split_once("://") {
        Some((scheme, rest)) if !scheme.ends_with("file") => format!("{scheme}://{}", hidden(rest)),
        _ => item.to_owned(),
    };
    let items: Vec<_> = value.split(',').map(hidden).collect();
    items.join(",")
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
            ("url = \"https://h/t\"", "url = \"https://h/…\""),
        ];
        for (text, expected) in cases {
            assert_eq!(secrets(text), expected);
        }
    }

    #[test]
    fn an_environment_file_shows_the_named_values_alone() {
        let shown = ["PORT", "HOSTS", "DIR", "API_KEY"].map(String::from);
        let cases = [
            ("# Node.\n\nPORT=1\n", "# Node.\n\nPORT=1\n"),
            ("LOG_LEVEL=info\n", "LOG_LEVEL=…\n"),
            ("A=\"quoted\"\nB='quoted'", "A=…\nB=…"),
            ("API_KEY=1\n", "API_KEY=…\n"),
            (
                "HOSTS=https://u:p@h/K'E]Y,http://b:1\n",
                "HOSTS=https://…@h/…,http://b:1\n",
            ),
            ("DIR=file:///var/lib\n", "DIR=file:///var/lib\n"),
            ("# OLD=secret\n", "# OLD=…\n"),
            ("A=\"one\ntwo\"\nse+cr==\n", "A=…\n…\n…=…\n"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(assignments(text, &shown), expected);
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
