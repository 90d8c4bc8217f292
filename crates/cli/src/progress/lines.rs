//! Documents for machines, one in each line.

use std::rc::Rc;

use provision::engine::{Action, Applied, Progress, ResourceId, Unconfirmed};

use super::{At, PHASES};
use crate::console::Console;
use crate::documents::{Event, Versioned};
use crate::printer::Printer;
use crate::terminal;

/// Progress as JSON lines.
pub struct Lines {
    console: Rc<dyn Console>,
    at: At,
}

impl Lines {
    /// Progress over that many steps.
    pub fn new(total: usize, printer: &Printer) -> Self {
        Self {
            console: printer.console(),
            at: At::of(total),
        }
    }

    /// Says which phase begins, once.
    pub fn phase(&mut self, phase: usize) {
        let begins = self.at.begins(phase);
        self.began(begins);
    }

    fn began(&self, phase: Option<usize>) {
        if let Some(phase) = phase {
            self.tell(&Event::Phase {
                phase: PHASES[phase],
                number: phase + 1,
                of: PHASES.len(),
            });
        }
    }

    fn tell(&self, event: &Event<'_>) {
        tell(event, &*self.console);
    }
}

fn tell(event: &Event<'_>, console: &dyn Console) {
    // Nothing in it can fail to be written as JSON.
    let line = serde_json::to_string(&Versioned::from(event)).unwrap_or_default();
    console.say(&terminal::json(&line));
}

/// Says anything that is no event of its own.
pub fn note(text: &str, console: &dyn Console) {
    tell(&Event::Note { text }, console);
}

impl Progress for Lines {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        let begins = self.at.reaches(id);
        self.began(begins);
        self.tell(&Event::StepStarted { id, action });
    }

    fn note(&mut self, text: &str) {
        note(text, &*self.console);
    }

    fn armed(&mut self, waiting: &[Unconfirmed]) {
        let ids = waiting.iter().map(|change| &change.id).collect();
        self.tell(&Event::Unconfirmed { ids });
    }

    fn end(&mut self, applied: &Applied) {
        self.at.count();
        self.tell(&Event::StepFinished {
            id: &applied.id,
            action: applied.action,
            seconds: applied.took.as_secs_f64(),
            kept: applied.kept.as_deref(),
            done: self.at.done,
            of: self.at.total,
        });
    }
}
