//! systemd's verification of every unit file and drop-in of the reviewed hosts.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aztec::kinds::Kind;
use common::graph;
use common::hosts::{CONTAINERS_WATCH, hosts};
use provision::engine::{Graph, Resource};
use provision::systemd::verify::complaints;

/// The directory for the units of an administrator: systemd.unit(5).
const UNIT_DIR: &str = "/etc/systemd/system";

/// Every text for systemd that a host gets, by its path.
fn texts(graph: &Graph<Kind>) -> BTreeMap<PathBuf, String> {
    let mut texts = BTreeMap::new();
    for node in graph.nodes() {
        let place = || node.resource.files().remove(0);
        let text = match &node.resource {
            Kind::Unit(unit) => Some((unit.path(), unit.text.clone())),
            Kind::NftTable(table) => Some((table.unit().path(), table.unit().text)),
            Kind::DropIn(drop_in) => Some((place(), drop_in.text.clone())),
            // Its unit is in /run, and no other resource has its text.
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

/// The texts of every reviewed host, by the name of the host.
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
fn systemd_accepts_every_unit_and_drop_in_without_a_message() {
    let mut count = 0;
    for (host, texts) in of_hosts() {
        count += texts.len();
        let dir = tempfile::tempdir().unwrap();
        match complaints(dir.path(), &texts) {
            Some(complaints) => assert_eq!(complaints, "", "{host}"),
            None => return,
        }
    }
    assert!(count > 50, "{count}");
}
