//! Redacts `kit.toml` for the terminal, for documents and for the journal.
//!
//! All keys are shown. Values are shown only for the keys that are listed here. Other text of the operator, including
//! comments, may be a secret.

use std::ops::Range;

use provision::Text;
use provision::tools::redact::{HIDDEN, urls_of};
use toml_edit::{Document, Item, Value};

use super::edit::HEAD;
use crate::data::Release;
use crate::names::Role;

/// The redacted text of `kit.toml`. A text that is not TOML is redacted whole.
pub fn shown(text: &str, release: &Release) -> Text {
    let redacted = || {
        let mut hidden = Text::default();
        hidden.push_as(text, &format!("{HIDDEN}\n"));
        hidden
    };
    let Ok(document) = Document::parse(text) else {
        return redacted();
    };
    let mut values = Values {
        release,
        found: Vec::new(),
        lost: false,
    };
    for (name, item) in document.iter() {
        values.item(&mut vec![name], item);
    }
    if values.lost {
        return redacted();
    }
    values.found.sort_by_key(|(range, _)| range.start);
    let mut shown = Text::default();
    let mut at = 0;
    for (range, instead) in values.found {
        between(text.get(at..range.start).unwrap_or_default(), &mut shown);
        let value = text.get(range.clone()).unwrap_or_default();
        shown.push_as(value, instead.as_deref().unwrap_or(value));
        at = range.end;
    }
    between(text.get(at..).unwrap_or_default(), &mut shown);
    shown
}

/// The text between two values: keys, brackets, and comments. Only the comment of aztec-kit is shown.
fn between(text: &str, shown: &mut Text) {
    for line in text.split_inclusive('\n') {
        let end = comment(line);
        let (before, comment) = line.split_at(end);
        shown.push(before);
        if matches!(comment.trim_end(), "" | "#") || HEAD == comment {
            shown.push(comment);
        } else {
            let newline = if comment.ends_with('\n') { "\n" } else { "" };
            shown.push_as(comment, &format!("# {HIDDEN}{newline}"));
        }
    }
}

/// The start of a comment in a part of a line without a value; a key may be in quotes.
fn comment(line: &str) -> usize {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), c) if open == c && !escaped => quote = None,
            _ => {}
        }
        escaped = false;
    }
    line.len()
}

/// How much of a value is shown.
enum View {
    /// All of the value.
    Whole,
    /// Scheme, host and port of its URLs.
    Urls,
    /// Nothing.
    Nothing,
}

/// The values of a document, with the redacted text of those that are not shown whole.
struct Values<'a> {
    release: &'a Release,
    found: Vec<(Range<usize>, Option<String>)>,
    /// Whether the position of some value is not known.
    lost: bool,
}

