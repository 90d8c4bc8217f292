//! What the roles of a host are drawn up on.

use provision::engine::{Graph, Resource, ResourceId};

use super::base::Base;
use super::running::Running;
use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::settings::Settings;

/// The roles of a host as they are drawn up, with what they are made from.
///
/// All that services read comes before the first of them, whichever role adds it: systemd then reads all units at once, and
/// nothing runs before the last role was found to be possible.
pub(crate) struct Draft<'a> {
    pub settings: &'a Settings,
    pub facts: &'a HostFacts,
    pub base: &'a Base,
    graph: &'a mut Graph<Kind>,
    /// What comes behind it, in order.
    running: Vec<(Kind, Vec<ResourceId>)>,
}

impl<'a> Draft<'a> {
    /// An empty one, on a graph that has all that every host has.
    pub fn new(
        graph: &'a mut Graph<Kind>,
        settings: &'a Settings,
        facts: &'a HostFacts,
        base: &'a Base,
    ) -> Self {
        Self {
            settings,
            facts,
            base,
            graph,
            running: Vec::new(),
        }
    }

    /// Adds something that services read, or that they need; returns its id.
    pub fn add(
        &mut self,
        resource: impl Into<Kind>,
        after: impl IntoIterator<Item = ResourceId>,
    ) -> ResourceId {
        self.graph.add(resource, after)
    }

    /// Adds a service; returns its id.
    pub fn run(&mut self, running: Running) -> ResourceId {
        let (service, after) = running.service(self.graph);
        self.with_services(service, after)
    }

    /// Adds something that has its place among the services; returns its id.
    pub fn with_services(
        &mut self,
        resource: impl Into<Kind>,
        after: impl IntoIterator<Item = ResourceId>,
    ) -> ResourceId {
        let resource = resource.into();
        let id = resource.id();
        self.running.push((resource, after.into_iter().collect()));
        id
    }

    /// Puts the services behind all the rest.
    pub fn finish(self) {
        for (resource, after) in self.running {
            self.graph.add(resource, after);
        }
    }
}
