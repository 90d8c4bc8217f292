//! The output of a command, and a check of the documents in it.

use serde_json::Value;

use super::verbs::verbs;
use crate::documents::schemas;

/// The output and the exit code of a command.
#[derive(Debug)]
pub struct Output {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Output {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code, and that standard error contains this text.
    pub fn ends(self, code: u8, why: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(why), "{why} is not in {self:?}");
        self
    }
}

/// The documents of each verb, in addition to `failure`.
pub const VERBS: &[(&str, &[&str])] = &[
    ("alert test", &["alert-test"]),
    ("apply", &["outcome"]),
    ("bootstrap", &["outcome", "plan"]),
    ("checks list", &["checks-list"]),
    ("confirm", &["confirm"]),
    ("doctor", &["bundle", "doctor"]),
    ("explain", &["explain"]),
    ("forget", &["forget"]),
    ("keys check", &["findings"]),
    ("keys export", &["keys-export"]),
    ("keys import", &["keys-made"]),
    ("keys list", &["keys-list"]),
    ("keys new", &["keys-made"]),
    ("keys staker-output", &["staker-output"]),
    ("logs", &["log-line"]),
    ("plan", &["plan"]),
    ("preflight", &["findings"]),
    ("release check", &["release-check"]),
    ("release list", &["release-list"]),
    ("setup", &["outcome", "plan"]),
    ("smoke", &["smoke"]),
    ("start", &["services"]),
    ("status", &["status"]),
    ("stop", &["services"]),
];

/// The verb of a command, with its second word if it has one.
fn verb(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let two = words[..2.min(words.len())].join(" ");
    match verbs().contains(&two) {
        true => two,
        false => words[0].to_owned(),
    }
}

/// Checks the document that a command printed, and returns its name.
pub fn printed(line: &str, output: &Output) -> &'static str {
    let document: Value = serde_json::from_str(&output.out)
        .unwrap_or_else(|error| panic!("{line}: {error}: {output:?}"));
    let name = schemas::checked(&document);
    let verb = verb(line);
    let own = VERBS.iter().find(|(of, _)| *of == verb);
    let own = own.map_or(&[][..], |(_, own)| own);
    if name == "failure" {
        assert_eq!(document["exit_code"], output.code, "{line}");
        assert_ne!(output.code, 0, "{line}");
    } else {
        assert!(own.contains(&name), "{line} prints {name}");
    }
    name
}

/// Checks each line of standard error, and returns the names of the events.
pub fn events(output: &Output) -> Vec<String> {
    let lines = output.err.lines();
    let names = lines.map(|line| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|it| panic!("{it}: {line}"));
        assert_eq!(schemas::checked(&event), "progress");
        event["event"].as_str().unwrap().to_owned()
    });
    names.collect()
}
