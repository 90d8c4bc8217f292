//! The desired state: resources and their dependencies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Receipt, Resource, ResourceId};
use crate::Fault;
use crate::host::Query;

/// A resource and its dependencies.
#[derive(Debug, Clone)]
pub struct Node<R> {
    /// The resource.
    pub resource: R,
    /// The resources that must converge first.
    pub after: Vec<ResourceId>,
}

impl<R: Resource> Node<R> {
    /// Whether the receipt has exactly this specification, closed, with this memory and these dependencies.
    pub(super) fn recorded_in(&self, memory: Option<&Value>, receipt: &Receipt) -> bool {
        let spec = serde_json::to_value(&self.resource).ok();
        receipt.get(&self.resource.id()).is_some_and(|entry| {
            !entry.open
                && Some(&entry.spec) == spec.as_ref()
                && entry.memory.as_ref() == memory
                && entry.after == self.after
        })
    }
}

/// The desired state of a host.
#[derive(Debug, Clone)]
pub struct Graph<R> {
    nodes: Vec<Node<R>>,
}

impl<R> Default for Graph<R> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

impl<R: Resource> Graph<R> {
    /// Adds a resource that depends on the given ones; returns its id.
    pub fn add(
        &mut self,
        resource: impl Into<R>,
        after: impl IntoIterator<Item = ResourceId>,
    ) -> ResourceId {
        let resource = resource.into();
        let id = resource.id();
        self.nodes.push(Node {
            resource,
            after: after.into_iter().collect(),
        });
        id
    }

    /// All nodes in the order they were added.
    pub fn nodes(&self) -> &[Node<R>] {
        &self.nodes
    }

    /// Every id.
    pub fn ids(&self) -> BTreeSet<ResourceId> {
        self.nodes.iter().map(|node| node.resource.id()).collect()
    }

    /// The units of all resources.
    pub fn units(&self) -> BTreeSet<String> {
        let nodes = self.nodes.iter();
        nodes.flat_map(|node| node.resource.units()).collect()
    }

    /// The queries of all resources, without duplicates: see [`super::Kind::question`].
    pub fn questions(&self) -> Vec<Query> {
        let mut questions = Vec::new();
        for question in self.nodes.iter().filter_map(|it| it.resource.question()) {
            if !questions.contains(&question) {
                questions.push(question);
            }
        }
        questions
    }

    /// The resource with that id.
    pub fn get(&self, id: &ResourceId) -> Option<&R> {
        self.nodes
            .iter()
            .map(|node| &node.resource)
            .find(|resource| resource.id() == *id)
    }

    /// Checks every specification and returns the nodes in dependency order. Ties keep the order of declaration.
    pub fn ordered(&self) -> Result<Vec<&Node<R>>, Fault> {
        let mut places = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            node.resource.validate()?;
            let id = node.resource.id();
            if let Some(other) = places.insert(id, at) {
                let id = self.nodes[other].resource.id();
                return Err(Fault::new(format!("{id} is declared twice")));
            }
        }
        let mut followers = vec![Vec::new(); self.nodes.len()];
        let mut waits_for = vec![0; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            for id in &node.after {
                let Some(&before) = places.get(id) else {
                    return Err(Fault::new(format!(
                        "{} depends on {id}, which is not declared",
                        node.resource.id()
                    )));
                };
                followers[before].push(at);
                waits_for[at] += 1;
            }
        }
        let all = 0..self.nodes.len();
        let mut ready: BTreeSet<_> = all.filter(|at| waits_for[*at] == 0).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(next) = ready.pop_first() {
            order.push(&self.nodes[next]);
            for &follower in &followers[next] {
                waits_for[follower] -= 1;
                if waits_for[follower] == 0 {
                    ready.insert(follower);
                }
            }
        }
        if order.len() < self.nodes.len() {
            return Err(Fault::new("the dependencies of the resources form a cycle"));
        }
        Ok(order)
    }
}
