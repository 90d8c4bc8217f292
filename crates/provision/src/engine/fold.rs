//! Folds the journal: the receipt after all events.

use serde_json::Value;

use super::ResourceId;
use super::receipt::{Entry, Origin, Receipt, RolledBack};
use super::record::Event;

/// The receipt after all events.
pub fn fold(events: impl IntoIterator<Item = Event>) -> Receipt {
    let mut receipt = Receipt::default();
    for event in events {
        step(&mut receipt, event);
    }
    receipt
}

/// Applies one event.
pub(super) fn step(receipt: &mut Receipt, event: Event) {
    match event {
        Event::Begin { .. } => {}
        Event::Snapshot { receipt: snapshot } => *receipt = snapshot,
        Event::Adopted {
            id,
            spec,
            memory,
            after,
        } => adopt(
            receipt,
            Entry {
                id,
                spec,
                origin: Origin::Adopted,
                prior: Value::Null,
                memory,
                open: false,
                after,
            },
        ),
        Event::Unconfirmed { change } => {
            // As in the entries, the state before the first of several changes counts.
            let mut waiting = receipt.unconfirmed.iter_mut();
            match waiting.find(|old| old.id == change.id) {
                Some(old) => (old.spec, old.until_us) = (change.spec, change.until_us),
                None => receipt.unconfirmed.push(change),
            }
        }
        Event::Extended { until_us } => {
            for change in &mut receipt.unconfirmed {
                change.until_us = until_us;
            }
        }
        Event::RollingBack => receipt.rolling_back = true,
        Event::Confirmed => {
            receipt.unconfirmed.clear();
            receipt.rolling_back = false;
        }
        Event::RolledBack { before, what } => roll_back(receipt, before, what),
        Event::Intent {
            id,
            spec,
            prior,
            origin,
            after,
        } => intend(
            receipt,
            Entry {
                id,
                spec,
                origin,
                prior,
                memory: None,
                open: true,
                after,
            },
        ),
        Event::Done { id, memory } => {
            if let Some(entry) = entry(receipt, &id) {
                entry.open = false;
                entry.memory = memory;
            }
        }
        Event::Removing { id } => {
            if let Some(entry) = entry(receipt, &id) {
                entry.open = true;
            }
        }
        Event::Released { id } => {
            // A removal that can lock out the operator waits for its confirmation anyway.
            receipt.entries.retain(|entry| entry.id != id);
            receipt.rolled_back.retain(|change| change.id != id);
        }
        Event::Noted { name, value } => {
            receipt.notes.insert(name, value);
        }
    }
}

fn entry<'a>(receipt: &'a mut Receipt, id: &ResourceId) -> Option<&'a mut Entry> {
    receipt.entries.iter_mut().find(|entry| entry.id == *id)
}

/// If it is managed already, its origin and its prior state stay as they are.
fn adopt(receipt: &mut Receipt, new: Entry) {
    match entry(receipt, &new.id) {
        Some(entry) => {
            entry.spec = new.spec;
            entry.open = false;
            entry.memory = new.memory;
            entry.after = new.after;
        }
        None => receipt.entries.push(new),
    }
}

/// The resource is about to change, so it no longer counts as rolled back.
fn intend(receipt: &mut Receipt, new: Entry) {
    receipt.rolled_back.retain(|change| change.id != new.id);
    match entry(receipt, &new.id) {
        Some(entry) => {
            entry.spec = new.spec;
            entry.after = new.after;
            entry.open = true;
            // The first prior state is the host before aztec-kit. A later one may be an intermediate state of
            // aztec-kit's own. An adopted resource is at its prior state until its first change.
            if entry.origin == Origin::Adopted {
                entry.origin = Origin::Changed;
                entry.prior = new.prior;
            }
        }
        None => receipt.entries.push(new),
    }
}

/// The entry of the resource is again what it was before the change.
fn roll_back(receipt: &mut Receipt, before: Option<Entry>, change: RolledBack) {
    receipt.unconfirmed.retain(|other| other.id != change.id);
    receipt.rolling_back &= !receipt.unconfirmed.is_empty();
    match (entry(receipt, &change.id), before) {
        (Some(entry), Some(before)) => *entry = before,
        (Some(_), None) => receipt.entries.retain(|entry| entry.id != change.id),
        // The change was its removal.
        (None, Some(before)) => receipt.entries.push(before),
        (None, None) => {}
    }
    receipt.rolled_back.push(change);
}
