//! What is private here and reads foreign text, for the fuzzers of the folder `fuzz`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use crate::Fault;
use crate::engine::{Event, FileJournal, frame, lock};
use crate::kinds::{baseline, sshd, ufw};

/// The line of a record of the journal.
pub fn framed(json: &[u8]) -> Vec<u8> {
    frame::framed(json)
}

/// The records of a journal, and how much of it is whole; nothing when it is damaged.
pub fn records(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let found = frame::records(bytes).ok()?;
    Some((found.records, found.whole))
}

/// The events of a journal.
///
/// # Errors
///
/// When it is damaged, or has what this program does not know.
pub fn events(bytes: &[u8]) -> Result<Vec<Event>, Fault> {
    FileJournal::new(Path::new("/var/lib/aztec-kit")).events(bytes)
}

/// The options of a line of `authorized_keys`, and why its key is none to come back with.
pub fn key(line: &str, today: i64, client: IpAddr) -> Option<(sshd::Options, Option<String>)> {
    sshd::key(line, today, client)
}

/// The ports in what `sshd -T` says, and in what `systemctl show ssh.socket ssh.service` says.
pub fn ssh_ports(effective: &str, shown: &str) -> [BTreeSet<u16>; 2] {
    ufw::ports_in(effective, shown)
}

/// What differs, by the report of aide.
///
/// # Errors
///
/// When something does, and the report does not say what.
pub fn differing(code: i32, report: &str) -> Result<Vec<String>, Fault> {
    baseline::differing(code, report)
}

/// When a process was started, by `/proc/PID/stat`.
pub fn start_in(stat: &[u8]) -> Option<String> {
    lock::start_in(stat)
}
