//! The journal of one of two processes that work at the same time.

use provision::Fault;
use provision::engine::{Event, FileJournal, Journal, Receipt};
use provision::host::fake::Steps;

/// The journal of a process that works in steps: a file that other processes have open too.
pub struct InSteps {
    /// The file.
    pub journal: FileJournal,
    /// The steps.
    pub steps: Steps,
}

impl Journal for InSteps {
    fn receipt(&self) -> Result<Receipt, Fault> {
        self.journal.receipt()
    }
    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        self.steps.step();
        self.journal.append_if(event, when)
    }
}
