//! Environment files: only what differs from the default, never an empty value.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Renders an environment file for systemd: systemd.exec(5), `EnvironmentFile=`.
///
/// Empty values are left out: the node of 4.1.2 takes `X=` for a value (an `ETHEREUM_DEBUG_HOSTS=` becomes
/// a list with one empty host and hides the fallback).
pub(crate) fn render(head: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "# {head}\n# Written by aztec-kit from /etc/aztec/kit.toml; changes here are undone by its next run.\n"
    );
    for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=?&~".contains(c);
        // Writing to a string cannot fail.
        let _ = if value.chars().all(plain) {
            writeln!(text, "{name}={value}")
        } else {
            writeln!(text, "{name}={}", quoted(value))
        };
    }
    text
}

/// A value in quotes.
pub(crate) fn quoted(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{value}\"")
}

/// The variables that an environment file of ours sets.
pub(crate) fn names(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_needs_it_and_leaves_out_what_is_empty() {
        let variables = [
            ("A", "http://127.0.0.1:8545,https://x/y?z=1"),
            ("EMPTY", ""),
            ("LOG_LEVEL", "info; debug:p2p"),
            ("QUOTED", "a\"b"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = render("Node", &variables.into());
        let body: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            body,
            [
                "A=http://127.0.0.1:8545,https://x/y?z=1",
                "LOG_LEVEL=\"info; debug:p2p\"",
                "QUOTED=\"a\\\"b\"",
            ]
        );
        let names: Vec<_> = names(&text).collect();
        assert_eq!(names, ["A", "LOG_LEVEL", "QUOTED"]);
    }
}
