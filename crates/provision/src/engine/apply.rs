//! Converges a host one step at a time. Each step is observed before and after, and journaled before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::inherit::inherit;
use super::leaving::Leaving;
use super::plan::{self, Action};
use super::{
    Applied, ApplyCx, Change, Consent, Cx, Diff, Entry, Event, Graph, Guard, Journal, Look, Node,
    Origin, Outcome, Plan, Progress, Receipt, Resource, ResourceId, Reverted, Step, Stop,
    Unconfirmed,
};
use crate::host::{HostMut, Probe, clear_staged};
use crate::tools::systemctl::UnitState;
use crate::{Fault, code};

/// The inputs of one run.
pub struct Apply<'a> {
    /// The host.
    pub host_mut: &'a mut dyn HostMut,
    /// The journal.
    pub journal: &'a mut dyn Journal,
    /// The operator's consent.
    pub consent: Consent<'a>,
    /// Set from outside to stop the run between two steps.
    pub cancel: &'a AtomicBool,
    /// Receives the progress.
    pub progress: &'a mut dyn Progress,
}

/// The state of a run.
struct Run<'a> {
    /// The receipt when the run began.
    receipt: Receipt,
    guard: Option<&'a Guard>,
    /// Whether it made a change that waits for its confirmation.
    armed: bool,
    /// Whether it has begun a change.
    begun: bool,
    /// See [`ApplyCx::unread`].
    unread: bool,
    /// The resources that a kept leftover depends on.
    needed: BTreeSet<ResourceId>,
    at: Option<ResourceId>,
    applied: Vec<Applied>,
}

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Apply")
    }
}

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
        plan::made::<R>(entry)
            .and_then(|resource| resource.revertible(&entry.prior, &cx))
            .map_err(|fault| (entry.id.clone(), fault))?;
    }
    Ok(())
}

