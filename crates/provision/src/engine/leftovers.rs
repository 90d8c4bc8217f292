//! Leftovers: whether they can be reverted, and in which order. They follow all desired resources, except for
//! processes. A process that depends on a resource that is about to change is stopped first: it may listen at a port
//! that a smaller table no longer closes.

use std::collections::BTreeSet;

use super::{Cx, Entry, Graph, Origin, Receipt, Resource, ResourceId};
use crate::Fault;
use crate::host::Probe;

/// Checks that every leftover can be reverted, see [`super::Kind::revertible`]. Every run does so before it changes
/// anything.
///
/// # Errors
///
/// The first leftover that cannot be reverted, and the reason.
pub fn removable<R: Resource>(
    graph: &Graph<R>,
    receipt: &Receipt,
    probe: &dyn Probe,
) -> Result<(), (ResourceId, Fault)> {
    let unwanted = receipt.unwanted(&graph.ids()).into_iter();
    for entry in unwanted.filter(|it| it.origin != Origin::Adopted) {
        let cx = Cx {
            probe,
            memory: entry.memory.as_ref(),
            units: None,
        };
        entry
            .resource::<R>()
            .and_then(|resource| resource.revertible(&entry.prior, &cx))
            .map_err(|fault| (entry.id.clone(), fault))?;
    }
    Ok(())
}

/// The remaining leftovers, in the order in which they can be reverted.
#[derive(Debug)]
pub(super) struct Leftovers<'a> {
    receipt: &'a Receipt,
    /// Each with whether it is a process.
    left: Vec<(&'a Entry, bool)>,
}

impl<'a> Leftovers<'a> {
    /// All leftovers of a desired state.
    ///
    /// # Errors
    ///
    /// When one is of a kind that this version of aztec-kit does not know.
    pub(super) fn of<R: Resource>(
        receipt: &'a Receipt,
        desired: &BTreeSet<ResourceId>,
    ) -> Result<Self, Fault> {
        let left = receipt.unwanted(desired).into_iter();
        let left = left.map(|entry| Ok((entry, entry.resource::<R>()?.is_process())));
        Ok(Self {
            receipt,
            left: left.collect::<Result<_, Fault>>()?,
        })
    }

    /// The leftovers to revert before this resource is changed: processes that depend on it, and everything that
    /// depends on those.
    pub(super) fn before(&mut self, id: &ResourceId) -> Vec<&'a Entry> {
        let below = |entry: &'a Entry| self.receipt.below([entry]);
        let processes = self.left.iter();
        let processes: BTreeSet<_> = processes
            .filter(|(entry, is_process)| *is_process && below(entry).contains(id))
            .map(|(entry, _)| &entry.id)
            .collect();
        let goes = |entry: &'a Entry| {
            processes.contains(&entry.id) || below(entry).iter().any(|id| processes.contains(id))
        };
        let (now, later) = std::mem::take(&mut self.left)
            .into_iter()
            .partition(|(entry, _)| goes(entry));
        self.left = later;
        let now: Vec<(_, bool)> = now;
        now.into_iter().map(|(entry, _)| entry).collect()
    }

    /// All remaining leftovers.
    pub(super) fn rest(self) -> impl Iterator<Item = &'a Entry> {
        self.left.into_iter().map(|(entry, _)| entry)
    }
}
