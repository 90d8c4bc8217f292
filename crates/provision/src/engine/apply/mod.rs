//! Converges a host one step at a time. Each step is observed before and after, and journaled before it begins.
//!
//! This file has the order of the steps. `converge` changes one resource, `release` stops managing one leftover,
//! `commit` records both, and `run` is the state that they share.

mod commit;
mod converge;
mod release;
mod run;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use self::commit::Commits;
use self::converge::{adopt, converge};
use self::release::release_all;
use self::run::Run;
use super::inherit::inherit;
use super::leftovers::{Leftovers, removable};
use super::{
    Action, ApplyCx, Consent, Event, Graph, Guard, Journal, Outcome, Plan, Progress, Resource, Stop,
};
use crate::Fault;
use crate::host::HostMut;

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

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Apply")
    }
}

impl Apply<'_> {
    /// Converges the host. After a failure or a kill, call it again.
    pub fn run<R: Resource>(&mut self, graph: &Graph<R>) -> Result<Outcome, Stop> {
        self.run_commit_confirmed(graph, None)
    }

    /// The same, with commit-confirmed changes: one that can lock out the operator is rolled back unless it is
    /// confirmed in time.
    pub fn run_commit_confirmed<R: Resource>(
        &mut self,
        graph: &Graph<R>,
        guard: Option<&Guard>,
    ) -> Result<Outcome, Stop> {
        let mut run = Run {
            receipt: self.journal.receipt().map_err(Stop::before)?,
            host_mut: &mut *self.host_mut,
            commits: Commits::new(&mut *self.journal, guard),
            consent: self.consent,
            cancel: self.cancel,
            progress: &mut *self.progress,
            unread: false,
            needed: BTreeSet::new(),
            at: None,
            applied: Vec::new(),
        };
        let ended = steps(graph, &mut run);
        let read = match run.unread {
            true => ApplyCx::new(run.host_mut, &mut |_| {}).read_units(),
            false => Ok(()),
        };
        let extended = run.commits.extend(run.host_mut);
        match ended.and(read).and(extended) {
            Ok(()) => Ok(Outcome {
                applied: run.applied,
            }),
            Err(fault) => Err(Stop {
                at: run.at,
                fault,
                applied: run.applied,
                begun: run.commits.begun(),
            }),
        }
    }
}

fn steps<R: Resource>(graph: &Graph<R>, run: &mut Run<'_>) -> Result<(), Fault> {
    // The plan observes every resource once. Each step observes its resource again when its turn comes.
    let own_plan;
    let plan = match run.consent {
        Consent::Configuration(Some(plan)) => plan,
        _ => {
            own_plan = Plan::make(graph, &run.receipt, run.host_mut.probe())?;
            &own_plan
        }
    };
    if let Err((at, fault)) = removable(graph, &run.receipt, run.host_mut.probe()) {
        run.at = Some(at);
        return Err(fault);
    }
    hand_over(graph, run)?;
    let receipt = run.receipt.clone();
    let mut leftovers = Leftovers::of::<R>(&receipt, &graph.ids())?;
    let mut changed = BTreeSet::new();
    for node in graph.ordered()? {
        let id = node.resource.id();
        let step = plan.step(&id);
        let follows = node.after.iter().any(|id| changed.contains(id));
        let due = follows || step.is_none_or(|step| step.action != Action::Keep);
        if due {
            release_all::<R>(leftovers.before(&id), run)?;
        }
        run.at = Some(id.clone());
        if !due {
            adopt(node, step.and_then(|step| step.memory.clone()), run)?;
        } else if converge(node, follows, run)? {
            changed.insert(id);
        }
    }
    release_all::<R>(leftovers.rest(), run)
}

/// Records that a resource is now managed by another one than the one that made it.
fn hand_over<R: Resource>(graph: &Graph<R>, run: &mut Run<'_>) -> Result<(), Fault> {
    let mut receipt = run.receipt.clone();
    if !inherit(graph, &mut receipt) {
        return Ok(());
    }
    let event = Event::Snapshot { receipt };
    // An operator who confirms a change at this moment takes precedence. The next run then hands over the record.
    let journal = run.commits.journal();
    if journal.append_if(&event, &|now| *now == run.receipt)? {
        run.receipt = journal.receipt()?;
    }
    Ok(())
}
