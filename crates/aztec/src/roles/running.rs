//! Services that run a unit, and their inputs.

use std::path::PathBuf;

use provision::engine::{Graph, Resource, ResourceId};
use provision::kinds::{Input, Service, Unit};
use sha2::{Digest, Sha256};

use crate::kinds::Kind;

/// An input of a service, which is already in the graph.
pub(crate) fn input(graph: &Graph<Kind>, id: &ResourceId, path: PathBuf) -> Input {
    let sha256 = |bytes: &[u8]| Some(const_hex::encode(Sha256::digest(bytes)));
    Input {
        wanted: match graph.get(id) {
            Some(Kind::File(file)) => Some(file.sha256()),
            Some(Kind::Unit(unit)) => sha256(unit.text.as_bytes()),
            Some(Kind::NpmTree(tree)) => sha256(tree.dir().as_os_str().as_encoded_bytes()),
            // Only the host knows these, so the content of its disk counts.
            _ => None,
        },
        id: id.clone(),
        path,
    }
}

/// A unit and the service that runs it.
pub(crate) struct Running {
    pub unit: Unit,
    /// The unit that runs: the unit itself, or an instance of it.
    pub name: String,
    pub inputs: Vec<(ResourceId, PathBuf)>,
    /// The resources that it comes after, in addition to its unit and its inputs.
    pub after: Vec<ResourceId>,
}

impl Running {
    /// Adds the service to a graph that has its unit; returns its id.
    pub fn add(self, graph: &mut Graph<Kind>) -> ResourceId {
        let (service, after) = self.service(graph);
        graph.add(service, after)
    }

    /// The service and its dependencies, each once, for a graph that has its inputs.
    pub fn service(self, graph: &Graph<Kind>) -> (Service, Vec<ResourceId>) {
        let unit = Kind::from(self.unit.clone()).id();
        let mut inputs = vec![input(graph, &unit, self.unit.path())];
        inputs.extend(
            self.inputs
                .iter()
                .map(|(id, path)| input(graph, id, path.clone())),
        );
        let mut after: Vec<ResourceId> = Vec::new();
        for id in inputs.iter().map(|input| &input.id).chain(&self.after) {
            if !after.contains(id) {
                after.push(id.clone());
            }
        }
        let service = Service {
            unit: self.name,
            active: true,
            at_boot: false,
            inputs,
        };
        (service, after)
    }
}
