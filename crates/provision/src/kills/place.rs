//! The places where a run can die or fail.

use crate::host::fake::Errno;

/// The place where a run dies, counted from 0 at the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// Before that write of the host.
    Write(usize),
    /// The run is not killed: that write fails, and the run must end by itself.
    Fails(usize, Errno),
    /// Before that record of the journal.
    Record(usize),
    /// After that record, before its writer knows.
    Recorded(usize),
    /// The run is not killed: that record cannot be written.
    Unrecorded(usize, Errno),
}

/// The number of writes that are made to fail in a long run. A failed write ends a run like a kill before it, except
/// for the cleanup of aztec-kit itself. In a short run every write fails with every error.
const FAILURES: usize = 128;

/// Every place where a run with that many writes and records can die, and every write and record that can fail.
pub(super) fn places(writes: usize, records: usize) -> Vec<Kill> {
    let fails = failing(writes, FAILURES).map(|(at, errno)| Kill::Fails(at, errno));
    let unrecorded = failing(records, FAILURES / 2);
    let unrecorded = unrecorded.map(|(at, errno)| Kill::Unrecorded(at, errno));
    let at_records = (0..records).flat_map(|at| [Kill::Record(at), Kill::Recorded(at)]);
    let at_writes = (0..writes).map(Kill::Write);
    let failures = fails.chain(unrecorded);
    at_writes.chain(failures).chain(at_records).collect()
}

/// Up to that many failures, with each error equally often.
fn failing(all: usize, most: usize) -> impl Iterator<Item = (usize, Errno)> {
    let errors = Errno::ALL.len();
    let step = 1 + all * errors / most;
    let step = if step.is_multiple_of(errors) {
        step + 1
    } else {
        step
    };
    let places = (0..all * errors).step_by(step);
    places.map(move |at| (at / errors, Errno::ALL[at % errors]))
}
