//! The text of environment files. They contain only values that differ from the default, and never an empty one.

use provision::Text;

use super::Variables;

/// Renders an environment file for systemd: systemd.exec(5), `EnvironmentFile=`.
///
/// Empty values are left out, because the node of 4.1.2 treats `X=` as a value (an `ETHEREUM_DEBUG_HOSTS=` becomes a
/// list with one empty host and hides the fallback).
pub(crate) fn render(head: &str, variables: &Variables) -> Text {
    let mut text = Text::from(format!(
        "# {head}\n# Written by aztec-kit from /etc/aztec/kit.toml; changes here are undone by its next run.\n"
    ));
    for (name, value) in variables {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=?&~".contains(c);
        let written = match value.expose() {
            "" => continue,
            value if value.chars().all(plain) => value.to_owned(),
            value => quoted(value),
        };
        text.push(&format!("{name}="));
        match value.shown(name) {
            None => text.push(&written),
            Some(shown) => text.push_as(&written, &shown),
        }
        text.push("\n");
    }
    text
}

/// A value in quotes.
pub(crate) fn quoted(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn quotes_where_necessary_and_leaves_out_empty_values() {
        let variables = [
            ("A", "http://127.0.0.1:8545,https://x/y?z=1"),
            ("EMPTY", ""),
            ("LOG_LEVEL", "info; debug:p2p"),
            ("QUOTED", "a\"b"),
        ]
        .map(|(name, value)| (name.to_owned(), Value::public(value)));
        let text = render("Node", &variables.into());
        let body: Vec<_> = text.content().lines().skip(2).collect();
        assert_eq!(
            body,
            [
                "A=http://127.0.0.1:8545,https://x/y?z=1",
                "LOG_LEVEL=\"info; debug:p2p\"",
                "QUOTED=\"a\\\"b\"",
            ]
        );
    }

    #[test]
    fn a_value_is_shown_by_its_type_and_by_its_name() {
        let variables = [
            ("A", Value::public("S3CRET")),
            ("A_KEY", Value::public("S3CRET")),
            ("B", Value::secret("S3CRET")),
            ("C", Value::urls("https://u:S3CRET@h/S3CRET,http://l:1")),
            ("D", Value::secret("S3CRET S3CRET")),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let shown = render("Node", &variables.into()).shown();
        let body: Vec<_> = shown.lines().skip(2).collect();
        let expected = [
            "A=S3CRET",
            "A_KEY=…",
            "B=…",
            "C=https://…@h/…,http://l:1",
            "D=…",
        ];
        assert_eq!(body, expected);
    }
}
