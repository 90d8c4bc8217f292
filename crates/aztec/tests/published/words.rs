//! Log lines, and methods.

use std::collections::BTreeSet;

use toml::Value;

use super::Complaints;
use super::data::{Release, read, texts};
use super::js::words;
use super::packages::Packages;

/// The release that `files` of the dictionary refers to.
const FIRST: &str = "4.1.2";

/// Every entry of the dictionary has a string in the file that it names, or at least in that package, because files
/// change between releases.
pub fn errors(release: &Release, packages: &Packages, wrong: &mut Complaints) -> usize {
    let dictionary = read("errors.toml");
    let mut compared = 0;
    for entry in dictionary["known"].as_array().unwrap() {
        let (id, lines) = (entry["id"].as_str().unwrap(), texts(entry.get("lines")));
        let mut files = texts(entry.get("files"));
        if release.version != FIRST {
            files.extend(texts(entry.get("later")));
        }
        let packages_of: BTreeSet<_> = files.iter().map(|file| package(file)).collect();
        for name in packages_of.into_iter().filter(|name| packages.has(name)) {
            let says = |text: &str| lines.iter().any(|line| text.contains(line));
            let named = files.iter().filter(|file| package(file) == name);
            let in_file = named.filter_map(|file| packages.text(file)).any(says);
            let anywhere = || {
                packages
                    .below(&format!("{name}/"))
                    .any(|(_, text)| says(text))
            };
            let found = in_file || release.version != FIRST && anywhere();
            if !found {
                wrong.add(format!("{name} says nothing of the entry {id}"));
            }
            compared += 1;
        }
    }
    compared
}

/// Every string of an entry with files is in one of the releases, or marked as `unseen`.
pub fn each(all: &[Packages], wrong: &mut Complaints) -> usize {
    let dictionary = read("errors.toml");
    let mut compared = 0;
    for entry in dictionary["known"].as_array().unwrap() {
        let of_aztec = |key: &str| {
            let files = texts(entry.get(key));
            files.iter().any(|file| file.starts_with("@aztec/"))
        };
        if !of_aztec("files") && !of_aztec("later") {
            continue;
        }
        let unseen = texts(entry.get("unseen"));
        for line in texts(entry.get("lines")) {
            let mut files = all.iter().flat_map(|packages| packages.below("@aztec/"));
            if files.any(|(_, text)| text.contains(line)) == unseen.contains(&line) {
                let id = entry["id"].as_str().unwrap();
                wrong.add(format!(
                    "entry {id}: `{line}` is in no package, or is and is called unseen"
                ));
            }
            compared += 1;
        }
    }
    compared
}

/// `@scope/name` of a path.
fn package(file: &str) -> &str {
    let end = file
        .match_indices('/')
        .nth(1)
        .map_or(file.len(), |(at, _)| at);
    &file[..end]
}

/// The proxy offers the methods that a wallet's library calls.
pub fn methods(release: &Release, packages: &Packages, wrong: &mut Complaints) -> usize {
    let offered = read("public-methods.toml");
    let namespace = release.facts["rpc"].as_str().unwrap();
    let list = |name: &str| texts(offered.get(name));
    let ours: BTreeSet<_> = list("both").into_iter().chain(list(namespace)).collect();
    let mut called = BTreeSet::new();
    for (_, text) in packages.below("@aztec/aztec.js/") {
        for mark in [" node.", "(node.", "[node.", "Node.", "!node."] {
            called.extend(
                words(text, mark)
                    .into_iter()
                    .filter(|word| is_call(text, mark, word)),
            );
        }
    }
    // Only names with the prefix of the offered methods count, because other calls cannot be recognised.
    called.retain(|name| {
        ["get", "is", "find", "send", "simulate"]
            .iter()
            .any(|begin| name.starts_with(begin))
    });
    for name in called.difference(&ours) {
        wrong.add(format!(
            "a wallet calls {name}, which the proxy does not offer"
        ));
    }
    let tips = release
        .facts
        .get("tips")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !ours.contains(tips) {
        wrong.add(format!("the proxy does not offer {tips}"));
    }
    called.len()
}

fn is_call(text: &str, mark: &str, word: &str) -> bool {
    text.contains(&format!("{mark}{word}("))
}
