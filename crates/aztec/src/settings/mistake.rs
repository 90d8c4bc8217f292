//! Mistakes in the text or the shape of `kit.toml`. They name the line and the key, and never a value, because it may be a
//! secret of the operator.

use std::ops::Range;

use provision::Fault;
use toml_edit::{Document, Item, Value};

/// The refusal of a text, from the error of a TOML reader.
pub(super) fn fault(text: &str, message: &str, span: Option<Range<usize>>) -> Fault {
    let at = span.map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message = message.lines().next().unwrap_or_default();
    let refused = |what: String| Fault::new(format!("kit.toml: line {line}: {what}"));
    if let Some(expected) = wrong_type(message) {
        let key = key_at(text, at).map_or(String::new(), |key| format!("{key}: "));
        let (expected, form) = words(expected);
        return refused(format!("{key}it must be {expected}")).fix(form);
    }
    match unknown(message) {
        Some((what, fix)) => refused(what).fix(fix),
        None => refused(message.to_owned())
            .fix("Correct the line. `aztec-kit setup --help` lists the keys that can be set."),
    }
}

/// The type that serde expects, from an error that also shows the value.
fn wrong_type(message: &str) -> Option<&str> {
    if message == "wanted string or table" {
        return Some("a string");
    }
    let shows = ["invalid type: ", "invalid value: ", "invalid length "];
    if !shows.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    // The value may contain the same words.
    Some(message.rsplit_once(", expected ")?.1)
}

/// The expected type, for people, and how to write it.
fn words(expected: &str) -> (&'static str, &'static str) {
    match expected {
        "a sequence" => ("a list", "Write it in brackets: [\"one\", \"two\"]."),
        "a string" => ("a text", "Write it in quotes."),
        "a boolean" => ("true or false", "Write true or false, without quotes."),
        "u8" => ("a number from 0 to 255", "Write digits without quotes."),
        "u16" => ("a number from 0 to 65535", "Write digits without quotes."),
        "u32" | "u64" | "usize" => (
            "a number that is not negative",
            "Write digits without quotes.",
        ),
        "i64" | "i32" => ("a number without quotes", "Write digits without quotes."),
        other if other.starts_with("struct ") || other == "a map" => {
            ("a table", "Write it as [name] and its keys below.")
        }
        _ => (
            "of another type",
            "Correct the line. `aztec-kit setup --help` lists the keys that can be set.",
        ),
    }
}

/// Reads the error of serde: unknown field `x`, expected one of `a`, `b`. For the name of a role: unknown variant.
/// Returns the fault and its fix. The long list of names is shown only if no name is similar.
fn unknown(message: &str) -> Option<(String, String)> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown "))?;
    let known: Vec<_> = quoted.collect();
    let (what, which) = match message.starts_with("unknown field") {
        true => ("unknown key", "Known keys here"),
        false => ("unknown name", "Known names here"),
    };
    let fix = suggestion(unknown, &known);
    let fix = fix.unwrap_or_else(|| format!("{which}: {}.", known.join(", ")));
    Some((format!("{what} `{unknown}`"), fix))
}

/// The key of the value at this position of a text.
fn key_at(text: &str, at: usize) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let mut path = Vec::new();
    for (name, item) in document.iter() {
        if in_item(name, item, at, &mut path) {
            path.reverse();
            return Some(path.join("."));
        }
    }
    None
}

/// Whether the position is in this item. If so, its key is added after those of the items within it.
fn in_item(name: &str, item: &Item, at: usize, path: &mut Vec<String>) -> bool {
    let found = match item {
        Item::None => false,
        Item::Value(value) => in_value(value, at, path),
        Item::Table(table) => table
            .iter()
            .any(|(name, item)| in_item(name, item, at, path)),
        Item::ArrayOfTables(tables) => tables.iter().any(|table| {
            table
                .iter()
                .any(|(name, item)| in_item(name, item, at, path))
        }),
    };
    if found {
        path.push(name.to_owned());
    }
    found
}

