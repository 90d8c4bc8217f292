//! A journal that dies with its process.

use super::place::Kill;
use crate::Fault;
use crate::engine::{Event, Journal, Receipt};
use crate::host::fake::Errno;

/// A journal that dies with its process at a record.
pub(super) struct Mortal<'a> {
    journal: &'a mut dyn Journal,
    pub(super) records: usize,
    pub(super) failed: bool,
    dies_at: Option<Kill>,
}

impl<'a> Mortal<'a> {
    pub(super) fn new(journal: &'a mut dyn Journal, dies_at: Option<Kill>) -> Self {
        Self {
            journal,
            records: 0,
            failed: false,
            dies_at,
        }
    }

    /// Whether the next record fails: once, or from now on.
    fn fails(&self, at: usize, errno: Errno) -> bool {
        self.records >= at && (!self.failed || errno == Errno::ReadOnly)
    }
}

impl Journal for Mortal<'_> {
    fn receipt(&self) -> Result<Receipt, Fault> {
        self.journal.receipt()
    }

    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        let died = || Err(Fault::new("the run died here"));
        // A dead process does not continue.
        match self.dies_at {
            Some(Kill::Record(at)) if self.records >= at => return died(),
            Some(Kill::Recorded(at)) if self.records > at => return died(),
            Some(Kill::Unrecorded(at, errno)) if self.fails(at, errno) => {
                self.failed = true;
                return Err(errno.fault());
            }
            _ => {}
        }
        if !self.journal.append_if(event, when)? {
            return Ok(false);
        }
        self.records += 1;
        match self.dies_at {
            Some(Kill::Recorded(at)) if self.records > at => died(),
            _ => Ok(true),
        }
    }
}
