//! Progress documents for machines, one per line.

use std::rc::Rc;

use provision::engine::{Action, Applied, Progress, ResourceId, Unconfirmed};

use super::phases::{At, Phase};
use crate::console::Console;
use crate::documents::{Event, Versioned};
use crate::terminal;

/// Progress as JSON lines.
pub struct Lines {
    console: Rc<dyn Console>,
    at: At,
}

impl Lines {
    /// Progress of a run with that many steps.
    pub fn new(total: usize, console: Rc<dyn Console>) -> Self {
        Self {
            console,
            at: At::of(total),
        }
    }

    /// Reports the beginning of a phase, once.
    pub fn phase(&mut self, phase: Phase) {
        let begins = self.at.begins(phase);
        self.report(begins);
    }

    fn report(&self, phase: Option<Phase>) {
        if let Some(phase) = phase {
            self.emit(&Event::Phase {
                phase: phase.name(),
                number: phase.number(),
                of: Phase::COUNT,
            });
        }
    }

    fn emit(&self, event: &Event<'_>) {
        emit(event, &*self.console);
    }
}

fn emit(event: &Event<'_>, console: &dyn Console) {
    // An event can always be written as JSON.
    let line = serde_json::to_string(&Versioned::from(event)).unwrap_or_default();
    console.say(&terminal::json(&line));
}

/// Reports anything that has no event of its own.
pub fn note(text: &str, console: &dyn Console) {
    emit(&Event::Note { text }, console);
}

impl Progress for Lines {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        let begins = self.at.reaches(id);
        self.report(begins);
        self.emit(&Event::StepStarted { id, action });
    }

    fn note(&mut self, text: &str) {
        note(text, &*self.console);
    }

    fn armed(&mut self, waiting: &[Unconfirmed]) {
        let ids = waiting.iter().map(|change| &change.id).collect();
        self.emit(&Event::Unconfirmed { ids });
    }

    fn end(&mut self, applied: &Applied) {
        self.at.count();
        self.emit(&Event::StepFinished {
            id: &applied.id,
            action: applied.action,
            seconds: applied.took.as_secs_f64(),
            kept: applied.kept.as_deref(),
            done: self.at.done,
            of: self.at.total,
        });
    }
}
