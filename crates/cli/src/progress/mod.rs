//! The progress of a run: a spinner on a terminal, plain lines elsewhere, or documents for machines.

mod lines;
mod people;

use provision::engine::{Action, Applied, Progress, ResourceId, Unconfirmed};

use crate::args::ProgressFormat;
use crate::console::Console;
use crate::context::View;
use crate::printer::Printer;
use crate::terminal;
use lines::Lines;
use people::People;

/// The phases of the specification, in order.
const PHASES: [&str; 4] = ["provisioning", "services", "networking", "verification"];

/// The phase that a resource belongs to.
fn phase(id: &ResourceId) -> usize {
    const SERVICES: [&str; 8] = [
        "unit[",
        "service[",
        "chain[",
        "contracts[",
        "stake[",
        "secret[",
        "digest[",
        "validator-key[",
    ];
    let id = id.to_string();
    usize::from(SERVICES.iter().any(|kind| id.starts_with(kind)) || id.ends_with(".env]"))
}

/// The position of a run. Phases only advance.
#[derive(Debug)]
struct At {
    phase: Option<usize>,
    done: usize,
    total: usize,
}

impl At {
    /// The start of a run with that many steps.
    fn of(total: usize) -> Self {
        Self {
            phase: None,
            done: 0,
            total,
        }
    }

    /// The phase, if it begins now.
    fn begins(&mut self, phase: usize) -> Option<usize> {
        (self.phase.replace(phase) != Some(phase)).then_some(phase)
    }

    /// The phase of a resource, if it begins now. A late file is shown in the current phase.
    fn reaches(&mut self, id: &ResourceId) -> Option<usize> {
        let phase = phase(id).max(self.phase.unwrap_or_default());
        self.begins(phase)
    }

    /// Counts a finished step. An unplanned step (it followed from another one) counts too.
    fn count(&mut self) {
        self.done += 1;
        self.total = self.total.max(self.done);
    }
}

/// Progress on standard error.
pub enum Shown {
    /// For people.
    People(People),
    /// For machines.
    Lines(Lines),
}

impl Shown {
    /// Progress of a run with that many steps on this host.
    pub fn new(total: usize, view: &View, printer: &Printer) -> Self {
        match printer.format() {
            ProgressFormat::Json => Self::Lines(Lines::new(total, printer)),
            format => Self::People(People::new(total, format, view, printer)),
        }
    }

    /// Reports the beginning of a phase, once.
    pub fn phase(&mut self, phase: usize) {
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
