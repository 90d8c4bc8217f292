//! What would change: the thing an operator consents to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::leaving::Leaving;
use super::{Change, Cx, Diff, Entry, Graph, Look, Node, Origin, Receipt, Resource, ResourceId};
use crate::host::{Early, Probe, Snapshot};
use crate::tools::systemctl::UnitState;
use crate::{Fault, code};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there and will be made.
    Create,
    /// It differs and will be brought in line.
    Update,
    /// It depends on something that an earlier step makes.
    KnownAfterApply,
    /// It is no longer wanted and will be as it was before.
    Remove,
    /// It is no longer wanted, but was there before us: it stays and is no longer looked after.
    Forget,
    /// Nothing to do.
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
    /// Which.
    pub id: ResourceId,
    /// What happens to it.
    pub action: Action,
    /// Every difference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Why nothing happens, or why it cannot be told yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What would be remembered of the state seen; see [`super::Kind::memory`].
    #[serde(skip)]
    pub memory: Option<Value>,
}

/// A resource that could not be looked at.
#[derive(Debug)]
pub struct Unseen {
    /// Which.
    pub id: ResourceId,
    /// Why not.
    pub fault: Fault,
}

/// All steps, in the order in which they would be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// Steps, the ones with nothing to do included.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Looks at the host and compares. Changes nothing.
    pub fn make<R: Resource>(
        graph: &Graph<R>,
        receipt: &Receipt,
        probe: &dyn Probe,
    ) -> Result<Self, Fault> {
        Self::make_with(graph, receipt, probe, None)
    }

    /// The same, where some of it was asked already.
    pub fn make_with<R: Resource>(
        graph: &Graph<R>,
        receipt: &Receipt,
        probe: &dyn Probe,
        asked: Option<Early>,
    ) -> Result<Self, Fault> {
        let (plan, unseen) = Self::survey(graph, receipt, probe, asked)?;
        match unseen.into_iter().next() {
            None => Ok(plan),
            Some(unseen) => Err(unseen.fault),
        }
    }

    /// As much of a plan as can be made, and the resources that cannot be looked at. For people, who lose sight of
    /// nothing else by it: nobody agrees to a part of a plan.
    ///
    /// # Errors
    ///
    /// When systemd does not answer, and when what is on record is not understood.
    pub fn survey<R: Resource>(
        graph: &Graph<R>,
        receipt: &Receipt,
        probe: &dyn Probe,
        asked: Option<Early>,
    ) -> Result<(Self, Vec<Unseen>), Fault> {
        let order = graph.ordered()?;
        let snapshot = Snapshot::of(probe);
        let probe: &dyn Probe = &snapshot;
        let look = |node: &Node<R>, units: &BTreeMap<String, UnitState>| {
            let id = node.resource.id();
            let look = node.resource.look(&Cx {
                probe,
                memory: receipt.get(&id).and_then(|entry| entry.memory.as_ref()),
                units: Some(units),
            })?;
            Ok(Step::of(id, look))
        };
        // Reads may be parallel: systemd is asked once about all units, and what does not need its answer
        // is looked at meanwhile. Its answer takes longest, so the question does not wait for a thread to begin.
        let names = graph.units();
        let none = BTreeMap::new();
        let questions = graph.questions();
        let mut missing = questions.clone();
        missing.retain(|it| !asked.as_ref().is_some_and(|asked| asked.asked(it)));
        let (early, units) = std::thread::scope(|scope| {
            if !missing.is_empty() {
                scope.spawn(|| snapshot.ahead(missing));
            }
            let early = scope.spawn(|| {
                let early = order
                    .iter()
                    .map(|node| needs_no_answer(&node.resource).then(|| look(node, &none)));
                early.collect::<Vec<_>>()
            });
            let mut asked = asked;
            let units = units(&names, probe, asked.as_mut());
            if let Some(asked) = asked {
                snapshot.learn(asked.answers(&questions));
            }
            let early = early.join();
            (
                early.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                units,
            )
        });
        let units = units?;
        let (mut steps, mut unseen) = (Vec::new(), Vec::new());
        let mut leaving = Leaving::of::<R>(receipt, &graph.ids())?;
        let goes = |entry: &Entry| Ok(Step::unwanted(entry, &made::<R>(entry)?));
        // What may change: what differs, and what comes after that.
        let mut due = BTreeSet::new();
        for (node, early) in order.iter().zip(early) {
            let id = node.resource.id();
            match early.unwrap_or_else(|| look(node, &units)) {
                Ok(step) => {
                    if step.action != Action::Keep || node.after.iter().any(|id| due.contains(id)) {
                        let first = leaving.before(&id).into_iter().map(goes);
                        steps.extend(first.collect::<Result<Vec<_>, Fault>>()?);
                        due.insert(id);
                    }
                    steps.push(step);
                }
                Err(fault) => unseen.push(Unseen { id, fault }),
            }
        }
        let last = leaving.rest().map(goes);
        steps.extend(last.collect::<Result<Vec<_>, Fault>>()?);
        Ok((Self { steps }, unseen))
    }

    /// Steps that do something.
    pub fn pending(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action != Action::Keep)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.pending().next().is_none()
    }

    /// The step of that resource.
    pub fn step(&self, id: &ResourceId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

impl Step {
    /// A step from one look.
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
}

impl Step {
    /// A step that takes away what is no longer wanted.
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

/// The resource of an entry.
///
/// # Errors
///
/// When it is of a kind that this program does not know.
pub(super) fn made<R: Resource>(entry: &Entry) -> Result<R, Fault> {
    serde_json::from_value(entry.spec.clone()).map_err(|error| {
        Fault::new(format!(
            "{} is on record in a way that this program does not know",
            entry.id
        ))
        .fix(format!(
            "A newer aztec-kit made it: use that version, or a newer one. `aztec-kit forget '{}'` leaves it as it is \
             and takes it off the record.",
            entry.id
        ))
        .because(error)
        .coded(code::NEWER_RECORD)
    })
}

/// Why something goes, and what of it does not.
fn unwanted<R: Resource>(entry: &Entry, resource: &R) -> String {
    const WHY: &str = "no longer part of the configuration";
    match resource.spared() {
        Some(spared) if entry.origin == Origin::Created => format!("{WHY}; {spared}"),
        _ => WHY.into(),
    }
}

/// Whether it can be looked at before any program has answered.
fn needs_no_answer<R: Resource>(resource: &R) -> bool {
    resource.units().is_empty() && resource.question().is_none()
}

/// Asks systemd once about all units that the resources care for.
pub(super) fn units(
    names: &BTreeSet<String>,
    probe: &dyn Probe,
    asked: Option<&mut Early>,
) -> Result<BTreeMap<String, UnitState>, Fault> {
    let early = asked.and_then(|asked| asked.about(names));
    early.unwrap_or_else(|| probe.units(names))
}
