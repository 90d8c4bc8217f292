//! No kind is without a test here.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push(path),
        }
    }
    found
}

/// The types of a source that implement the contract.
fn kinds(source: &str) -> impl Iterator<Item = &str> {
    let implementations = source.lines().filter(|line| line.starts_with("impl"));
    implementations.filter_map(|line| {
        let (_, of) = line.split_once(" Kind for ")?;
        of.split(['<', ' ']).next()
    })
}

#[test]
fn every_kind_is_in_the_graph_of_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = |folder: &str| -> Vec<String> {
        let files = sources(&root.join(folder)).into_iter();
        files
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    };
    let mut tests = texts("tests/conformance");
    tests.extend(texts("tests/common"));
    let sources = texts("src/kinds");
    let all: Vec<_> = sources.iter().flat_map(|source| kinds(source)).collect();
    assert!(all.len() > 15, "{all:?}");
    for kind in all {
        let variant = format!("{kind}({kind}");
        let tested = tests.iter().any(|text| text.contains(&variant));
        assert!(
            tested,
            "{kind}: no graph in tests/conformance or tests/common has it"
        );
    }
}
