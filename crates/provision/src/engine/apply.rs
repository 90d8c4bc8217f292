//! Converging: one step at a time, each re-observed before and after, each journaled before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::plan::{self, Action};
use super::{
    ApplyCx, Cx, Diff, Entry, Event, Graph, Guard, Journal, Look, Node, Origin, Plan, Receipt,
    Resource, ResourceId, Reverted, Step, Unconfirmed,
};
use crate::Fault;
use crate::host::{Hands, clear_staged};
use crate::tools::systemctl::UnitState;

/// What the operator agreed to.
#[derive(Debug, Clone, Copy)]
pub enum Consent<'a> {
    /// Whatever the configuration asks for (`--yes`, or nobody to ask).
    Configuration,
    /// Just this plan: a host that changed since it was shown stops the run.
    Plan(&'a Plan),
}

/// Tells people how it goes. Never decides anything.
pub trait Progress {
    /// A step begins.
    fn begin(&mut self, id: &ResourceId, action: Action);
    /// A long step says what it does.
    fn note(&mut self, text: &str);
    /// A step ended well.
    fn end(&mut self, applied: &Applied);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&mut self, _: &ResourceId, _: Action) {}
    fn note(&mut self, _: &str) {}
    fn end(&mut self, _: &Applied) {}
}

/// A change that was made.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Which resource.
    pub id: ResourceId,
    /// What happened to it.
    pub action: Action,
    /// How long it took.
    pub took: Duration,
    /// Why something was left as it is.
    pub kept: Option<String>,
}

/// All changes of a run that went through.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// In the order in which they were made; empty when the host was as wanted.
    pub applied: Vec<Applied>,
}

/// A run that did not go through.
#[derive(Debug)]
pub struct Stop {
    /// At which resource.
    pub at: Option<ResourceId>,
    /// Why.
    pub fault: Fault,
    /// What had been changed before.
    pub applied: Vec<Applied>,
}

/// One run: what it works with.
pub struct Apply<'a> {
    /// The host.
    pub hands: &'a mut dyn Hands,
    /// The journal.
    pub journal: &'a mut dyn Journal,
    /// What was agreed to.
    pub consent: Consent<'a>,
    /// Set from outside to stop between two steps.
    pub cancel: &'a AtomicBool,
    /// Who is told.
    pub progress: &'a mut dyn Progress,
}

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Apply")
    }
}

