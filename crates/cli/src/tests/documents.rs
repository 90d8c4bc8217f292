//! Documents match their published schemas: every document that a test here prints is compared with its schema.

use std::collections::BTreeSet;
use std::fs;

use provision::host::FileType;
use provision::tools::journal;
use serde_json::json;

use super::output::{VERBS, events, printed};
use super::verbs::verbs;
use super::world::{SETUP, World, server};
use crate::documents::{LogLine, Versioned, schemas};

/// Verbs without a document: systemd runs them, or their result has a format of its own.
const WITHOUT: &[&str] = &[
    "beacon",
    "collect",
    "completions",
    "man",
    "metrics",
    "take-back",
];

#[test]
fn every_verb_has_documents_or_is_listed_without_them() {
    let world = World::new(server());
    for verb in verbs() {
        let listed = VERBS.iter().any(|(of, _)| *of == verb);
        assert_ne!(listed, WITHOUT.contains(&verb.as_str()), "{verb}");
    }
    for verb in WITHOUT {
        world.untouched(|| {
            world
                // `completions` needs an argument.
                .kit(&match *verb {
                    "completions" => "completions bash --json".to_owned(),
                    verb => format!("{verb} --json"),
                })
                .ends(2, "no JSON document")
        });
    }
}

#[test]
fn a_run_reports_its_progress_as_json() {
    let world = World::new(server());
    // The reader of JSON progress is a program, which cannot consent.
    let line = format!("{SETUP} --progress json");
    world.untouched(|| world.asked(&line, "y").ends(2, "no terminal"));
    let output = world.kit(&format!("{line} --yes"));
    assert!(output.out.contains("node answers"), "{output:?}");
    let events = events(&output);
    let count = |name: &str| events.iter().filter(|it| *it == name).count();
    assert_eq!(count("phase"), 4, "{events:?}");
    assert!(count("step-started") > 10);
    assert_eq!(count("step-started"), count("step-finished"));
    assert!(count("unconfirmed") > 0 && count("note") > 0);
    assert!(!output.err.contains("\\u001b"), "{output:?}");
    let plain = World::new(server()).kit(&format!("{SETUP} --yes --progress plain"));
    assert!(plain.err.contains("1/4 provisioning"), "{plain:?}");
}

#[test]
fn the_reference_lists_the_documents_of_each_verb() {
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

/// Every document is printed once here, so every schema is compared with a real document.
#[test]
fn every_document_matches_its_published_schema() {
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
    // The host in memory has no journalctl.
    let entry = r#"{"__REALTIME_TIMESTAMP":"1","_SYSTEMD_UNIT":"a.service","MESSAGE":"b"}"#;
    let entry = journal::entry(entry).unwrap();
    seen.insert(schemas::checked(&json!(Versioned::from(&LogLine::from(
        &entry
    )))));
    let output = world.kit("metrics --json --progress json");
    assert_eq!(events(&output), ["note", "note"]);
    seen.insert("progress");
    for (line, input) in [
        (&*format!("{SETUP} --dry-run --json"), ""),
        (&*format!("{SETUP} --yes --json"), ""),
        ("setup --json", ""),
        ("confirm --json", ""),
        ("forget directory[/etc/aztec] --json", ""),
        ("stop --json", ""),
        ("plan --json", ""),
        ("apply --json", ""),
        ("preflight --json", ""),
        ("smoke --json", ""),
        ("status --json", ""),
        ("explain docker.service --json", ""),
        ("checks list --json", ""),
        ("doctor --json", ""),
        ("doctor --bundle --json", ""),
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
        let output = world.piped(line, input);
        seen.insert(printed(line, &output));
    }
    let all: BTreeSet<_> = schemas::names().into_iter().collect();
    assert_eq!(seen, all);
}
