//! The record of what aztec-kit manages on this host: the journal, folded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Resource, ResourceId};
use crate::{Fault, code};

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

impl Entry {
    /// Its resource, from the specification.
    ///
    /// # Errors
    ///
    /// When this version of aztec-kit does not know its kind.
    pub(super) fn resource<R: Resource>(&self) -> Result<R, Fault> {
        serde_json::from_value(self.spec.clone()).map_err(|error| {
            Fault::new(format!(
                "the journal has a record of {} that this version of aztec-kit does not know",
                self.id
            ))
            .fix(format!(
                "A newer aztec-kit made it. Use that version or a newer one, or run `aztec-kit forget '{}'`, which leaves \
                 the resource as it is and stops managing it.",
                self.id
            ))
            .because(error)
            .coded(code::NEWER_RECORD)
        })
    }
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
}
