//! The plan: every change that the operator consents to.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::leftovers::Leftovers;
use super::observe::observe_all;
use super::{Change, Diff, Entry, Graph, Look, Origin, Receipt, Resource, ResourceId};
use crate::Fault;
use crate::host::{Early, Probe};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The resource does not exist and will be created.
    Create,
    /// The resource has drifted and will be updated.
    Update,
    /// The change depends on something that an earlier step makes.
    KnownAfterApply,
    /// The resource is a leftover and will be reverted to its prior state.
    Remove,
    /// The resource is a leftover that aztec-kit adopted. It stays as it is and is no longer managed.
    Forget,
    /// The resource is in sync.
    Keep,
}

impl Action {
    /// The verb shown to people.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::KnownAfterApply => "known after apply",
            Self::Remove => "remove",
            Self::Forget => "forget",
            Self::Keep => "keep",
        }
    }
}

/// One resource in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// The resource.
    pub id: ResourceId,
    /// The action on it.
    pub action: Action,
    /// All drift.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The reason why nothing happens, or why the change is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The memory of the observed state; see [`super::Kind::memory`].
    #[serde(skip)]
    pub memory: Option<Value>,
}

/// A resource that could not be observed.
#[derive(Debug)]
pub struct Unseen {
    /// The resource.
    pub id: ResourceId,
    /// The reason.
    pub fault: Fault,
}

/// All steps of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// All steps, including those with nothing to do.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Observes the host and compares. Changes nothing.
    pub fn make<R: Resource>(
        graph: &Graph<R>,
        receipt: &Receipt,
        probe: &dyn Probe,
    ) -> Result<Self, Fault> {
        Self::make_with(graph, receipt, probe, None)
    }

    /// The same, with the answers to queries that were started earlier.
    pub fn make_with<R: Resource>(
        graph: &Graph<R>,
        receipt: &Receipt,
        probe: &dyn Probe,
        early: Option<Early>,
    ) -> Result<Self, Fault> {
        let (plan, unseen) = Self::survey(graph, receipt, probe, early)?;
        match unseen.into_iter().next() {
            None => Ok(plan),
            Some(unseen) => Err(unseen.fault),
        }
    }

    /// The plan as far as it can be made, and the resources that cannot be observed. It is for display only: nobody
    /// consents to part of a plan.
    ///
    /// # Errors
    ///
    /// When systemd does not answer, or when the receipt contains an unknown record.
    pub fn survey<R: Resource>(
        graph: &Graph<R>,
        receipt: &Receipt,
        probe: &dyn Probe,
        early: Option<Early>,
    ) -> Result<(Self, Vec<Unseen>), Fault> {
        let nodes = graph.ordered()?;
        let looks = observe_all(&nodes, graph, receipt, probe, early)?;
        let (mut steps, mut unseen) = (Vec::new(), Vec::new());
        let mut leftovers = Leftovers::of::<R>(receipt, &graph.ids())?;
        let goes = |entry: &Entry| Ok(Step::unwanted(entry, &entry.resource::<R>()?));
        // The resources that may change: those with drift, and those that depend on them.
        let mut due = BTreeSet::new();
        for (node, look) in nodes.into_iter().zip(looks) {
            let id = node.resource.id();
            match look {
                Ok(look) => {
                    let step = Step::of(id.clone(), look);
                    if step.action != Action::Keep || node.after.iter().any(|id| due.contains(id)) {
                        let first = leftovers.before(&id).into_iter().map(goes);
                        steps.extend(first.collect::<Result<Vec<_>, Fault>>()?);
                        due.insert(id);
                    }
                    steps.push(step);
                }
                Err(fault) => unseen.push(Unseen { id, fault }),
            }
        }
        let last = leftovers.rest().map(goes);
        steps.extend(last.collect::<Result<Vec<_>, Fault>>()?);
        Ok((Self { steps }, unseen))
    }

    /// Steps that change something.
    pub fn pending(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action != Action::Keep)
    }

    /// Whether no step changes anything.
    pub fn is_empty(&self) -> bool {
        self.pending().next().is_none()
    }

    /// Whether a run without changes would append nothing to the journal.
    pub fn is_recorded<R: Resource>(&self, graph: &Graph<R>, receipt: &Receipt) -> bool {
        graph.nodes().len() == receipt.entries.len()
            && graph.nodes().iter().all(|node| {
                let step = self.step(&node.resource.id());
                node.recorded_in(step.and_then(|step| step.memory.as_ref()), receipt)
            })
    }

    /// The step of that resource.
    pub fn step(&self, id: &ResourceId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

impl Step {
    /// Makes a step from one observation.
    pub fn of(id: ResourceId, look: Look) -> Self {
        let (action, changes, because) = match look.diff {
            Diff::InSync(because) => (Action::Keep, Vec::new(), Some(because)),
            Diff::Unknown(because) => (Action::KnownAfterApply, Vec::new(), Some(because)),
            Diff::Change(changes) if look.absent => (Action::Create, changes, None),
            Diff::Change(changes) => (Action::Update, changes, None),
        };
        Self {
            id,
            action,
            changes,
            because,
            memory: look.memory,
        }
    }

    /// The step that reverts or forgets a leftover.
    pub(super) fn unwanted<R: Resource>(entry: &Entry, resource: &R) -> Self {
        Self {
            id: entry.id.clone(),
            action: match entry.origin {
                Origin::Adopted => Action::Forget,
                Origin::Created | Origin::Changed => Action::Remove,
            },
            changes: Vec::new(),
            because: Some(unwanted(entry, resource)),
            memory: None,
        }
    }
}

/// Why a leftover is reverted, and which part of it stays.
fn unwanted<R: Resource>(entry: &Entry, resource: &R) -> String {
    const WHY: &str = "no longer part of the configuration";
    match resource.spared() {
        Some(spared) if entry.origin == Origin::Created => format!("{WHY}; {spared}"),
        _ => WHY.into(),
    }
}
