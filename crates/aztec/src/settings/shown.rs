//! What may be shown of `kit.toml`, on a terminal, in a document and in the journal.

use std::ops::Range;

use provision::tools::redact::{self, HIDDEN, is_secret, urls_of};
use toml_edit::{Document, Item, Value};

/// The text without what URLs carry besides scheme, host and port, and without every value whose key, or the
/// table of which, is named like a secret: the operator's own variables may be called anything.
///
/// Of a text that is no TOML, nothing.
pub fn shown(text: &str) -> String {
    let Ok(document) = Document::parse(text) else {
        return format!("{HIDDEN}\n");
    };
    let mut found = Vec::new();
    for (name, item) in document.iter() {
        of_item(item, is_secret(name), &mut found);
    }
    found.sort_by_key(|(range, _)| range.start);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for (range, value) in found {
        shown.push_str(text.get(at..range.start).unwrap_or_default());
        shown.push_str(&value);
        at = range.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    let lines = shown.split_inclusive('\n').map(comment);
    redact::secrets(&lines.collect::<String>())
}

/// A setting that was made a comment.
fn comment(line: &str) -> String {
    let text = line.trim_start();
    match line.split_once('=') {
        Some((name, _)) if text.starts_with('#') && is_secret(name) => {
            let end = if line.ends_with('\n') { "\n" } else { "" };
            format!("{name}= {HIDDEN}{end}")
        }
        _ => line.to_owned(),
    }
}

/// The places that are not shown as they are, and what is shown there.
fn of_item(item: &Item, secret: bool, found: &mut Vec<(Range<usize>, String)>) {
    match item {
        Item::None => {}
        Item::Value(value) => of_value(value, secret, found),
        Item::Table(table) => {
            for (name, item) in table.iter() {
                of_item(item, secret || is_secret(name), found);
            }
        }
        Item::ArrayOfTables(tables) => {
            for (name, item) in tables.iter().flat_map(|table| table.iter()) {
                of_item(item, secret || is_secret(name), found);
            }
        }
    }
}

fn of_value(value: &Value, secret: bool, found: &mut Vec<(Range<usize>, String)>) {
    match value {
        Value::Array(array) => {
            for value in array {
                of_value(value, secret, found);
            }
        }
        Value::InlineTable(table) => {
            for (name, value) in table.iter() {
                of_value(value, secret || is_secret(name), found);
            }
        }
        Value::String(text) => {
            let text = text.value();
            let shown = match secret {
                true if text.is_empty() => text.clone(),
                true => HIDDEN.to_owned(),
                false => urls_of(text),
            };
            if let (true, Some(range)) = (shown != *text, value.span()) {
                found.push((range, format!("\"{shown}\"")));
            }
        }
        other => {
            if let (true, Some(range)) = (secret, other.span()) {
                found.push((range, HIDDEN.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_toml_shows_a_secret() {
        let cases = [
            (
                "network = \"local\" # it's mine\n",
                "network = \"local\" # it's mine\n",
            ),
            (
                "[env]\nL1_CONSENSUS_HOST_API_KEYS = \"S\"\nLOG_LEVEL = \"info\"\n",
                "[env]\nL1_CONSENSUS_HOST_API_KEYS = \"…\"\nLOG_LEVEL = \"info\"\n",
            ),
            (
                "env.OTEL_EXPORTER_OTLP_HEADERS = 'a=S'\n",
                "env.OTEL_EXPORTER_OTLP_HEADERS = \"…\"\n",
            ),
            (
                "env = { BOT_L1_MNEMONIC = \"S S\", A = \"b\" }\n",
                "env = { BOT_L1_MNEMONIC = \"…\", A = \"b\" }\n",
            ),
            (
                "[env]\n\"MY_TOKEN\" = \"\"\"\nS\nS\"\"\"\n",
                "[env]\n\"MY_TOKEN\" = \"…\"\n",
            ),
            (
                "[l1]\nconsensus_api_keys = [\n  'S', # one\n  \"\",\n  \"S\"\n]\n",
                "[l1]\nconsensus_api_keys = [\n  \"…\", # one\n  \"\",\n  \"…\"\n]\n",
            ),
            (
                "l1.rpc_urls = ['https://u:S@h:1/S\"S']\n",
                "l1.rpc_urls = [\"https://…@h:1/…\"]\n",
            ),
            (
                "[[monitoring.receivers]]\ntype = \"telegram\"\ntoken = \"1:S\"\nchat = -1\n",
                "[[monitoring.receivers]]\ntype = \"telegram\"\ntoken = \"…\"\nchat = -1\n",
            ),
            ("env.API_KEY = 7\n", "env.API_KEY = …\n"),
            ("# X_API_KEY=S\n# a = 1\n", "# X_API_KEY= …\n# a = 1\n"),
            ("# see https://h/S\n", "# see https://h/…\n"),
            ("key = SECRET\n", "…\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected);
        }
    }
}
