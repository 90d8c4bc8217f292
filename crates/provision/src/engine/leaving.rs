//! The order in which leftovers are reverted. They follow all desired resources, except for processes. A process that
//! depends on a resource that is about to change is stopped first: it may listen at a port that a smaller table no
//! longer closes.

use std::collections::BTreeSet;

use super::plan::made;
use super::{Entry, Receipt, Resource, ResourceId};
use crate::Fault;

/// The leftovers that are still there, in the order in which they can be reverted.
#[derive(Debug)]
pub(super) struct Leaving<'a> {
    receipt: &'a Receipt,
    left: Vec<(&'a Entry, bool)>,
}

impl<'a> Leaving<'a> {
    /// All leftovers of a desired state.
    ///
    /// # Errors
    ///
    /// When one is of a kind that this version of aztec-kit does not know.
    pub(super) fn of<R: Resource>(
        receipt: &'a Receipt,
        wanted: &BTreeSet<ResourceId>,
    ) -> Result<Self, Fault> {
        let left = receipt.unwanted(wanted).into_iter();
        let left = left.map(|entry| Ok((entry, made::<R>(entry)?.is_process())));
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
            .filter(|(entry, process)| *process && below(entry).contains(id))
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
