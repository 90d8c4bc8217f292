//! The draft of a host's roles.

use provision::engine::{Graph, Resource, ResourceId};

use super::base::Base;
use super::running::Running;
use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::settings::Settings;

/// The roles of a host while they are built, with the settings that they are built from.
///
/// Everything that services read comes before the first service, whichever role adds it. systemd then reads all units at
/// once, and nothing runs before the last role is known to be possible.
pub(crate) struct Draft<'a> {
    pub settings: &'a Settings,
    pub facts: &'a HostFacts,
    pub base: &'a Base,
    graph: &'a mut Graph<Kind>,
    /// The services and the resources among them, in order.
    running: Vec<(Kind, Vec<ResourceId>)>,
}

impl<'a> Draft<'a> {
    /// An empty draft, on a graph with the base of every host.
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

    /// Adds a resource that services read or need; returns its id.
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

    /// Adds a resource with a position among the services; returns its id.
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

    /// Adds the services after everything else.
    pub fn finish(self) {
        for (resource, after) in self.running {
            self.graph.add(resource, after);
        }
    }
}