impl Apply<'_> {
    /// Brings the host to the desired state. After a failure or a kill, call it again.
    pub fn run<R: Resource>(&mut self, graph: &Graph<R>) -> Result<Outcome, Stop> {
        self.run_guarded(graph, None)
    }

    /// The same, where a change that can cut the operator off is taken back unless it is confirmed in time.
    pub fn run_guarded<R: Resource>(
        &mut self,
        graph: &Graph<R>,
        guard: Option<&Guard>,
    ) -> Result<Outcome, Stop> {
        let mut applied = Vec::new();
        let mut at = None;
        match self.steps(graph, guard, &mut applied, &mut at) {
            Ok(()) => Ok(Outcome { applied }),
            Err(fault) => Err(Stop { at, fault, applied }),
        }
    }

    fn steps<R: Resource>(
        &mut self,
        graph: &Graph<R>,
        guard: Option<&Guard>,
        applied: &mut Vec<Applied>,
        at: &mut Option<ResourceId>,
    ) -> Result<(), Fault> {
        let receipt = self.journal.receipt()?;
        // What is wanted is looked at once here, and each step again when its turn comes.
        let plan = Plan::make(graph, &receipt, self.hands.probe())?;
        let mut touched = BTreeSet::new();
        for node in graph.ordered()? {
            let id = node.resource.id();
            *at = Some(id.clone());
            let planned = plan.step(&id).map_or(Action::Decide, |step| step.action);
            let due = planned != Action::Keep || node.after.iter().any(|id| touched.contains(id));
            if due && self.converge(node, &receipt, guard, applied)? {
                touched.insert(id);
            } else if !due {
                let memory = plan.step(&id).and_then(|step| step.memory.clone());
                self.adopt(node, memory, &receipt)?;
            }
        }
        let wanted: BTreeSet<_> = graph
            .nodes()
            .iter()
            .map(|node| node.resource.id())
            .collect();
        for entry in receipt.entries.iter().rev() {
            if !wanted.contains(&entry.id) {
                *at = Some(entry.id.clone());
                self.release::<R>(entry, &receipt, applied)?;
            }
        }
        Ok(())
    }

    fn check_cancel(&self) -> Result<(), Fault> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Fault::new("interrupted between two steps")
                .fix("Run the same command again: it goes on where this one stopped."));
        }
        Ok(())
    }

    fn look<R: Resource>(
        &self,
        resource: &R,
        receipt: &Receipt,
        units: Option<&BTreeMap<String, UnitState>>,
    ) -> Result<Look, Fault> {
        resource.look(&Cx {
            probe: self.hands.probe(),
            memory: receipt
                .get(&resource.id())
                .and_then(|entry| entry.memory.as_ref()),
            units,
        })
    }

    /// Returns whether anything changed.
    fn converge<R: Resource>(
        &mut self,
        node: &Node<R>,
        receipt: &Receipt,
        guard: Option<&Guard>,
        applied: &mut Vec<Applied>,
    ) -> Result<bool, Fault> {
        self.check_cancel()?;
        let (resource, id) = (&node.resource, node.resource.id());
        // What this look and the change itself begin with is one answer of systemd.
        let names = resource.units().into_iter().collect();
        let units = plan::units(names, self.hands.probe(), None)?;
        let before = self.look(resource, receipt, Some(&units))?;
        if matches!(before.diff, Diff::InSync(_)) {
            self.adopt(node, before.memory, receipt)?;
            return Ok(false);
        }
        let (prior, absent) = (before.prior.clone(), before.absent);
        let step = Step::of(id.clone(), before);
        self.check_consent(&step)?;
        let started = Instant::now();
        self.progress.begin(&id, step.action);
        if let (Some(guard), true) = (guard, resource.guarded()) {
            let change = Unconfirmed {
                id: id.clone(),
                spec: serialized(resource)?,
                prior: prior.clone(),
                before: receipt.get(&id).cloned(),
                until_us: guard.until_us(self.hands.probe()),
            };
            self.journal.append(&Event::Guarded { change })?;
            guard.arm(&mut *self.hands)?;
        }
        self.journal.append(&Event::Intent {
            id: id.clone(),
            spec: serialized(resource)?,
            prior,
            origin: if absent {
                Origin::Created
            } else {
                Origin::Changed
            },
        })?;
        let memory = receipt.get(&id).and_then(|entry| entry.memory.as_ref());
        resource.apply(&mut ApplyCx {
            hands: &mut *self.hands,
            memory,
            units: Some(&units),
            note: &mut |text| self.progress.note(text),
        })?;
        let after = self.look(resource, receipt, None)?;
        if let Diff::Change(left) = &after.diff {
            return Err(did_not_converge(&id, left));
        }
        if let Diff::Unknown(why) = &after.diff {
            return Err(Fault::new(format!("{id} still cannot be observed: {why}"))
                .fix("Look at `aztec-kit logs`, then run the same command again."));
        }
        self.settle(resource, receipt)?;
        self.journal.append(&Event::Done {
            id: id.clone(),
            memory: after.memory,
        })?;
        let done = Applied {
            id,
            action: step.action,
            took: started.elapsed(),
            kept: None,
        };
        self.progress.end(&done);
        applied.push(done);
        Ok(true)
    }

    /// What is as wanted is recorded as looked after, once; and again when there is something new to
    /// remember of it, such as a process that a boot started.
    fn adopt<R: Resource>(
        &mut self,
        node: &Node<R>,
        memory: Option<Value>,
        receipt: &Receipt,
    ) -> Result<(), Fault> {
        if node.recorded_in(memory.as_ref(), receipt) {
            return Ok(());
        }
        self.settle(&node.resource, receipt)?;
        self.journal.append(&Event::Adopted {
            id: node.resource.id(),
            spec: serialized(&node.resource)?,
            memory,
        })
    }

    /// Clears away what a run that died had staged for the files of a resource. It may have wanted something else of
    /// them than this run, which then has no reason to stage it again.
    fn settle<R: Resource>(&mut self, resource: &R, receipt: &Receipt) -> Result<(), Fault> {
        let died = receipt.get(&resource.id()).is_some_and(|entry| entry.open);
        let files = if died { resource.files() } else { Vec::new() };
        files
            .iter()
            .try_for_each(|path| clear_staged(path, self.hands))
    }

    fn check_consent(&self, step: &Step) -> Result<(), Fault> {
        let Consent::Plan(shown) = self.consent else {
            return Ok(());
        };
        let agreed = shown.step(&step.id).is_some_and(|agreed| {
            // What could not be told, or follows from an earlier step, was agreed to as such.
            matches!(agreed.action, Action::Decide | Action::Keep) || agreed.changes == step.changes
        });
        if agreed {
            return Ok(());
        }
        Err(
            Fault::new(format!("{} changed since the plan was shown", step.id))
                .fix("Look at the new plan with `aztec-kit plan`, then apply it."),
        )
    }

    fn release<R: Resource>(
        &mut self,
        entry: &Entry,
        receipt: &Receipt,
        applied: &mut Vec<Applied>,
    ) -> Result<(), Fault> {
        self.check_cancel()?;
        let started = Instant::now();
        let mut done = Applied {
            id: entry.id.clone(),
            action: Action::Forget,
            took: Duration::ZERO,
            kept: None,
        };
        if entry.origin != Origin::Adopted {
            done.action = Action::Remove;
            self.progress.begin(&entry.id, done.action);
            let resource: R = serde_json::from_value(entry.spec.clone()).map_err(|error| {
                Fault::new(format!("failed to read how {} was made", entry.id)).because(error)
            })?;
            self.journal.append(&Event::Removing {
                id: entry.id.clone(),
            })?;
            let reverted = resource.revert(
                &entry.prior,
                &mut ApplyCx {
                    hands: &mut *self.hands,
                    memory: entry.memory.as_ref(),
                    units: None,
                    note: &mut |text| self.progress.note(text),
                },
            )?;
            if let Reverted::Kept(why) = reverted {
                done.kept = Some(why);
            }
            self.settle(&resource, receipt)?;
        }
        self.journal.append(&Event::Released {
            id: entry.id.clone(),
        })?;
        done.took = started.elapsed();
        self.progress.end(&done);
        applied.push(done);
        Ok(())
    }
}

fn serialized<R: Resource>(resource: &R) -> Result<Value, Fault> {
    serde_json::to_value(resource)
        .map_err(|error| Fault::new(format!("failed to record {}", resource.id())).because(error))
}

fn did_not_converge(id: &ResourceId, left: &[super::Change]) -> Fault {
    let left: Vec<_> = left
        .iter()
        .map(|change| match change {
            super::Change::Field { field, from, to } => format!("{field}: {from} instead of {to}"),
            super::Change::Content { .. } => "content".to_owned(),
        })
        .collect();
    Fault::new(format!("{id} did not converge ({})", left.join("; ")))
        .fix("Something else keeps changing it: find out what, then run the same command again.")
}
