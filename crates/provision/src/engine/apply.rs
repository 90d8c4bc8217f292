//! Converging: one step at a time, each re-observed before and after, each journaled before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::inherit::inherit;
use super::plan::{self, Action};
use super::{
    Applied, ApplyCx, Change, Consent, Cx, Diff, Entry, Event, Graph, Guard, Journal, Look, Node,
    Origin, Outcome, Plan, Progress, Receipt, Resource, ResourceId, Reverted, Step, Stop,
    Unconfirmed,
};
use crate::Fault;
use crate::host::{Hands, Probe, clear_staged};
use crate::tools::systemctl::UnitState;

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

/// What a run knows, and has done so far.
struct Run<'a> {
    /// What was done before it.
    receipt: Receipt,
    guard: Option<&'a Guard>,
    /// Whether it made a change that waits for its confirmation.
    armed: bool,
    /// Whether it has begun a change.
    begun: bool,
    /// See [`ApplyCx::unread`].
    unread: bool,
    at: Option<ResourceId>,
    applied: Vec<Applied>,
}

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Apply")
    }
}

/// Whether all that is not wanted any more can go, see [`super::Kind::revertible`]. Every run asks before it changes anything.
///
/// # Errors
///
/// The first that cannot, and why.
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
        plan::made::<R>(entry)
            .and_then(|resource| resource.revertible(&entry.prior, &cx))
            .map_err(|fault| (entry.id.clone(), fault))?;
    }
    Ok(())
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
        let mut run = Run {
            receipt: match self.journal.receipt() {
                Ok(receipt) => receipt,
                Err(fault) => return Err(Stop::before(fault)),
            },
            guard,
            armed: false,
            begun: false,
            unread: false,
            at: None,
            applied: Vec::new(),
        };
        let ended = self.steps(graph, &mut run);
        let read = match run.unread {
            true => ApplyCx::new(&mut *self.hands, &mut |_| {}).read_units(),
            false => Ok(()),
        };
        let (at, applied) = (run.at.take(), std::mem::take(&mut run.applied));
        match ended.and(read).and(self.extend(&run)) {
            Ok(()) => Ok(Outcome { applied }),
            Err(fault) => Err(Stop {
                at,
                fault,
                applied,
                begun: run.begun,
            }),
        }
    }

    /// The time for a confirmation begins when there is nothing else to wait for, however the run ended.
    fn extend(&mut self, run: &Run<'_>) -> Result<(), Fault> {
        let Some(guard) = run.guard.filter(|_| run.armed) else {
            return Ok(());
        };
        let waiting = self.journal.receipt()?.unconfirmed;
        if waiting.is_empty() {
            return Ok(());
        }
        let restarted = guard.restart(self.hands, &waiting);
        if restarted.is_err() && self.journal.receipt()?.unconfirmed.is_empty() {
            // Confirmed at this moment.
            return Ok(());
        }
        restarted?;
        self.journal.append(&Event::Extended {
            until_us: guard.until_us(self.hands.probe()),
        })
    }

    fn steps<R: Resource>(&mut self, graph: &Graph<R>, run: &mut Run<'_>) -> Result<(), Fault> {
        // What is wanted is looked at once here, and each step again when its turn comes.
        let plan = match self.consent {
            Consent::Configuration(Some(plan)) => plan.clone(),
            _ => Plan::make(graph, &run.receipt, self.hands.probe())?,
        };
        if let Err((at, fault)) = removable(graph, &run.receipt, self.hands.probe()) {
            run.at = Some(at);
            return Err(fault);
        }
        self.inherit(graph, run)?;
        let unwanted = run.receipt.unwanted(&graph.ids());
        let unwanted: Vec<_> = unwanted.into_iter().cloned().collect();
        let mut touched = BTreeSet::new();
        for node in graph.ordered()? {
            let id = node.resource.id();
            run.at = Some(id.clone());
            let planned = plan.step(&id).map_or(Action::Decide, |step| step.action);
            let follows = node.after.iter().any(|id| touched.contains(id));
            let due = planned != Action::Keep || follows;
            if due && self.converge(node, follows, run)? {
                touched.insert(id);
            } else if !due {
                let memory = plan.step(&id).and_then(|step| step.memory.clone());
                self.adopt(node, memory, &run.receipt)?;
            }
        }
        for entry in unwanted {
            run.at = Some(entry.id.clone());
            if !self.waits::<R>(&entry, run)? {
                self.release::<R>(&entry, run)?;
            }
        }
        Ok(())
    }

    /// Puts on record what one resource has made and another one looks after by now.
    fn inherit<R: Resource>(&mut self, graph: &Graph<R>, run: &mut Run<'_>) -> Result<(), Fault> {
        let mut receipt = run.receipt.clone();
        if !inherit(graph, &mut receipt) {
            return Ok(());
        }
        let event = Event::Snapshot { receipt };
        // Whoever confirms a change meanwhile has the last word; then it is for the next run.
        if self.journal.append_if(&event, &|now| *now == run.receipt)? {
            run.receipt = self.journal.receipt()?;
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

    /// Records that a change begins. What can cut the operator off waits for its confirmation from here on, before it is
    /// made: somebody who confirms what was made earlier, at this moment, has not seen this one yet.
    fn begin<R: Resource>(
        &mut self,
        resource: &R,
        (spec, prior): (&Value, &Value),
        event: &Event,
        run: &mut Run<'_>,
    ) -> Result<(), Fault> {
        let Some(guard) = run.guard.filter(|_| resource.guarded()) else {
            self.journal.append(event)?;
            run.begun = true;
            return Ok(());
        };
        let id = resource.id();
        loop {
            let change = Unconfirmed {
                spec: spec.clone(),
                prior: prior.clone(),
                before: run.receipt.get(&id).cloned(),
                until_us: guard.until_us(self.hands.probe()),
                id: id.clone(),
            };
            self.journal.append(&Event::Guarded { change })?;
            let waiting = self.journal.receipt()?.unconfirmed;
            let armed = guard.arm(&mut *self.hands, &waiting);
            let waits = |receipt: &Receipt| receipt.unconfirmed.iter().any(|it| it.id == id);
            if armed.is_err() && waits(&self.journal.receipt()?) {
                return armed;
            }
            if armed.is_ok() && self.journal.append_if(event, &waits)? {
                (run.armed, run.begun) = (true, true);
                self.progress.armed(&waiting);
                return Ok(());
            }
        }
    }

    /// Returns whether anything changed.
    fn converge<R: Resource>(
        &mut self,
        node: &Node<R>,
        follows: bool,
        run: &mut Run<'_>,
    ) -> Result<bool, Fault> {
        self.check_cancel()?;
        let (resource, id) = (&node.resource, node.resource.id());
        // What this look and the change itself begin with is one answer of systemd.
        let names = resource.units().into_iter().collect();
        let units = plan::units(&names, self.hands.probe(), None)?;
        let before = self.look(resource, &run.receipt, Some(&units))?;
        if matches!(before.diff, Diff::InSync(_)) {
            self.adopt(node, before.memory, &run.receipt)?;
            return Ok(false);
        }
        let (prior, absent) = (before.prior.clone(), before.absent);
        let step = Step::of(id.clone(), before);
        self.check_consent(&step, follows)?;
        let started = Instant::now();
        self.progress.begin(&id, step.action);
        let spec = serialized(resource)?;
        let intent = Event::Intent {
            id: id.clone(),
            spec: spec.clone(),
            prior: prior.clone(),
            origin: if absent {
                Origin::Created
            } else {
                Origin::Changed
            },
            after: node.after.clone(),
        };
        self.begin(resource, (&spec, &prior), &intent, run)?;
        let memory = run.receipt.get(&id).and_then(|entry| entry.memory.as_ref());
        let mut note = |text: &str| self.progress.note(text);
        let mut cx = ApplyCx {
            memory,
            units: Some(&units),
            unread: run.unread,
            ..ApplyCx::new(&mut *self.hands, &mut note)
        };
        let made = resource.apply(&mut cx);
        run.unread = cx.unread;
        made?;
        let (made, seen) = (cx.made, cx.seen);
        let after = resource.look(&Cx {
            probe: self.hands.probe(),
            memory: made.as_ref().or(memory),
            units: seen.as_ref(),
        })?;
        if let Diff::Change(left) = &after.diff {
            return Err(did_not_converge(&id, left));
        }
        if let Diff::Unknown(why) = &after.diff {
            return Err(Fault::new(format!("{id} still cannot be observed: {why}"))
                .fix("Look at `aztec-kit logs`, then run the same command again."));
        }
        self.settle(resource, &run.receipt)?;
        self.journal.append(&Event::Done {
            id: id.clone(),
            memory: after.memory,
        })?;
        self.done(id, step.action, started, None, run);
        Ok(true)
    }

    fn done(
        &mut self,
        id: ResourceId,
        action: Action,
        started: Instant,
        kept: Option<String>,
        run: &mut Run<'_>,
    ) {
        let done = Applied {
            id,
            action,
            took: started.elapsed(),
            kept,
        };
        self.progress.end(&done);
        run.applied.push(done);
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
            after: node.after.clone(),
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

    fn check_consent(&self, step: &Step, follows: bool) -> Result<(), Fault> {
        if self.consent.covers(step, follows) {
            return Ok(());
        }
        Err(
            Fault::new(format!("{} changed since the plan was shown", step.id))
                .fix("Look at the new plan with `aztec-kit plan`, then apply it."),
        )
    }

    /// Leaves what a change that waits for its confirmation could not be taken back without: once it is confirmed, the
    /// next run takes it away.
    fn waits<R: Resource>(&mut self, entry: &Entry, run: &mut Run<'_>) -> Result<bool, Fault> {
        if run.guard.is_none() || entry.origin == Origin::Adopted {
            return Ok(false);
        }
        let waiting = self.journal.receipt()?.unconfirmed;
        if !run.receipt.stood_on(&waiting).contains(&entry.id) {
            return Ok(false);
        }
        let step = Step::unwanted(entry, &plan::made::<R>(entry)?);
        self.check_consent(&step, false)?;
        self.progress.begin(&entry.id, step.action);
        let why = "a change that is not confirmed yet could not be taken back without it; the next run after its \
                   confirmation takes it away";
        let (id, now) = (entry.id.clone(), Instant::now());
        self.done(id, step.action, now, Some(why.into()), run);
        Ok(true)
    }

    /// Takes away what is no longer wanted.
    fn release<R: Resource>(&mut self, entry: &Entry, run: &mut Run<'_>) -> Result<(), Fault> {
        self.check_cancel()?;
        let started = Instant::now();
        let resource = plan::made::<R>(entry)?;
        let step = Step::unwanted(entry, &resource);
        self.check_consent(&step, false)?;
        let kept = match step.action {
            Action::Remove => self.remove(&resource, entry, run)?,
            _ => None,
        };
        self.journal.append(&Event::Released {
            id: entry.id.clone(),
        })?;
        self.done(entry.id.clone(), step.action, started, kept, run);
        Ok(())
    }

    /// Goes back to what was there before us; why something was left as it is.
    fn remove<R: Resource>(
        &mut self,
        resource: &R,
        entry: &Entry,
        run: &mut Run<'_>,
    ) -> Result<Option<String>, Fault> {
        self.progress.begin(&entry.id, Action::Remove);
        let names = resource.units().into_iter().collect();
        let units = plan::units(&names, self.hands.probe(), None)?;
        let before = self.look(resource, &run.receipt, Some(&units))?;
        if run.guard.is_some() && resource.guarded() {
            resource.keep(&mut ApplyCx {
                memory: entry.memory.as_ref(),
                units: Some(&units),
                ..ApplyCx::new(&mut *self.hands, &mut |_| {})
            })?;
        }
        let removing = Event::Removing {
            id: entry.id.clone(),
        };
        self.begin(resource, (&entry.spec, &before.prior), &removing, run)?;
        let reverted = resource.revert(
            &entry.prior,
            &mut ApplyCx {
                memory: entry.memory.as_ref(),
                ..ApplyCx::new(&mut *self.hands, &mut |text| self.progress.note(text))
            },
        )?;
        self.settle(resource, &run.receipt)?;
        Ok(match reverted {
            Reverted::Kept(why) => Some(why),
            Reverted::Restored => None,
        })
    }
}

fn serialized<R: Resource>(resource: &R) -> Result<Value, Fault> {
    serde_json::to_value(resource)
        .map_err(|error| Fault::new(format!("failed to record {}", resource.id())).because(error))
}

fn did_not_converge(id: &ResourceId, left: &[Change]) -> Fault {
    let left: Vec<_> = left
        .iter()
        .map(|change| match change {
            Change::Field { field, from, to } => format!("{field}: {from} instead of {to}"),
            Change::Content { .. } => "content".to_owned(),
        })
        .collect();
    Fault::new(format!("{id} did not converge ({})", left.join("; ")))
        .fix("Something else keeps changing it: find out what, then run the same command again.")
}
