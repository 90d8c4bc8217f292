//! The roles of a host: pure functions from settings to resources, one file each.

pub(crate) mod base;
pub(crate) mod extra;
pub(crate) mod keystore;
mod kit_toml;
pub(crate) mod l1;
pub(crate) mod l1_beacon;
pub(crate) mod node;
pub(crate) mod own;
pub(crate) mod process;
pub(crate) mod prover;
mod telemetry;

use std::path::PathBuf;

use provision::engine::{Graph, Resource, ResourceId};
use provision::kinds::{Input, Service, Unit};
use sha2::{Digest, Sha256};

use crate::kinds::Kind;
pub use kit_toml::KitToml;

/// Something a service reads, which is in the graph already.
pub(crate) fn input(graph: &Graph<Kind>, id: &ResourceId, path: PathBuf) -> Input {
    let sha256 = |bytes: &[u8]| Some(const_hex::encode(Sha256::digest(bytes)));
    Input {
        wanted: match graph.get(id) {
            Some(Kind::File(file)) => Some(file.sha256()),
            Some(Kind::Unit(unit)) => sha256(unit.text.as_bytes()),
            Some(Kind::NpmTree(tree)) => sha256(tree.dir().as_os_str().as_encoded_bytes()),
            // Only the host knows these: what is on its disk counts.
            _ => None,
        },
        id: id.clone(),
        path,
    }
}

/// A unit and the service that runs it. All units come before all services, so that systemd has to
/// read them only once.
pub(crate) struct Running {
    pub unit: Unit,
    /// The unit that runs: the unit itself, or an instance of it.
    pub name: String,
    pub inputs: Vec<(ResourceId, PathBuf)>,
    pub after: Vec<ResourceId>,
}

impl Running {
    /// Adds the service to a graph that has its unit; returns its id.
    pub fn add(self, graph: &mut Graph<Kind>) -> ResourceId {
        let unit = Kind::from(self.unit.clone()).id();
        let mut inputs = vec![input(graph, &unit, self.unit.path())];
        inputs.extend(
            self.inputs
                .iter()
                .map(|(id, path)| input(graph, id, path.clone())),
        );
        let mut after: Vec<_> = inputs.iter().map(|input| input.id.clone()).collect();
        after.extend(self.after);
        graph.add(
            Service {
                unit: self.name,
                active: true,
                at_boot: false,
                inputs,
            },
            after,
        )
    }
}
