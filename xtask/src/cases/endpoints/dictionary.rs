//! The error dictionary, read as `explain` does: the first entry that has a string of a line counts for the line.

use anyhow::{Context as _, Result};
use toml::Value;

use crate::sh;

const PATH: &str = "crates/aztec/data/errors.toml";

/// The rows of which the node prints nothing that could be explained.
pub(super) const SILENT: &[&str] = &["trickles", "consensus: never answers"];

/// One entry.
#[derive(Debug)]
struct Known {
    id: String,
    lines: Vec<String>,
    /// Whether the line means a problem.
    is_bad: bool,
}

/// The entries, in the order of the file.
#[derive(Debug)]
pub(super) struct Dictionary(Vec<Known>);

impl Dictionary {
    /// Reads it from the sources.
    pub fn read() -> Result<Dictionary> {
        let text = std::fs::read_to_string(sh::workspace().join(PATH)).context(PATH)?;
        Dictionary::parse(&text)
    }

    fn parse(text: &str) -> Result<Dictionary> {
        let table: toml::Table = text.parse()?;
        let known = table["known"].as_array().context("no entries")?;
        let read = |entry: &Value| -> Option<Known> {
            let lines = entry.get("lines")?.as_array()?.iter();
            Some(Known {
                id: entry.get("id")?.as_str()?.to_owned(),
                lines: lines
                    .filter_map(|it| it.as_str().map(str::to_owned))
                    .collect(),
                is_bad: entry.get("severity")?.as_str()? != "pass",
            })
        };
        let known: Option<Vec<_>> = known.iter().map(read).collect();
        Ok(Dictionary(known.context("an entry is incomplete")?))
    }

    /// The id of the entry of the first line in a log that means a problem.
    pub fn explains(&self, log: &str) -> Option<&str> {
        let entry_of = |line: &str| {
            let has = |entry: &&Known| entry.lines.iter().any(|it| line.contains(it));
            self.0.iter().find(has)
        };
        let mut found = log
            .lines()
            .filter_map(entry_of)
            .filter(|entry| entry.is_bad);
        found.next().map(|entry| entry.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Dictionary;

    #[test]
    fn the_first_line_that_means_a_problem_counts() {
        let text = "[[known]]\nid = \"fine\"\nlines = [\"no traces\"]\nseverity = \"pass\"\n\
                    [[known]]\nid = \"bad\"\nlines = [\"refused\"]\nseverity = \"fail\"\n\
                    [[known]]\nid = \"worse\"\nlines = [\"refused at\"]\nseverity = \"fail\"\n";
        let dictionary = Dictionary::parse(text).unwrap();
        let of = |log| dictionary.explains(log);
        assert_eq!(of("no traces, refused\nx refused at y"), Some("bad"));
        assert_eq!(of("no traces\nnothing"), None);
        assert!(Dictionary::parse("[[known]]\nid = \"x\"\n").is_err());
    }

    #[test]
    fn that_of_the_sources_is_read() {
        let dictionary = Dictionary::read().unwrap();
        assert_eq!(dictionary.explains("Status: 429"), Some("l1-limit"));
    }
}