impl Values<'_> {
    fn item<'t>(&mut self, path: &mut Vec<&'t str>, item: &'t Item) {
        match item {
            Item::None => {}
            Item::Value(value) => self.value(path, value),
            Item::Table(table) => self.all(path, table.iter(), Self::item),
            Item::ArrayOfTables(tables) => {
                for table in tables {
                    self.all(path, table.iter(), Self::item);
                }
            }
        }
    }

    fn value<'t>(&mut self, path: &mut Vec<&'t str>, value: &'t Value) {
        match value {
            Value::Array(array) => {
                for value in array {
                    self.value(path, value);
                }
            }
            Value::InlineTable(table) => self.all(path, table.iter(), Self::value),
            leaf => match leaf.span() {
                Some(range) => {
                    let shown = self.leaf(path, leaf);
                    self.found.push((range, shown));
                }
                None => self.lost = true,
            },
        }
    }

    fn all<'t, T>(
        &mut self,
        path: &mut Vec<&'t str>,
        members: impl Iterator<Item = (&'t str, T)>,
        each: fn(&mut Self, &mut Vec<&'t str>, T),
    ) {
        for (name, member) in members {
            path.push(name);
            each(self, path, member);
            path.pop();
        }
    }

    /// The redacted text of a value; `None` if the value is shown whole.
    fn leaf(&self, path: &[&str], value: &Value) -> Option<String> {
        match (self.view(path, value), value.as_str()) {
            (View::Whole, _) | (_, Some("")) => None,
            (View::Urls, Some(text)) => Some(format!("\"{}\"", urls_of(text))),
            (_, Some(_)) => Some(format!("\"{HIDDEN}\"")),
            (_, None) => Some(HIDDEN.to_owned()),
        }
    }

    fn view(&self, path: &[&str], value: &Value) -> View {
        match path {
            ["network" | "release" | "rollup" | "standby" | "runtime" | "data_dir"]
            | [
                "p2p" | "ports" | "caddy" | "hardening" | "firewall" | "releases",
                ..,
            ]
            | ["monitoring", "enabled" | "runtime" | "retention_days"]
            | ["monitoring", "receivers", "type"] => View::Whole,
            ["l1", "rpc_urls" | "consensus_urls" | "debug_urls"]
            | ["prover_agent", "broker_url"]
            | ["monitoring", "heartbeat_url"]
            | ["networks", _, "blobs" | "snapshots"] => View::Urls,
            [table, "enabled" | "agents"] if Role::of_table(table).is_some() => View::Whole,
            ["networks", ..] => View::Whole,
            ["env", name]
                if value
                    .as_str()
                    .is_some_and(|it| self.release.may_show(name, it)) =>
            {
                View::Whole
            }
            _ => View::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Releases;

    #[test]
    fn no_form_of_toml_shows_an_unlisted_value() {
        let release = Releases::carried().release("4.1.2", None).unwrap();
        let cases = [
            ("network = \"local\" # S\n", "network = \"local\" # …\n"),
            (HEAD, HEAD),
            ("#\n# S = S\n  # it's S\n", "#\n# …\n  # …\n"),
            (
                "[env]\nLOG_LEVEL = \"info\"\nARCHIVER_BATCH_SIZE = \"50\"\n",
                "[env]\nLOG_LEVEL = \"info\"\nARCHIVER_BATCH_SIZE = \"50\"\n",
            ),
            (
                "[env] # S\nMY_OWN = \"S\"\nLOG_LEVEL = \"S\"\nARCHIVER_BATCH_SIZE = 'S'#S\n",
                "[env] # …\nMY_OWN = \"…\"\nLOG_LEVEL = \"…\"\nARCHIVER_BATCH_SIZE = \"…\"# …\n",
            ),
            ("env.API_PREFIX = 'a=S'\n", "env.API_PREFIX = \"…\"\n"),
            (
                "env = { BOT_L1_MNEMONIC = \"S S\", A = \"S\" }\n",
                "env = { BOT_L1_MNEMONIC = \"…\", A = \"…\" }\n",
            ),
            (
                "[env]\n\"A#B\" = \"\"\"\nS\nS\"\"\"\n'C#' = \"S\"\n",
                "[env]\n\"A#B\" = \"…\"\n'C#' = \"…\"\n",
            ),
            (
                "[l1]\nconsensus_api_keys = [\n  'S', # S\n  \"\",\n  \"S\"\n]\n",
                "[l1]\nconsensus_api_keys = [\n  \"…\", # …\n  \"\",\n  \"…\"\n]\n",
            ),
            (
                "l1.rpc_urls = ['https://u:S@h:1/S\"S', \"S\"]\n",
                "l1.rpc_urls = [\"https://…@h:1/…\", \"…\"]\n",
            ),
            (
                "[[monitoring.receivers]]\ntype = \"telegram\"\ntoken = \"1:S\"\nchat = -1\nto = \"S\"\n",
                "[[monitoring.receivers]]\ntype = \"telegram\"\ntoken = \"…\"\nchat = …\nto = \"…\"\n",
            ),
            (
                "monitoring = { receivers = [ { type = \"slack\", url = \"https://h/S\" } ], heartbeat_url = \"https://h/S\" }\n",
                "monitoring = { receivers = [ { type = \"slack\", url = \"…\" } ], heartbeat_url = \"https://h/…\" }\n",
            ),
            (
                "[networks.mine]\nl1_chain_id = 1\nblobs = [\"s3://b/S?k=S\"]\n",
                "[networks.mine]\nl1_chain_id = 1\nblobs = [\"s3://b/…\"]\n",
            ),
            (
                "unknown = \"S\"\n[unknown-2]\na = 7\n",
                "unknown = \"…\"\n[unknown-2]\na = …\n",
            ),
            ("key = SECRET\n", "…\n"),
        ];
        for (text, expected) in cases {
            let found = shown(text, &release);
            assert_eq!(found.shown(), expected, "{text}");
            assert_eq!(found.content(), text);
        }
    }
}