impl Apply<'_> {
    /// Converges the host. After a failure or a kill, call it again.
    pub fn run<R: Resource>(&mut self, graph: &Graph<R>) -> Result<Outcome, Stop> {
        self.run_guarded(graph, None)
    }

    /// The same, with commit-confirmed changes: one that can lock out the operator is rolled back unless it is
    /// confirmed in time.
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
            needed: BTreeSet::new(),
            at: None,
            applied: Vec::new(),
        };
        let ended = self.steps(graph, &mut run);
        let read = match run.unread {
            true => ApplyCx::new(&mut *self.host_mut, &mut |_| {}).read_units(),
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

    /// The time for a confirmation starts at the end of the run, whether it succeeded or failed.
    fn extend(&mut self, run: &Run<'_>) -> Result<(), Fault> {
        let Some(guard) = run.guard.filter(|_| run.armed) else {
            return Ok(());
        };
        let waiting = self.journal.receipt()?.unconfirmed;
        if waiting.is_empty() {
            return Ok(());
        }
        let restarted = guard.restart(self.host_mut, &waiting);
        if restarted.is_err() && self.journal.receipt()?.unconfirmed.is_empty() {
            // Confirmed at this moment.
            return Ok(());
        }
        restarted?;
        self.journal.append(&Event::Extended {
            until_us: guard.until_us(self.host_mut.probe()),
        })
    }

    fn steps<R: Resource>(&mut self, graph: &Graph<R>, run: &mut Run<'_>) -> Result<(), Fault> {
        // The plan observes every resource once. Each step observes its resource again when its turn comes.
        let made;
        let plan = match self.consent {
            Consent::Configuration(Some(plan)) => plan,
            _ => {
                made = Plan::make(graph, &run.receipt, self.host_mut.probe())?;
                &made
            }
        };
        if let Err((at, fault)) = removable(graph, &run.receipt, self.host_mut.probe()) {
            run.at = Some(at);
            return Err(fault);
        }
        self.inherit(graph, run)?;
        let receipt = run.receipt.clone();
        let mut leaving = Leaving::of::<R>(&receipt, &graph.ids())?;
        let mut touched = BTreeSet::new();
        for node in graph.ordered()? {
            let id = node.resource.id();
            let planned = plan
                .step(&id)
                .map_or(Action::KnownAfterApply, |step| step.action);
            let follows = node.after.iter().any(|id| touched.contains(id));
            let due = planned != Action::Keep || follows;
            if due {
                self.leave::<R>(leaving.before(&id), run)?;
            }
            run.at = Some(id.clone());
            if due && self.converge(node, follows, run)? {
                touched.insert(id);
            } else if !due {
                let memory = plan.step(&id).and_then(|step| step.memory.clone());
                self.adopt(node, memory, &run.receipt)?;
            }
        }
        self.leave::<R>(leaving.rest(), run)
    }

    /// Reverts leftovers one by one.
    fn leave<'e, R: Resource>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
        run: &mut Run<'_>,
    ) -> Result<(), Fault> {
        for entry in entries {
            run.at = Some(entry.id.clone());
            match self.needed(entry, run)? {
                Some(why) => self.leave_out::<R>(entry, why, run)?,
                None => self.release::<R>(entry, run)?,
            }
        }
        Ok(())
    }

    /// Records that a resource is now managed by another one than the one that made it.
    fn inherit<R: Resource>(&mut self, graph: &Graph<R>, run: &mut Run<'_>) -> Result<(), Fault> {
        let mut receipt = run.receipt.clone();
        if !inherit(graph, &mut receipt) {
            return Ok(());
        }
        let event = Event::Snapshot { receipt };
        // An operator who confirms a change at this moment takes precedence. The next run then hands over the record.
        if self.journal.append_if(&event, &|now| *now == run.receipt)? {
            run.receipt = self.journal.receipt()?;
        }
        Ok(())
    }

    fn check_cancel(&self) -> Result<(), Fault> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Fault::new("interrupted between two steps")
                .fix("Run the same command again. It continues where this run stopped.")
                .coded(code::INTERRUPTED));
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
            probe: self.host_mut.probe(),
            memory: receipt
                .get(&resource.id())
                .and_then(|entry| entry.memory.as_ref()),
            units,
        })
    }

    /// Records the intent of a change, and returns the change if it is commit-confirmed. Such a change waits for its
    /// confirmation before it is made: an operator who confirms an earlier change at this moment has not seen this one
    /// yet.
    fn begin<R: Resource>(
        &mut self,
        resource: &R,
        (spec, prior): (&Value, &Value),
        event: &Event,
        run: &mut Run<'_>,
    ) -> Result<Option<Unconfirmed>, Fault> {
        let Some(guard) = run.guard.filter(|_| resource.guarded()) else {
            self.journal.append(event)?;
            run.begun = true;
            return Ok(None);
        };
        let id = resource.id();
        let change = Unconfirmed {
            spec: spec.clone(),
            prior: prior.clone(),
            before: run.receipt.get(&id).cloned(),
            until_us: guard.until_us(self.host_mut.probe()),
            id,
        };
        loop {
            let waiting = self.arm(&change, guard)?;
            let waits = |receipt: &Receipt| receipt.waits(&change.id);
            if self.journal.append_if(event, &waits)? {
                (run.armed, run.begun) = (true, true);
                self.progress.armed(&waiting);
                return Ok(Some(change));
            }
        }
    }

    /// Makes a change wait for its confirmation and starts the timer that rolls it back. Returns all changes that wait.
    /// If the operator confirms at this moment, the timer is removed and the change does not wait.
    fn arm(&mut self, change: &Unconfirmed, guard: &Guard) -> Result<Vec<Unconfirmed>, Fault> {
        let change = Unconfirmed {
            until_us: guard.until_us(self.host_mut.probe()),
            ..change.clone()
        };
        let id = change.id.clone();
        self.journal.append(&Event::Guarded { change })?;
        let waiting = self.journal.receipt()?.unconfirmed;
        let armed = guard.arm(&mut *self.host_mut, &waiting);
        if armed.is_err() && self.journal.receipt()?.waits(&id) {
            armed?;
        }
        Ok(waiting)
    }

    /// Makes sure that a change that has begun waits, even if it failed. An operator who confirmed meanwhile has not
    /// seen the whole change, and may be locked out by it.
    fn wait(&mut self, begun: Option<&Unconfirmed>, run: &Run<'_>) -> Result<(), Fault> {
        if let (Some(change), Some(guard)) = (begun, run.guard) {
            while !self.journal.receipt()?.waits(&change.id) {
                let waiting = self.arm(change, guard)?;
                self.progress.armed(&waiting);
            }
        }
        Ok(())
    }

    /// Records the end of a change while it still waits.
    fn end(
        &mut self,
        begun: Option<&Unconfirmed>,
        event: &Event,
        run: &Run<'_>,
    ) -> Result<(), Fault> {
        let waits = |receipt: &Receipt| begun.is_none_or(|change| receipt.waits(&change.id));
        while !self.journal.append_if(event, &waits)? {
            self.wait(begun, run)?;
        }
        Ok(())
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
        // This observation and the change itself use the same answer of systemd.
        let names = resource.units().into_iter().collect();
        let units = plan::units(&names, self.host_mut.probe(), None)?;
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
        let begun = self.begin(resource, (&spec, &prior), &intent, run)?;
        let made = self.make(resource, &units, run);
        if made.is_err() {
            self.wait(begun.as_ref(), run)?;
        }
        let done = Event::Done {
            id: id.clone(),
            memory: made?,
        };
        self.end(begun.as_ref(), &done, run)?;
        self.done(id, step.action, started, None, run);
        Ok(true)
    }

    /// Makes the change and checks that no drift is left. Returns the memory of the resource.
    fn make<R: Resource>(
        &mut self,
        resource: &R,
        units: &BTreeMap<String, UnitState>,
        run: &mut Run<'_>,
    ) -> Result<Option<Value>, Fault> {
        let id = resource.id();
        let memory = run.receipt.get(&id).and_then(|entry| entry.memory.as_ref());
        let mut note = |text: &str| self.progress.note(text);
        let mut cx = ApplyCx {
            memory,
            units: Some(units),
            unread: run.unread,
            ..ApplyCx::new(&mut *self.host_mut, &mut note)
        };
        let made = resource.apply(&mut cx);
        run.unread = cx.unread;
        made?;
        let (made, seen) = (cx.made, cx.seen);
        let after = resource.look(&Cx {
            probe: self.host_mut.probe(),
            memory: made.as_ref().or(memory),
            units: seen.as_ref(),
        })?;
        if let Diff::Change(left) = &after.diff {
            return Err(did_not_converge(&id, left));
        }
        if let Diff::Unknown(why) = &after.diff {
            return Err(Fault::new(format!("{id} still cannot be observed: {why}"))
                .fix("Read `aztec-kit logs`, then run the same command again."));
        }
        self.settle(resource, &run.receipt)?;
        Ok(after.memory)
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

    /// Records once that a resource in sync is managed. Records it again when its memory changes, as for a process that
    /// a boot started.
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

    /// Removes the staged files that a killed run left behind for a resource. That run may have had another
    /// configuration, so this run has no reason to stage them again.
    fn settle<R: Resource>(&mut self, resource: &R, receipt: &Receipt) -> Result<(), Fault> {
        let died = receipt.get(&resource.id()).is_some_and(|entry| entry.open);
        let files = if died { resource.files() } else { Vec::new() };
        files
            .iter()
            .try_for_each(|path| clear_staged(path, self.host_mut))
    }

    fn check_consent(&self, step: &Step, follows: bool) -> Result<(), Fault> {
        if self.consent.covers(step, follows) {
            return Ok(());
        }
        Err(
            Fault::new(format!("{} changed since the plan was shown", step.id))
                .fix("Read the new plan with `aztec-kit plan`, then apply it."),
        )
    }

    /// The reason why a leftover stays: an unconfirmed change could not be rolled back without it, or another leftover
    /// that depends on it could not be removed.
    fn needed(&self, entry: &Entry, run: &Run<'_>) -> Result<Option<&'static str>, Fault> {
        if entry.origin == Origin::Adopted {
            return Ok(None);
        }
        if run.needed.contains(&entry.id) {
            return Ok(Some(
                "something that depends on it could not be removed; the next run tries again",
            ));
        }
        let waiting = match run.guard {
            Some(_) => self.journal.receipt()?.unconfirmed,
            None => Vec::new(),
        };
        let needed = run.receipt.stood_on(&waiting).contains(&entry.id);
        Ok(needed.then_some(
            "an unconfirmed change could not be rolled back without it; the next run after its \
             confirmation removes it",
        ))
    }

    /// Keeps a leftover that is still needed.
    fn leave_out<R: Resource>(
        &mut self,
        entry: &Entry,
        why: &str,
        run: &mut Run<'_>,
    ) -> Result<(), Fault> {
        let step = Step::unwanted(entry, &plan::made::<R>(entry)?);
        self.check_consent(&step, false)?;
        self.progress.begin(&entry.id, step.action);
        let (id, now) = (entry.id.clone(), Instant::now());
        self.done(id, step.action, now, Some(why.into()), run);
        Ok(())
    }

    /// Stops managing a leftover.
    fn release<R: Resource>(&mut self, entry: &Entry, run: &mut Run<'_>) -> Result<(), Fault> {
        self.check_cancel()?;
        let started = Instant::now();
        let resource = plan::made::<R>(entry)?;
        let step = Step::unwanted(entry, &resource);
        self.check_consent(&step, false)?;
        let released = Event::Released {
            id: entry.id.clone(),
        };
        let kept = match step.action {
            Action::Remove => self.remove(&resource, entry, &released, run)?,
            _ => {
                self.journal.append(&released)?;
                None
            }
        };
        self.done(entry.id.clone(), step.action, started, kept, run);
        Ok(())
    }

    /// Restores the prior state and takes the resource off the record, unless it had to stay. Returns the reason if it
    /// was left as it is.
    fn remove<R: Resource>(
        &mut self,
        resource: &R,
        entry: &Entry,
        released: &Event,
        run: &mut Run<'_>,
    ) -> Result<Option<String>, Fault> {
        self.progress.begin(&entry.id, Action::Remove);
        let names = resource.units().into_iter().collect();
        let units = plan::units(&names, self.host_mut.probe(), None)?;
        let before = self.look(resource, &run.receipt, Some(&units))?;
        if run.guard.is_some() && resource.guarded() {
            resource.keep(&mut ApplyCx {
                memory: entry.memory.as_ref(),
                units: Some(&units),
                ..ApplyCx::new(&mut *self.host_mut, &mut |_| {})
            })?;
        }
        let removing = Event::Removing {
            id: entry.id.clone(),
        };
        let begun = self.begin(resource, (&entry.spec, &before.prior), &removing, run)?;
        let reverted = self.revert(resource, entry, &run.receipt);
        if reverted.is_err() {
            self.wait(begun.as_ref(), run)?;
        }
        let kept = match reverted? {
            Reverted::Later(why) => {
                self.wait(begun.as_ref(), run)?;
                let needed = run.receipt.below([entry]);
                run.needed.extend(needed);
                return Ok(Some(format!(
                    "{why}; the next run tries again, unless you run `aztec-kit forget '{}'`",
                    entry.id
                )));
            }
            Reverted::Kept(why) => Some(why),
            Reverted::Restored => None,
        };
        self.end(begun.as_ref(), released, run)?;
        Ok(kept)
    }

    fn revert<R: Resource>(
        &mut self,
        resource: &R,
        entry: &Entry,
        receipt: &Receipt,
    ) -> Result<Reverted, Fault> {
        let reverted = resource.revert(
            &entry.prior,
            &mut ApplyCx {
                memory: entry.memory.as_ref(),
                ..ApplyCx::new(&mut *self.host_mut, &mut |text| self.progress.note(text))
            },
        )?;
        self.settle(resource, receipt)?;
        Ok(reverted)
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
        .fix("Something else keeps changing it. Find out what, then run the same command again.")
}
