//! The record of what aztec-kit manages on this host: the journal, folded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ResourceId;
use super::record::Event;

/// How a resource came to be managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It did not exist before aztec-kit created it.
    Created,
    /// It existed and had drifted. Its prior state is kept.
    Changed,
    /// It was already in sync when aztec-kit adopted it. It is never removed.
    Adopted,
}

/// One managed resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which.
    pub id: ResourceId,
    /// Its newest specification.
    pub spec: Value,
    /// How it came to be managed.
    pub origin: Origin,
    /// The prior state; nothing for adopted resources.
    pub prior: Value,
    /// The memory of the last apply that converged.
    #[serde(default)]
    pub memory: Option<Value>,
    /// Whether an intent has no end, because a run died in the middle.
    #[serde(default)]
    pub open: bool,
    /// Its dependencies at the last run. It is reverted before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<ResourceId>,
}

/// A change that can lock out the operator, until it is confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unconfirmed {
    /// Which resource.
    pub id: ResourceId,
    /// Its specification.
    pub spec: Value,
    /// The state just before this change, which aztec-kit may have made.
    pub prior: Value,
    /// Its entry before this change. The change may be its removal.
    pub before: Option<Entry>,
    /// The deadline, microseconds since the epoch. A reboot moves it.
    pub until_us: i64,
}

/// A change that was not confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RolledBack {
    /// Which resource.
    pub id: ResourceId,
    /// When, microseconds since the epoch.
    pub at_us: i64,
    /// The reason if it was left as it is anyway.
    #[serde(default)]
    pub kept: Option<String>,
}

/// All managed resources, in the order in which they came to be managed, and named values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Resources.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// Changes that wait for their confirmation, in the order in which they were made.
    #[serde(default)]
    pub unconfirmed: Vec<Unconfirmed>,
    /// Whether the rollback of unconfirmed changes has begun.
    #[serde(
        default,
        rename = "taking_back",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub rolling_back: bool,
    /// Changes that were rolled back, until each is made again.
    #[serde(default, rename = "taken_back")]
    pub rolled_back: Vec<RolledBack>,
    /// Named values.
    #[serde(default)]
    pub notes: BTreeMap<String, Value>,
}

impl Receipt {
    /// The state after all events.
    pub fn fold(events: impl IntoIterator<Item = Event>) -> Self {
        let mut receipt = Self::default();
        for event in events {
            receipt.step(event);
        }
        receipt
    }

    /// The direct and indirect dependencies of these changes.
    pub(super) fn stood_on(&self, changes: &[Unconfirmed]) -> BTreeSet<ResourceId> {
        let entries = changes.iter();
        self.below(
            entries.filter_map(|change| change.before.as_ref().or_else(|| self.get(&change.id))),
        )
    }

    /// The direct and indirect dependencies of these entries.
    pub(super) fn below<'a>(
        &'a self,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> BTreeSet<ResourceId> {
        let (mut found, mut left) = (BTreeSet::new(), Vec::from_iter(entries));
        while let Some(entry) = left.pop() {
            let new = entry.after.iter().filter(|id| found.insert((*id).clone()));
            left.extend(new.filter_map(|id| self.get(id)));
        }
        found
    }

    /// Whether a change of that resource waits for its confirmation.
    pub(super) fn waits(&self, id: &ResourceId) -> bool {
        self.unconfirmed.iter().any(|change| change.id == *id)
    }

    /// The entry of that id.
    pub fn get(&self, id: &ResourceId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// The leftovers of a desired state, in the order in which they can be reverted: each before its dependencies,
    /// otherwise the newest first.
    pub fn unwanted(&self, wanted: &BTreeSet<ResourceId>) -> Vec<&Entry> {
        let mut left: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| !wanted.contains(&entry.id))
            .collect();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let needed = |id: &ResourceId| left.iter().any(|other| other.after.contains(id));
            // aztec-kit never records a cycle. If there is one, its newest entry goes first.
            let next = left.iter().rposition(|entry| !needed(&entry.id));
            order.push(left.remove(next.unwrap_or(left.len() - 1)));
        }
        order
    }

    /// Applies one event.
    pub fn step(&mut self, event: Event) {
        let position = |id: &ResourceId| self.entries.iter().position(|entry| entry.id == *id);
        match event {
            Event::Begin { .. } => {}
            Event::Snapshot { receipt } => *self = receipt,
            Event::Adopted {
                id,
                spec,
                memory,
                after,
            } => match position(&id) {
                // It is managed already. Its origin and its prior state stay as they are.
                Some(at) => {
                    let entry = &mut self.entries[at];
                    entry.spec = spec;
                    entry.open = false;
                    entry.memory = memory;
                    entry.after = after;
                }
                None => self.entries.push(Entry {
                    id,
                    spec,
                    origin: Origin::Adopted,
                    prior: Value::Null,
                    memory,
                    open: false,
                    after,
                }),
            },
            Event::Guarded { change } => {
                // As in the entries, the state before the first of several changes counts.
                match self.unconfirmed.iter_mut().find(|old| old.id == change.id) {
                    Some(old) => (old.spec, old.until_us) = (change.spec, change.until_us),
                    None => self.unconfirmed.push(change),
                }
            }
            Event::Extended { until_us } => {
                for change in &mut self.unconfirmed {
                    change.until_us = until_us;
                }
            }
            Event::RollingBack => self.rolling_back = true,
            Event::Confirmed => {
                self.unconfirmed.clear();
                self.rolling_back = false;
            }
            Event::RolledBack { before, what } => {
                self.unconfirmed.retain(|change| change.id != what.id);
                self.rolling_back &= !self.unconfirmed.is_empty();
                match (position(&what.id), before) {
                    (Some(at), Some(before)) => self.entries[at] = before,
                    (Some(at), None) => drop(self.entries.remove(at)),
                    // The change was its removal.
                    (None, Some(before)) => self.entries.push(before),
                    (None, None) => {}
                }
                self.rolled_back.push(what);
            }
            Event::Intent {
                id,
                spec,
                prior,
                origin,
                after,
            } => match self.position_of_change(&id) {
                Some(at) => {
                    let entry = &mut self.entries[at];
                    entry.spec = spec;
                    entry.after = after;
                    entry.open = true;
                    // The first prior state is the host before aztec-kit. A later one may be an intermediate state of
                    // aztec-kit's own. An adopted resource is at its prior state until its first change.
                    if entry.origin == Origin::Adopted {
                        entry.origin = Origin::Changed;
                        entry.prior = prior;
                    }
                }
                None => self.entries.push(Entry {
                    id,
                    spec,
                    origin,
                    prior,
                    memory: None,
                    open: true,
                    after,
                }),
            },
            Event::Done { id, memory } => {
                if let Some(at) = position(&id) {
                    self.entries[at].open = false;
                    self.entries[at].memory = memory;
                }
            }
            Event::Removing { id } => {
                if let Some(at) = position(&id) {
                    self.entries[at].open = true;
                }
            }
            Event::Released { id } => {
                // A removal that can lock out the operator waits for its confirmation anyway.
                self.entries.retain(|entry| entry.id != id);
                self.rolled_back.retain(|what| what.id != id);
            }
            Event::Noted { name, value } => {
                self.notes.insert(name, value);
            }
        }
    }

    /// The index of the entry of a resource that is about to change. The resource no longer counts as rolled back.
    fn position_of_change(&mut self, id: &ResourceId) -> Option<usize> {
        self.rolled_back.retain(|what| what.id != *id);
        self.entries.iter().position(|entry| entry.id == *id)
    }
}
