//! Private parsers of foreign text, for the fuzzers in the folder `fuzz`.

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

/// The records of a journal and the length of its intact part; nothing when it is damaged.
pub fn records(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let found = frame::records(bytes).ok()?;
    Some((found.records, found.whole))
}

/// The events of a journal.
///
/// # Errors
///
/// When it is damaged, or has a record that this version of aztec-kit does not know.
pub fn events(bytes: &[u8]) -> Result<Vec<Event>, Fault> {
    FileJournal::new(Path::new("/var/lib/aztec-kit")).events(bytes)
}

/// The options of a line of `authorized_keys`, and the reason why its key cannot log in again.
pub fn key(line: &str, today: i64, client: IpAddr) -> Option<(sshd::Options, Option<String>)> {
    sshd::key(line, today, client)
}

/// The ports in the output of `sshd -T`, and in that of `systemctl show ssh.socket ssh.service`.
pub fn ssh_ports(effective: &str, shown: &str) -> [BTreeSet<u16>; 2] {
    ufw::ports_in(effective, shown)
}

/// The differing files in the report of aide.
///
/// # Errors
///
/// When the exit code says that there are differences and the report does not name them.
pub fn differing(code: i32, report: &str) -> Result<Vec<String>, Fault> {
    baseline::differing(code, report)
}

/// The start time of a process, from `/proc/PID/stat`.
pub fn start_in(stat: &[u8]) -> Option<String> {
    lock::start_in(stat)
}
