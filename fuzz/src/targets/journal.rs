//! The journal: written records are read, damage is refused, and nothing else is ever read instead.

use provision::engine::{Event, fold};
use provision::fuzz;

use super::target::{Target, target};

pub(super) const TARGETS: &[Target] = &[
    target!(
        "engine/frame",
        "crates/provision/src/engine/frame.rs",
        frame,
        BASE,
        b"{\"event\":\"confirmed\"}\n"
    ),
    target!(
        "engine/record",
        "crates/provision/src/engine/record.rs",
        record,
        EVENTS
    ),
    target!(
        "engine/damage",
        "crates/provision/src/engine/journal.rs",
        damage,
        b"\x00\x10\x00\x41",
        b"\x01\x80\x00\x00",
        b"\x02\x20\x01\x7b",
        b"\x03\xff\xff\x0a"
    ),
];

/// Lines of a journal of format 1 and a header of format 2, one event each.
const EVENTS: &[u8] = include_bytes!("../../seeds/journal.jsonl");
/// The same with length and checksum.
const BASE: &[u8] = include_bytes!("../../seeds/journal.framed");

/// A complete record is read the same on its own, and records that are framed again are read again.
fn frame(bytes: &[u8]) {
    let Some((records, end)) = fuzz::records(bytes) else {
        return;
    };
    assert!(end <= bytes.len());
    let (again, all) = fuzz::records(&bytes[..end]).expect("complete records are not damaged");
    assert_eq!((&again, all), (&records, end));
    if records.iter().any(|record| record.contains(&b'\n')) {
        panic!("a record goes over the end of its line");
    }
    let framed: Vec<u8> = records
        .iter()
        .flat_map(|record| fuzz::framed(record))
        .collect();
    let (again, all) = fuzz::records(&framed).expect("written records are read");
    assert_eq!((again, all), (records, framed.len()));
}

/// A parsed event can be written and read again, and so can the fold of all events.
fn record(bytes: &[u8]) {
    let Ok(events) = fuzz::events(bytes) else {
        return;
    };
    let written = |events: &[Event]| -> Vec<u8> {
        let json = events
            .iter()
            .map(|event| serde_json::to_vec(event).unwrap());
        json.flat_map(|json| fuzz::framed(&json)).collect()
    };
    assert_eq!(fuzz::events(&written(&events)).unwrap(), events);
    let receipt = fold(events);
    let snapshot = [Event::Snapshot {
        receipt: receipt.clone(),
    }];
    let again = fuzz::events(&written(&snapshot)).unwrap();
    assert_eq!(fold(again), receipt);
    assert_eq!(
        receipt.unwanted(&Default::default()).len(),
        receipt.entries.len()
    );
}

/// A journal that is damaged in one place is refused, or yields the events before that place. One that is damaged in
/// several places yields no event that was never written. Four bytes choose the damage: how, where, and with what.
fn damage(bytes: &[u8]) {
    let written = fuzz::events(BASE).expect("the base is a journal");
    let mut journal = BASE.to_vec();
    let damages: Vec<&[u8]> = bytes.chunks_exact(4).take(4).collect();
    let mut lines_lost = false;
    for damage in &damages {
        let at = usize::from(u16::from_le_bytes([damage[1], damage[2]])) % journal.len().max(1);
        if journal.is_empty() {
            break;
        }
        match damage[0] % 6 {
            0 => journal[at] = damage[3],
            1 => journal[at] ^= 1 << (damage[3] % 8),
            2 => journal.insert(at, damage[3]),
            3 => drop(journal.remove(at)),
            4 => journal.truncate(at),
            // Some blocks never reached the disk.
            _ => {
                let end = (at + usize::from(damage[3]) * 4).min(journal.len());
                journal[at..end].fill(0);
                lines_lost = true;
            }
        }
    }
    let Ok(events) = fuzz::events(&journal) else {
        return;
    };
    if damages.len() <= 1 && !lines_lost {
        assert!(written.starts_with(&events), "a different journal");
    }
    let mut left = written.iter();
    assert!(
        events
            .iter()
            .all(|event| left.any(|written| written == event)),
        "an event that nobody wrote"
    );
}
