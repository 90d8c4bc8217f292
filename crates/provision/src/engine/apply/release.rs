//! The step of one leftover: revert it or leave it as it is, and stop managing it.

use std::time::Instant;

use super::run::Run;
use crate::Fault;
use crate::engine::{Action, ApplyCx, Entry, Event, Origin, Resource, Reverted, Step};

/// Releases leftovers one by one.
pub(super) fn release_all<'e, R: Resource>(
    entries: impl IntoIterator<Item = &'e Entry>,
    run: &mut Run<'_>,
) -> Result<(), Fault> {
    for entry in entries {
        run.at = Some(entry.id.clone());
        match reason_to_stay(entry, run)? {
            Some(why) => leave_out::<R>(entry, why, run)?,
            None => release::<R>(entry, run)?,
        }
    }
    Ok(())
}

/// The reason why a leftover stays: an unconfirmed change could not be rolled back without it, or another leftover that
/// depends on it could not be removed.
fn reason_to_stay(entry: &Entry, run: &Run<'_>) -> Result<Option<&'static str>, Fault> {
    if entry.origin == Origin::Adopted {
        return Ok(None);
    }
    if run.needed.contains(&entry.id) {
        return Ok(Some(
            "something that depends on it could not be removed; the next run tries again",
        ));
    }
    let waiting = run.commits.waiting()?;
    let needed = run.receipt.stood_on(&waiting).contains(&entry.id);
    Ok(needed.then_some(
        "an unconfirmed change could not be rolled back without it; the next run after its \
         confirmation removes it",
    ))
}

/// Keeps a leftover that is still needed.
fn leave_out<R: Resource>(entry: &Entry, why: &str, run: &mut Run<'_>) -> Result<(), Fault> {
    let step = Step::unwanted(entry, &entry.resource::<R>()?);
    run.check_consent(&step, false)?;
    run.progress.begin(&entry.id, step.action);
    let (id, now) = (entry.id.clone(), Instant::now());
    run.done(id, step.action, now, Some(why.into()));
    Ok(())
}

/// Stops managing a leftover.
fn release<R: Resource>(entry: &Entry, run: &mut Run<'_>) -> Result<(), Fault> {
    run.check_cancel()?;
    let started = Instant::now();
    let resource = entry.resource::<R>()?;
    let step = Step::unwanted(entry, &resource);
    run.check_consent(&step, false)?;
    let released = Event::Released {
        id: entry.id.clone(),
    };
    let kept = match step.action {
        Action::Remove => remove(&resource, entry, &released, run)?,
        _ => {
            run.commits.journal().append(&released)?;
            None
        }
    };
    run.done(entry.id.clone(), step.action, started, kept);
    Ok(())
}

/// Restores the prior state and takes the resource off the record, unless it had to stay. Returns the reason if it was
/// left as it is.
fn remove<R: Resource>(
    resource: &R,
    entry: &Entry,
    released: &Event,
    run: &mut Run<'_>,
) -> Result<Option<String>, Fault> {
    run.progress.begin(&entry.id, Action::Remove);
    let (before, units) = run.look(resource)?;
    if run.commits.is_commit_confirmed(resource) {
        resource.keep(&mut ApplyCx {
            memory: entry.memory.as_ref(),
            units: Some(&units),
            ..ApplyCx::new(run.host_mut, &mut |_| {})
        })?;
    }
    let removing = Event::Removing {
        id: entry.id.clone(),
    };
    let states = (&entry.spec, &before.prior);
    let probe = run.host_mut.probe();
    let waits = run
        .commits
        .unconfirmed(resource, states, Some(entry), probe);
    let waits = waits.as_ref();
    run.commits
        .begin(waits, &removing, run.host_mut, run.progress)?;
    let reverted = revert(resource, entry, run);
    if reverted.is_err() {
        run.commits.wait(waits, run.host_mut, run.progress)?;
    }
    let kept = match reverted? {
        Reverted::Later(why) => {
            run.commits.wait(waits, run.host_mut, run.progress)?;
            run.needed.extend(run.receipt.below([entry]));
            return Ok(Some(format!(
                "{why}; the next run tries again, unless you run `aztec-kit forget '{}'`",
                entry.id
            )));
        }
        Reverted::Kept(why) => Some(why),
        Reverted::Restored => None,
    };
    run.commits
        .end(waits, released, run.host_mut, run.progress)?;
    Ok(kept)
}

fn revert<R: Resource>(resource: &R, entry: &Entry, run: &mut Run<'_>) -> Result<Reverted, Fault> {
    let reverted = resource.revert(
        &entry.prior,
        &mut ApplyCx {
            memory: entry.memory.as_ref(),
            ..ApplyCx::new(run.host_mut, &mut |text| run.progress.note(text))
        },
    )?;
    run.clear_staged(resource)?;
    Ok(reverted)
}
