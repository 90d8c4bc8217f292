//! The step of one resource of the desired state: observe, record the intent, change, observe again, record the end.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::run::Run;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Event, Node, Origin, Resource, ResourceId, Step};
use crate::tools::systemctl::UnitState;

/// Converges a resource. Returns whether anything changed.
///
/// `follows` is true when this run has changed a resource that it depends on.
pub(super) fn converge<R: Resource>(
    node: &Node<R>,
    follows: bool,
    run: &mut Run<'_>,
) -> Result<bool, Fault> {
    run.check_cancel()?;
    let (resource, id) = (&node.resource, node.resource.id());
    let (before, units) = run.look(resource)?;
    if matches!(before.diff, Diff::InSync(_)) {
        adopt(node, before.memory, run)?;
        return Ok(false);
    }
    let (prior, absent) = (before.prior.clone(), before.absent);
    let step = Step::of(id.clone(), before);
    run.check_consent(&step, follows)?;
    let started = Instant::now();
    run.progress.begin(&id, step.action);
    let spec = serialized(resource)?;
    let entry = run.receipt.get(&id);
    let probe = run.host_mut.probe();
    let waits = run
        .commits
        .unconfirmed(resource, (&spec, &prior), entry, probe);
    let intent = Event::Intent {
        id: id.clone(),
        spec,
        prior,
        origin: match absent {
            true => Origin::Created,
            false => Origin::Changed,
        },
        after: node.after.clone(),
    };
    let waits = waits.as_ref();
    run.commits
        .begin(waits, &intent, run.host_mut, run.progress)?;
    let memory = change(resource, &units, run);
    if memory.is_err() {
        run.commits.wait(waits, run.host_mut, run.progress)?;
    }
    let done = Event::Done {
        id: id.clone(),
        memory: memory?,
    };
    run.commits.end(waits, &done, run.host_mut, run.progress)?;
    run.done(id, step.action, started, None);
    Ok(true)
}

/// Records once that a resource in sync is managed. Records it again when its memory changes, as for a process that a
/// boot started.
pub(super) fn adopt<R: Resource>(
    node: &Node<R>,
    memory: Option<Value>,
    run: &mut Run<'_>,
) -> Result<(), Fault> {
    if node.recorded_in(memory.as_ref(), &run.receipt) {
        return Ok(());
    }
    run.clear_staged(&node.resource)?;
    run.commits.journal().append(&Event::Adopted {
        id: node.resource.id(),
        spec: serialized(&node.resource)?,
        memory,
        after: node.after.clone(),
    })
}

/// Makes the change and checks that no drift is left. Returns the memory of the resource.
fn change<R: Resource>(
    resource: &R,
    units: &BTreeMap<String, UnitState>,
    run: &mut Run<'_>,
) -> Result<Option<Value>, Fault> {
    let id = resource.id();
    let entry = run.receipt.get(&id);
    let memory = entry.and_then(|entry| entry.memory.as_ref());
    let mut note = |text: &str| run.progress.note(text);
    let mut cx = ApplyCx {
        memory,
        units: Some(units),
        unread: run.unread,
        ..ApplyCx::new(run.host_mut, &mut note)
    };
    let applied = resource.apply(&mut cx);
    run.unread = cx.unread;
    applied?;
    let (made, seen) = (cx.made, cx.seen);
    let after = resource.look(&Cx {
        probe: run.host_mut.probe(),
        memory: made.as_ref().or(memory),
        units: seen.as_ref(),
    })?;
    match &after.diff {
        Diff::InSync(_) => {}
        Diff::Change(drift) => return Err(did_not_converge(&id, drift)),
        Diff::Unknown(why) => {
            return Err(Fault::new(format!("{id} still cannot be observed: {why}"))
                .fix("Read `aztec-kit logs`, then run the same command again."));
        }
    }
    run.clear_staged(resource)?;
    Ok(after.memory)
}

fn serialized<R: Resource>(resource: &R) -> Result<Value, Fault> {
    serde_json::to_value(resource)
        .map_err(|error| Fault::new(format!("failed to record {}", resource.id())).because(error))
}

fn did_not_converge(id: &ResourceId, drift: &[Change]) -> Fault {
    let drift: Vec<_> = drift
        .iter()
        .map(|change| match change {
            Change::Field { field, from, to } => format!("{field}: {from} instead of {to}"),
            Change::Content { .. } => "content".to_owned(),
        })
        .collect();
    Fault::new(format!("{id} did not converge ({})", drift.join("; ")))
        .fix("Something else keeps changing it. Find out what, then run the same command again.")
}
