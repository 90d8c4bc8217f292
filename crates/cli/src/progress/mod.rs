//! The progress of a run: a spinner on a terminal, plain lines elsewhere, or documents for machines.

mod format;
mod lines;
mod people;
mod phases;

use std::rc::Rc;
use std::sync::Arc;

use provision::engine::{Action, Applied, Progress, ResourceId, Unconfirmed};
use provision::host::Probe;

use crate::console::Console;
use crate::terminal;
use lines::Lines;
use people::People;

pub use format::ProgressFormat;
pub use phases::Phase;

/// Progress on standard error.
pub enum Shown {
    /// For people.
    People(People),
    /// For machines.
    Lines(Lines),
}

impl Shown {
    /// Progress of a run with that many steps on this host.
    pub fn new(
        total: usize,
        format: ProgressFormat,
        console: Rc<dyn Console>,
        host: Arc<dyn Probe>,
    ) -> Self {
        match format {
            ProgressFormat::Json => Self::Lines(Lines::new(total, console)),
            format => Self::People(People::new(total, format, console, host)),
        }
    }

    /// Reports the beginning of a phase, once.
    pub fn phase(&mut self, phase: Phase) {
        match self {
            Self::People(it) => it.phase(phase),
            Self::Lines(it) => it.phase(phase),
        }
    }

    /// Ends the spinner.
    pub fn finish(&self) {
        if let Self::People(it) = self {
            it.finish();
        }
    }

    fn inner(&mut self) -> &mut dyn Progress {
        match self {
            Self::People(it) => it,
            Self::Lines(it) => it,
        }
    }
}

impl Progress for Shown {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        self.inner().begin(id, action);
    }
    fn note(&mut self, text: &str) {
        self.inner().note(text);
    }
    fn armed(&mut self, waiting: &[Unconfirmed]) {
        self.inner().armed(waiting);
    }
    fn end(&mut self, applied: &Applied) {
        self.inner().end(applied);
    }
}

/// Prints anything that is neither the result nor a step of a run.
pub fn say(text: &str, format: ProgressFormat, console: &dyn Console) {
    let shown = terminal::shown(text.trim_end());
    match format {
        ProgressFormat::Json => {
            lines::note(&anstream::adapter::strip_str(&shown).to_string(), console)
        }
        _ => console.say(&shown),
    }
}