fn in_value(value: &Value, at: usize, path: &mut Vec<String>) -> bool {
    match value {
        Value::InlineTable(table) => {
            for (name, value) in table.iter() {
                if in_value(value, at, path) {
                    path.push(name.to_owned());
                    return true;
                }
            }
        }
        Value::Array(array) if array.iter().any(|value| in_value(value, at, path)) => return true,
        _ => {}
    }
    value.span().is_some_and(|span| span.contains(&at))
}

/// The likely right word, as a sentence.
pub(super) fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()?;
    (near.0 <= 3 && near.0 < word.len()).then(|| format!("Did you mean `{}`?", near.1))
}

#[cfg(test)]
mod tests {
    use super::super::edit::{Asked, edited};
    use super::super::file::parse;

    /// Both ways to read a file report the same, and neither repeats a value that may be a secret.
    #[test]
    fn a_mistake_is_reported_only_by_line_and_key() {
        let cases = [
            ("a = 1\nrpc_urls = [\"https://h/SECRET]\n", "line 2: "),
            ("network = \"local\"\ntoken = “123:SECRET”\n", "line 2: "),
            ("[env]\nX_API_KEYS = SECRET\n", "line 2: "),
            ("[env]\nX = \"SECRET\"\nX = \"SECRET\"\n", "line 3: "),
            ("[env]\nSECRET\n", "line 2: "),
            ("[env]\nX = \"SECRET\\q\"\n", "line 2: "),
            (
                "[l1]\n\nrpc_urls = \"https://h/SECRET\"\n",
                "line 3: l1.rpc_urls: it must be a list",
            ),
            (
                "[l1]\nrpc_urls = [1, \"https://h/SECRET\"]\n",
                "line 2: l1.rpc_urls: it must be a text",
            ),
            (
                "[monitoring]\nreceivers = [\"SECRET\"]\n",
                "line 2: monitoring.receivers: it must be a table",
            ),
            (
                "[[monitoring.receivers]]\nchat = \"-100SECRET, expected a boolean\"\n",
                "line 2: monitoring.receivers.chat: it must be a number without quotes",
            ),
            (
                "monitoring = { receivers = [{ chat = \"SECRET\" }] }\n",
                "line 1: monitoring.receivers.chat: it must be a number without quotes",
            ),
            ("env = \"SECRET\"\n", "line 1: env: it must be a table"),
            (
                "[env]\nX_KEY = 5123\n",
                "line 2: env.X_KEY: it must be a text",
            ),
            (
                "[ports]\nrpc = 99999\n",
                "line 2: ports.rpc: it must be a number from 0 to 65535",
            ),
            (
                "[node]\nenabled = \"SECRET\"\n",
                "line 2: node.enabled: it must be true or false",
            ),
            ("runtime = 1\n", "line 1: runtime: it must be a text"),
        ];
        let edits = Asked::default()
            .text("data_dir", "/srv/aztec")
            .text("network", "local");
        for (text, expected) in cases {
            let plain = parse(text).map(drop).unwrap_err();
            let message = format!("{} {}", plain.chain(), plain.remedy().unwrap_or_default());
            assert!(
                message.starts_with(&format!("kit.toml: {expected}")),
                "{text}: {message}"
            );
            assert!(
                !message.contains("SECRET") && !message.contains("5123"),
                "{text}: {message}"
            );
            let fault = edited(Some(text), &edits).unwrap_err();
            assert_eq!(fault.chain(), plain.chain(), "{text}");
        }
    }

    #[test]
    fn the_command_line_may_fix_the_file() {
        let edits = Asked::default().list("l1.rpc_urls", ["https://a"]);
        let new = edited(Some("[l1]\nrpc_urls = \"https://b\"\n"), &edits).unwrap();
        assert!(new.contains("rpc_urls = [\"https://a\"]"), "{new}");
    }
}
