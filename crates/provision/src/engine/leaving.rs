//! What is no longer wanted, and when it goes: after all that is wanted, but for processes. One that came after what is
//! about to change goes before that: it may listen at a port that a smaller table closes no more.

use std::collections::BTreeSet;

use super::plan::made;
use super::{Entry, Receipt, Resource, ResourceId};
use crate::Fault;

/// What has not gone yet, in the order in which it can go.
#[derive(Debug)]
pub(super) struct Leaving<'a> {
    receipt: &'a Receipt,
    left: Vec<(&'a Entry, bool)>,
}

impl<'a> Leaving<'a> {
    /// All that these do not want any more.
    ///
    /// # Errors
    ///
    /// When something is of a kind that this program does not know.
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

    /// What goes before this one is changed: processes that came after it, and whatever came after those.
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

    /// All the others.
    pub(super) fn rest(self) -> impl Iterator<Item = &'a Entry> {
        self.left.into_iter().map(|(entry, _)| entry)
    }
}
