//! Rules that no compiler knows: about texts, and about the files that use each other ([`layers`]).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::{layers, links, sh, words};

/// A source file with more lines than this holds more than one thing, unless it says why it is long.
const LINES: usize = 400;
/// A file of tests may be longer, because its parts are independent.
const TEST_LINES: usize = 600;
/// The beginning of the sentence that says why a file is long.
const LONG: &str = "//! Long because ";

/// Checks every file that git tracks or would track.
pub fn check() -> Result<()> {
    let root = sh::workspace();
    let listed = sh::quiet(
        "git",
        &[
            "-C",
            &root.display().to_string(),
            "ls-files",
            "-z",
            "-co",
            "--exclude-standard",
        ],
    )?;
    let mirrors = mirrors();
    let mut faults = Vec::new();
    let mut listed: Vec<_> = listed.split('\0').filter(|name| !name.is_empty()).collect();
    listed.sort_unstable();
    let mut sources = BTreeMap::new();
    for name in &listed {
        // Binary files, and files deleted but not yet from the index, have no text to judge.
        let Ok(text) = fs::read_to_string(root.join(name)) else {
            continue;
        };
        let words = words::faults_of(name, &text).into_iter();
        let links = links::faults(name, &text, |path| root.join(path).exists());
        faults.extend(words.chain(links).map(|fault| format!("{name}: {fault}")));
        faults.extend(walls(name, &text));
        if name.ends_with("Cargo.toml") && text.contains("[package]") && !inherits_lints(&text) {
            faults.push(format!("{name}: lacks `[lints] workspace = true`"));
        }
        if !name.ends_with(".lock") {
            for mirror in mirrors
                .iter()
                .filter(|mirror| text.contains(mirror.as_str()))
            {
                faults.push(format!(
                    "{name}: names this machine's own registry {mirror}"
                ));
            }
        }
        if name.ends_with(".rs") {
            let own = source(name, &text).into_iter();
            faults.extend(own.map(|fault| format!("{name}: {fault}")));
            sources.insert((*name).to_owned(), text);
        }
    }
    faults.extend(layers::faults(&sources));
    let decisions: Vec<_> = listed.iter().filter_map(|name| decision(name)).collect();
    if let Ok(index) = fs::read_to_string(root.join("docs/decisions/README.md")) {
        for file in decisions.iter().filter(|file| !index.contains(**file)) {
            faults.push(format!("docs/decisions/README.md: does not list {file}"));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn source(name: &str, text: &str) -> Vec<String> {
    // In halves, so that this file does not accuse itself.
    let needles = [
        ["to", "do!("],
        ["unimple", "mented!("],
        ["FIX", "ME"],
        ["#[ig", "nore"],
        ["db", "g!("],
    ]
    .map(|halves| halves.concat());
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for needle in needles
            .iter()
            .filter(|needle| line.contains(needle.as_str()))
        {
            faults.push(format!("line {}: `{needle}`", number + 1));
        }
    }
    let count = text.lines().count();
    let longest = match name.ends_with("tests.rs") || name.contains("tests/") {
        true => TEST_LINES,
        false => LINES,
    };
    if count > longest && !text.contains(LONG) {
        faults.push(format!("{count} lines, more than {longest}"));
    }
    faults
}

/// Who must not know of whom: a folder or the beginning of a file's name, and words that its files must not have.
const WALLS: &[(&str, &[&str], &str)] = &[
    (
        "crates/provision/src/host/fake",
        &["crate::tools", "crate::kinds"],
        "the host in memory reads what is read with the code that it is there to try",
    ),
    (
        "crates/keys/",
        &["std::net", "reqwest", "tokio", "l1::"],
        "keys know no network",
    ),
    (
        "crates/cli/src/commands/",
        &["RealHost", "Access::here", "FileJournal"],
        "a command is handed its host",
    ),
];

fn walls(name: &str, text: &str) -> Vec<String> {
    let behind = WALLS.iter().filter(|(place, ..)| name.starts_with(place));
    behind
        .flat_map(|(_, words, why)| {
            let known = words.iter().filter(|word| text.contains(**word));
            known.map(move |word| format!("{name}: `{word}`: {why}"))
        })
        .collect()
}

fn inherits_lints(manifest: &str) -> bool {
    manifest
        .split_once("[lints]")
        .is_some_and(|(_, rest)| rest.trim_start().starts_with("workspace = true"))
}

/// The file name of a decision record, `docs/decisions/NNNN-*.md`.
fn decision(path: &str) -> Option<&str> {
    let file = path.strip_prefix("docs/decisions/")?;
    let (number, _) = file.split_once('-')?;
    let numbered = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && file.ends_with(".md")).then_some(file)
}

/// Host names of the registries this machine is configured for, which no file may carry away.
fn mirrors() -> Vec<String> {
    let mut texts = Vec::new();
    if sh::find("npm").is_some() {
        texts.push(sh::quiet("npm", &["config", "get", "registry"]).unwrap_or_default());
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    for file in [
        format!("{cargo}/config.toml"),
        "/etc/apt/sources.list".to_owned(),
    ] {
        texts.push(fs::read_to_string(file).unwrap_or_default());
    }
    for entry in fs::read_dir(Path::new("/etc/apt/sources.list.d"))
        .into_iter()
        .flatten()
        .flatten()
    {
        texts.push(fs::read_to_string(entry.path()).unwrap_or_default());
    }
    let mut hosts: Vec<_> = texts.iter().flat_map(|text| hosts(text)).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// The host names of all URLs in a text, comments apart.
fn hosts(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split("://").skip(1))
        .filter_map(|rest| {
            let end = |sign: char| !(sign.is_ascii_alphanumeric() || ".-_~%:@".contains(sign));
            let authority = rest.split(end).next()?;
            let host = authority.rsplit('@').next()?.split(':').next()?;
            host.contains('.').then(|| host.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LONG, decision, hosts, inherits_lints, source, walls};

    #[test]
    fn needles_are_found_with_their_lines() {
        let text = ["fn a() {", &["    to", "do!()"].concat(), "}"].join("\n");
        assert_eq!(source("a.rs", &text), [["line 2: `to", "do!(`"].concat()]);
    }

    #[test]
    fn a_long_file_is_of_tests_or_says_why() {
        let long = "x\n".repeat(401);
        for name in ["src/a.rs", "src/cases/a.rs"] {
            assert_eq!(source(name, &long), ["401 lines, more than 400"]);
        }
        assert!(source("src/a.rs", &format!("{LONG}it is a table.\n{long}")).is_empty());
        for name in ["tests/a.rs", "src/a_tests.rs", "src/tests/a.rs"] {
            assert!(source(name, &long).is_empty());
            let longer = format!("{long}{long}");
            assert_eq!(source(name, &longer), ["802 lines, more than 600"]);
        }
    }

    #[test]
    fn walls_are_about_their_own_files() {
        let text = "use crate::tools::images;\nRealHost.meta(path)";
        let found = |name: &str| walls(name, text).len();
        assert_eq!(found("crates/provision/src/host/fake/engine.rs"), 1);
        assert_eq!(found("crates/provision/src/host/fake/sshd.rs"), 1);
        assert_eq!(found("crates/cli/src/commands/keys/place.rs"), 1);
        assert_eq!(found("crates/cli/src/context.rs"), 0);
        assert_eq!(found("crates/provision/src/host/probe.rs"), 0);
    }

    #[test]
    fn hosts_are_taken_out_of_urls() {
        let text = "# http://old.example/\nURIs: http://a.example:8080/debian\n\
            deb [x=y] https://user:word@b.example/ s main\nregistry = \"sparse+https://c.example/i/\"";
        assert_eq!(hosts(text), ["a.example", "b.example", "c.example"]);
    }

    #[test]
    fn manifests_and_decisions() {
        assert!(inherits_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[package]\n[lints]\n[dependencies]\n"));
        assert_eq!(decision("docs/decisions/0003-why.md"), Some("0003-why.md"));
        assert_eq!(decision("docs/decisions/README.md"), None);
    }
}
