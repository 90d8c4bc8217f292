//! Circles of files.

use std::collections::{BTreeMap, BTreeSet};

use super::edges::Edge;

/// The uses that are part of a circle: the used file leads back to the one that uses it.
pub(super) fn circles(edges: &[Edge]) -> Vec<&Edge> {
    let mut used: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in edges {
        used.entry(&edge.from).or_default().push(&edge.to);
    }
    let reached: BTreeMap<_, _> = used.keys().map(|file| (*file, from(file, &used))).collect();
    let leads_back = |edge: &&Edge| {
        let reached = reached.get(&edge.to[..]);
        reached.is_some_and(|files| files.contains(&edge.from[..]))
    };
    edges.iter().filter(leads_back).collect()
}

/// All files that a file depends on, directly or through others.
fn from<'a>(file: &'a str, used: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for next in used.get(file).into_iter().flatten() {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}
