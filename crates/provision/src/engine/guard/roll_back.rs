//! The rollback of the changes that were not confirmed in time.

use std::path::Path;

use super::timer::disarm;
use super::waiting;
use crate::Fault;
use crate::engine::{
    ApplyCx, Event, Journal, Receipt, Resource, Reverted, RolledBack, Unconfirmed,
};
use crate::host::HostMut;

/// The result of a rollback.
#[derive(Debug, Default)]
pub struct Back {
    /// The changes that were rolled back.
    pub all: Vec<RolledBack>,
    /// The failures to roll back or to record.
    pub faults: Vec<Fault>,
}

/// Rolls back every change that waits, the last one first. A failure does not stop the others, nor does a journal that
/// cannot be read or written. After a failure or a kill, call it again.
pub fn roll_back<R: Resource>(
    state: &Path,
    host_mut: &mut dyn HostMut,
    journal: &mut dyn Journal,
) -> Back {
    let mut back = Back::default();
    let (waiting, readable) = match journal.receipt() {
        Ok(receipt) => (begun(receipt, journal), true),
        Err(fault) => {
            back.faults.push(fault);
            let waiting = waiting::read(state, host_mut);
            (waiting.unwrap_or_else(|fault| back.missed(fault)), false)
        }
    };
    let mut left = waiting.clone();
    for change in waiting.into_iter().rev() {
        let reverted = revert::<R>(&change, host_mut);
        let Some(reverted) = reverted.map_or_else(|fault| back.missed(fault), Some) else {
            continue;
        };
        let what = RolledBack {
            id: change.id,
            at_us: host_mut.clock().realtime_us,
            kept: match reverted {
                Reverted::Restored => None,
                Reverted::Kept(why) | Reverted::Later(why) => Some(why),
            },
        };
        let recorded = journal.append(&Event::RolledBack {
            before: change.before,
            what: what.clone(),
        });
        match recorded {
            // The record still says that it waits, so it is rolled back once more.
            Err(fault) if readable => back.faults.push(fault),
            _ => left.retain(|other| other.id != what.id),
        }
        back.all.push(what);
    }
    let ended = if left.is_empty() {
        disarm(state, host_mut)
    } else {
        waiting::write(state, &left, host_mut)
    };
    ended.unwrap_or_else(|fault| back.missed(fault));
    back
}

impl Back {
    /// The changes that were rolled back.
    ///
    /// # Errors
    ///
    /// All failures to roll back or to record, in one.
    pub fn whole(self) -> Result<Vec<RolledBack>, Fault> {
        let faults = self.faults.into_iter();
        let fault = faults.reduce(|first, next| Fault::new(first.chain()).because(next));
        fault.map_or(Ok(self.all), Err)
    }

    /// Records a failure and continues with a default.
    fn missed<T: Default>(&mut self, fault: Fault) -> T {
        self.faults.push(fault);
        T::default()
    }
}

/// The changes that still wait, once the journal says that it is too late to confirm them.
fn begun(receipt: Receipt, journal: &mut dyn Journal) -> Vec<Unconfirmed> {
    if receipt.rolling_back || receipt.unconfirmed.is_empty() {
        return receipt.unconfirmed;
    }
    let some_wait = |receipt: &Receipt| !receipt.unconfirmed.is_empty();
    match journal.append_if(&Event::RollingBack, &some_wait) {
        // They were confirmed a moment ago.
        Ok(false) => Vec::new(),
        // An unwritable journal is not a reason to leave the operator locked out.
        Ok(true) | Err(_) => receipt.unconfirmed,
    }
}

fn revert<R: Resource>(
    change: &Unconfirmed,
    host_mut: &mut dyn HostMut,
) -> Result<Reverted, Fault> {
    let failed = || Fault::new(format!("failed to roll back {}", change.id));
    let resource: R =
        serde_json::from_value(change.spec.clone()).map_err(|error| failed().because(error))?;
    let before = change.before.as_ref();
    let mut note = |_: &str| {};
    let mut cx = ApplyCx {
        memory: before.and_then(|entry| entry.memory.as_ref()),
        ..ApplyCx::new(host_mut, &mut note)
    };
    if before.is_some() {
        // The resource was removed or changed again. Its record may want to revert to the present state.
        let kept = resource.keep(&mut cx);
        kept.map_err(|fault| failed().because(fault))?;
    }
    let reverted = resource.revert(&change.prior, &mut cx);
    reverted.map_err(|fault| failed().because(fault))
}
