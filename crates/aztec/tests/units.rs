//! What systemd says of every unit file and drop-in that the reviewed hosts get.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aztec::kinds::Kind;
use common::graph;
use common::hosts::{CONTAINERS_WATCH, hosts};
use provision::engine::{Graph, Resource};
use provision::systemd::verify::complaints;

/// Where systemd looks for what an administrator wrote: systemd.unit(5).
const UNIT_DIR: &str = "/etc/systemd/system";

/// Every text for systemd that a host gets, by its place.
fn texts(graph: &Graph<Kind>) -> BTreeMap<PathBuf, String> {
    let mut texts = BTreeMap::new();
    for node in graph.nodes() {
        let place = || node.resource.files().remove(0);
        let text = match &node.resource {
            Kind::Unit(unit) => Some((unit.path(), unit.text.clone())),
            Kind::NftTable(table) => Some((table.unit().path(), table.unit().text)),
            Kind::DropIn(drop_in) => Some((place(), drop_in.text.clone())),
            // It is in /run, and its text is of no other kind.
            Kind::Birth(birth) => Some((Path::new(UNIT_DIR).join(&birth.unit), birth.text.clone())),
            Kind::File(file) if place().starts_with(UNIT_DIR) => {
                Some((place(), file.content().to_owned()))
            }
            _ => None,
        };
        texts.extend(text);
    }
    texts
}

/// Those of every reviewed host, by the name of the host.
fn of_hosts() -> Vec<(&'static str, BTreeMap<PathBuf, String>)> {
    let mut graphs = hosts();
    graphs.push((
        "a_local_node_that_containers_watch",
        graph(CONTAINERS_WATCH),
    ));
    let texts = graphs.iter().map(|(name, graph)| (*name, texts(graph)));
    texts.collect()
}

#[test]
fn systemd_takes_every_unit_and_drop_in_without_a_word() {
    let mut tried = 0;
    for (host, texts) in of_hosts() {
        tried += texts.len();
        let dir = tempfile::tempdir().unwrap();
        match complaints(dir.path(), &texts) {
            Some(said) => assert_eq!(said, "", "{host}"),
            None => return,
        }
    }
    assert!(tried > 50, "{tried}");
}
