//! Compares the data of 4.1.2 with the facts of its real binary.
//!
//! `tests/data/start-help-4.1.2.txt` is the output of `start --help`, and `env-names-4.1.2.txt` the `EnvVar`
//! union of its packages. The head of `data/releases/4.1.2/env.toml` describes how both were obtained.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::{Release, Releases, Type};

const HELP: &str = include_str!("../../tests/data/start-help-4.1.2.txt");
const NAMES: &str = include_str!("../../tests/data/env-names-4.1.2.txt");

fn release() -> Release {
    Releases::carried().release("4.1.2", None).unwrap()
}

/// A variable in the help.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    flags: Vec<String>,
    default: Option<String>,
}

/// Reads lines like `    --port <value>    (default: 8080)    ($AZTEC_PORT)`.
fn parse(help: &str) -> BTreeMap<String, Listed> {
    let mut all: BTreeMap<String, Listed> = BTreeMap::new();
    for line in help.lines().filter(|line| line.starts_with("    --")) {
        let Some((rest, name)) = line
            .trim()
            .strip_suffix(')')
            .and_then(|line| line.rsplit_once("($"))
        else {
            continue;
        };
        let listed = all.entry(name.into()).or_default();
        let flag = rest.split_whitespace().next().unwrap();
        listed.flags.push(flag.into());
        // The help hides the defaults of secrets, and shows an empty list as nothing.
        let default = rest
            .split_once("(default: ")
            .and_then(|(_, default)| default.trim_end().strip_suffix(')'));
        listed.default = default
            .filter(|default| !["", "[Redacted]"].contains(default))
            .map(Into::into)
            .or_else(|| listed.default.take());
    }
    all
}

#[test]
fn the_flags_and_defaults_of_4_1_2_are_those_of_its_help() {
    let help = parse(HELP);
    assert_eq!(help.len(), 249);
    for (name, variable) in &release().table().variables {
        let listed = help.get(name);
        let flags = listed
            .map(|listed| listed.flags.as_slice())
            .unwrap_or_default();
        assert_eq!(variable.flags, flags, "{name}");
        let Some(listed) = listed else { continue };
        match &listed.default {
            Some(default) => assert_eq!(variable.default.as_ref(), Some(default), "{name}"),
            // The help does not print defaults that are 0, false, empty or missing.
            None => assert!(
                [None, Some("0"), Some("false")].contains(&variable.default.as_deref()),
                "{name}"
            ),
        }
    }
}

#[test]
fn the_names_of_4_1_2_are_those_of_its_packages() {
    let names: BTreeSet<_> = NAMES.lines().collect();
    let release = release();
    let listed: BTreeSet<_> = release
        .table()
        .variables
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(listed, names);
    assert!(parse(HELP).keys().all(|name| names.contains(name.as_str())));
}

#[test]
fn the_help_of_4_1_2_shows_known_types() {
    let release = release();
    let table = release.table();
    for (name, listed) in parse(HELP) {
        let kind = table.variables[&name].kind;
        match listed.default.as_deref() {
            Some("true") => assert_eq!(kind, Type::Boolean, "{name}"),
            Some(text) if text.parse::<f64>().is_ok() => {
                let numeric = [Type::Integer, Type::Number, Type::Bigint].contains(&kind);
                assert!(numeric, "{name}");
            }
            _ => {}
        }
    }
}

#[test]
fn the_stored_help_does_not_reveal_the_machine_that_it_is_from() {
    for word in [
        "/opt/",
        "/tmp/",
        "/home/",
        "/root/",
        "registry.",
        "npmjs",
        "http:/",
        "https:/",
    ] {
        let lines: Vec<_> = HELP.lines().filter(|line| line.contains(word)).collect();
        // The one example of a URL scheme in the help of the release.
        let expected = usize::from(word == "http:/");
        assert_eq!(lines.len(), expected, "{word}: {lines:?}");
    }
}
