//! A role is a row of `names/role.rs` and its environment. No other source knows it, and the reference describes all of it.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use aztec::kinds::Kind;
use aztec::settings::{Ports, Settings, flags};
use aztec::{Component, Releases, Role, desired};

/// Every source below a folder.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The part of a source that is in the program, without tests and comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_small_role_is_known_in_two_sources() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for name in ["aztec", "cli", "server", "provision"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    let is_test = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy();
        name == "tests"
            || name.ends_with("_tests")
            || path.components().any(|it| it.as_os_str() == "tests")
    };
    files.retain(|path| !is_test(path));
    assert!(files.len() > 150, "{}", files.len());
    for (role, variant) in [("bootnode", "Bootnode"), ("txe", "Txe"), ("bot", "Bot")] {
        let names = [
            format!("::{variant}"),
            format!("\"{role}\""),
            format!("\"{role}."),
            format!("aztec-{role}"),
        ];
        let knows = |path: &&PathBuf| {
            let text = code(&fs::read_to_string(path).unwrap());
            names.iter().any(|name| {
                let after = text
                    .match_indices(name)
                    .map(|(at, _)| &text[at + name.len()..]);
                after
                    .into_iter()
                    .any(|rest| !rest.starts_with(char::is_alphanumeric))
            })
        };
        let mut known: Vec<_> = files
            .iter()
            .filter(knows)
            .map(|path| path.strip_prefix(crates).unwrap().display().to_string())
            .collect();
        known.sort();
        assert_eq!(
            known,
            ["aztec/src/names/role.rs", "aztec/src/roles/small.rs"],
            "{role}"
        );
    }
}

/// A component with keystores in its row is checked without a change of the check.
#[test]
fn the_check_of_keystores_follows_the_rows() {
    let check = code(include_str!("../src/checks/keys/keystore.rs"));
    for name in ["layout::", "Role::", "Component::"] {
        assert!(!check.contains(name), "{name}");
    }
}

#[test]
fn the_reference_has_every_key_of_every_role_and_every_port() {
    let text = include_str!("../../../docs/reference/kit-toml.md");
    let row = |key: &str| text.contains(&format!("\n| `{key}` |"));
    for spec in Role::all().map(Role::spec) {
        for key in ["enabled"].iter().chain(spec.keys) {
            assert!(
                row(&format!("{}.{key}", spec.table)),
                "{}.{key}",
                spec.table
            );
        }
    }
    // A flag sets a described key.
    for flag in flags() {
        assert!(row(&flag.key), "{}", flag.key);
    }
    for port in Ports::known() {
        let (name, default) = (port.name(), port.default);
        let is_listed = match name {
            Some(name) => text.contains(&format!("`{name}` {default}")),
            None => text.contains(&format!("\n| `{}` | {default} |", port.key)),
        };
        assert!(is_listed, "{} {default}", port.key);
    }
}

/// A role without an environment in `roles`, or without flags in any release, would be accepted and run nothing.
#[test]
fn every_role_runs_its_components_with_the_flags_of_a_release() {
    // No release has a PXE, and each one states that.
    for role in Role::all().filter(|role| *role != Role::Pxe) {
        let spec = role.spec();
        let broker = match spec.keys.contains(&"broker_url") {
            true => "broker_url = \"http://10.0.0.5:8180\"\n",
            false => "",
        };
        let releases = Releases::carried();
        let settings = releases.versions().find_map(|version| {
            let text = format!(
                "release = \"{version}\"\n[{}]\nenabled = true\n{broker}",
                spec.table
            );
            Settings::parse(&text).ok().map(|settings| (settings, text))
        });
        let (settings, text) = settings.unwrap_or_else(|| panic!("no release has {role:?}"));
        let graph = desired(&settings, &common::facts(), text.as_str()).unwrap();
        for (component, _) in settings.components() {
            let unit = graph.nodes().iter().find_map(|node| match &node.resource {
                Kind::Unit(unit) if unit.name == component.spec().unit => Some(&unit.text),
                _ => None,
            });
            let unit = unit.unwrap_or_else(|| panic!("{component:?} of {role:?} runs nothing"));
            let flags = settings.release.flags(component);
            assert!(!flags.is_empty(), "{component:?}");
            for flag in flags {
                assert!(
                    unit.contains(flag.as_str()),
                    "{component:?}: {flag}: {unit}"
                );
            }
        }
    }
}

#[test]
fn every_unit_of_a_role_is_named_after_aztec() {
    for component in Component::all() {
        let spec = component.spec();
        assert!(
            spec.unit.starts_with("aztec-") && spec.unit.ends_with(".service"),
            "{}",
            spec.unit
        );
        assert!(spec.title.starts_with("Aztec "), "{}", spec.title);
    }
}
