//! The journal of one of two that work at once.

use provision::Fault;
use provision::engine::{Event, FileJournal, Journal, Receipt};
use provision::host::fake::Steps;

/// The journal of whoever works in steps: a file, which others have open as well.
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
