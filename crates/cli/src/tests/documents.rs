//! What is printed for machines is as published: every document that any test here prints is compared with its schema.

use std::collections::BTreeSet;
use std::fs;

use clap::CommandFactory;
use provision::host::FileType;
use serde_json::Value;

use super::looking::verbs;
use super::world::{SETUP, Said, World, server};
use crate::args::Args;
use crate::documents::schemas;

/// Which documents a verb prints, beside `failure`.
const VERBS: &[(&str, &[&str])] = &[
    ("alert test", &["alert-test"]),
    ("apply", &["outcome"]),
    ("bootstrap", &["outcome", "plan"]),
    ("explain", &["explain"]),
    ("keys check", &["findings"]),
    ("keys export", &["keys-export"]),
    ("keys import", &["keys-made"]),
    ("keys list", &["keys-list"]),
    ("keys new", &["keys-made"]),
    ("keys staker-output", &["staker-output"]),
    ("plan", &["plan"]),
    ("preflight", &["findings"]),
    ("release check", &["release-check"]),
    ("release list", &["release-list"]),
    ("setup", &["outcome", "plan"]),
    ("smoke", &["smoke"]),
    ("status", &["status"]),
];

/// The verb of a command, with its second word where it has one.
fn verb(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let two = words[..2.min(words.len())].join(" ");
    match verbs().contains(&two) {
        true => two,
        false => words[0].to_owned(),
    }
}

/// Checks what a command printed for machines; gives the name of the document.
pub fn printed(line: &str, said: &Said) -> &'static str {
    let document: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{line}: {error}: {said:?}"));
    let name = schemas::checked(&document);
    let verb = verb(line);
    let (_, own) = VERBS.iter().find(|(of, _)| *of == verb).expect(line);
    if name == "failure" {
        assert_eq!(document["exit_code"], said.code, "{line}");
        assert_ne!(said.code, 0, "{line}");
    } else {
        assert!(own.contains(&name), "{line} prints {name}");
    }
    name
}

/// Whether a verb takes `--json`.
fn for_machines(verb: &str) -> bool {
    let mut command = &Args::command();
    for word in verb.split_whitespace() {
        command = command.find_subcommand(word).expect(verb);
    }
    command.get_arguments().any(|it| it.get_id() == "json")
}

#[test]
fn every_verb_for_machines_says_what_it_prints() {
    for verb in verbs() {
        let listed = VERBS.iter().any(|(of, _)| *of == verb);
        assert_eq!(
            listed,
            for_machines(&verb) || verb == "keys staker-output",
            "{verb}"
        );
    }
}

#[test]
fn the_reference_says_what_each_verb_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/json.md");
    let text = fs::read_to_string(path).unwrap();
    for (verb, names) in VERBS {
        let links: Vec<_> = names
            .iter()
            .map(|it| format!("[{it}](schemas/{it}.json)"))
            .collect();
        let row = format!("| `{verb}` | {} |", links.join(", "));
        assert!(text.contains(&row), "json.md lacks {row}");
    }
}

/// Every document is printed once here, so that none has a schema that nothing was ever compared with.
#[test]
fn every_document_is_as_published() {
    const JUNK: &str = "test test test test test test test test test test test junk";
    let world = World::new(server());
    let mut host = world.host.lock();
    for dir in ["/srv", "/srv/6.9.9"] {
        host.plant(dir, FileType::Directory, b"", 0o700);
    }
    let described = b"like = \"6.0.0\"\n";
    host.plant("/srv/6.9.9/release.toml", FileType::File, described, 0o600);
    drop(host);
    let mut seen = BTreeSet::new();
    for (line, input) in [
        (&*format!("{SETUP} --dry-run --json"), ""),
        (&*format!("{SETUP} --yes --json"), ""),
        ("setup --json", ""),
        ("stop", ""),
        ("plan --json", ""),
        ("apply --json", ""),
        ("preflight --json", ""),
        ("smoke --json", ""),
        ("status --json", ""),
        ("explain docker.service --json", ""),
        ("release list --json", ""),
        ("release check /srv/6.9.9 --json", ""),
        ("alert test --json", ""),
        ("keys import --mnemonic-stdin --json", JUNK),
        ("keys list --json", ""),
        ("keys check --json", ""),
        (
            "keys export --out /root/backup --password-stdin --json",
            "horse",
        ),
        (
            "keys staker-output --l1-rpc-urls http://127.0.0.1:2 --registry 0x0000000000000000000000000000000000000001",
            "",
        ),
    ] {
        let said = world.piped(line, input);
        if !said.out.is_empty() && line != "stop" {
            seen.insert(printed(line, &said));
        }
    }
    let all: BTreeSet<_> = schemas::names().into_iter().collect();
    assert_eq!(seen, all);
}
