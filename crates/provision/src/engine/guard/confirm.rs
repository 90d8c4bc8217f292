//! The confirmation of the changes that wait for it.

use std::path::Path;

use super::timer::disarm;
use super::waiting;
use crate::Fault;
use crate::engine::{Event, Journal, Receipt, ResourceId, Unconfirmed};
use crate::host::HostMut;

/// Confirms every change that waits and returns their ids.
///
/// Takes no run lock: the operator must not have to wait for the run that made the change.
///
/// # Errors
///
/// When the rollback has begun.
pub fn confirm(
    state: &Path,
    host_mut: &mut dyn HostMut,
    journal: &mut dyn Journal,
) -> Result<Vec<ResourceId>, Fault> {
    let receipt = match journal.receipt() {
        Ok(receipt) => receipt,
        Err(fault) => {
            // An unreadable journal must not cost the operator the change. It can be confirmed again once the journal
            // is readable.
            let waiting = waiting::read(state, host_mut)?;
            if waiting.is_empty() {
                return Err(fault);
            }
            disarm(state, host_mut)?;
            return Ok(ids(waiting));
        }
    };
    // A rollback first records in the same journal that it begins, so only one of the two can win. It may also have
    // ended since the receipt was read.
    let in_time = |now: &Receipt| {
        let mut changes = receipt.unconfirmed.iter();
        !now.rolling_back && changes.all(|change| now.waits(&change.id))
    };
    if !receipt.unconfirmed.is_empty() && !journal.append_if(&Event::Confirmed, &in_time)? {
        let now = journal.receipt()?;
        let gone = |id: &ResourceId| now.rolled_back.iter().any(|what| what.id == *id);
        let mut changes = receipt.unconfirmed.iter();
        if now.rolling_back || changes.any(|change| gone(&change.id)) {
            return Err(
                Fault::new("the confirmation is too late: the change is being rolled back, or has just been")
                    .fix("Wait a moment, read `aztec-kit plan`, and make the change again with `aztec-kit apply`."),
            );
        }
        // Another process confirmed it at the same time.
    }
    // This also runs when nothing waits: an earlier `confirm` may have been killed before it removed the timer.
    disarm(state, host_mut)?;
    Ok(ids(receipt.unconfirmed))
}

fn ids(changes: Vec<Unconfirmed>) -> Vec<ResourceId> {
    changes.into_iter().map(|change| change.id).collect()
}
