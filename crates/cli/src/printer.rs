//! The only writer: standard output carries the result, standard error everything else.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use provision::Fault;
use provision::host::Probe;
use serde::Serialize;

use crate::console::Console;
use crate::documents::{Document, Failed, Versioned};
use crate::exit::{self, Failure, PARTIAL};
use crate::progress::{self, ProgressFormat, Shown};
use crate::styles::{BAD, GOOD, STRONG};
use crate::terminal;

/// Writes for people and for machines. Colours appear only on terminals (and never with `NO_COLOR`).
pub struct Printer {
    json: bool,
    /// Whether a document is one line of several.
    lines: bool,
    format: ProgressFormat,
    console: Rc<dyn Console>,
    written: bool,
    /// Why the result could not be written.
    lost: Option<io::Error>,
}

impl Printer {
    /// A printer whose result is one JSON document, or text.
    pub fn new(json: bool, format: ProgressFormat, console: Rc<dyn Console>) -> Self {
        Self {
            json,
            lines: false,
            format,
            console,
            written: true,
            lost: None,
        }
    }

    /// The console, for output during a run.
    pub fn console(&self) -> Rc<dyn Console> {
        Rc::clone(&self.console)
    }

    /// The progress of a run with that many steps on this host.
    pub fn progress(&self, total: usize, host: &Arc<dyn Probe>) -> Shown {
        Shown::new(total, self.format, self.console(), Arc::clone(host))
    }

    /// Makes the result a JSON document, also without `--json`.
    pub fn for_machines(&mut self) {
        self.json = true;
    }

    /// Prints each following document on one line.
    pub fn in_lines(&mut self) {
        self.lines = true;
    }

    /// Whether the result is a JSON document.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Prints the result for people; on standard error if the result is a JSON document.
    pub fn text(&mut self, text: &str) {
        if self.json {
            self.say(text);
        } else {
            let written = self.console.result(&terminal::shown(text.trim_end()));
            self.check(written);
        }
    }

    /// Prints the result for machines; nothing if the result is for people.
    pub fn document<D: Document>(&mut self, document: &D) {
        self.foreign(&Versioned::from(document));
    }

    /// Prints a result in a format that aztec-kit does not define.
    pub fn foreign(&mut self, document: &impl Serialize) {
        if self.json {
            let text = match self.lines {
                true => serde_json::to_string(document),
                false => serde_json::to_string_pretty(document),
            };
            let written = text
                .map_err(io::Error::from)
                .and_then(|text| self.console.result(&terminal::json(&text)));
            self.check(written);
        }
    }

    fn check(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        self.written = false;
        // A reader that closed the pipe (`| head`) has read enough.
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.lost.get_or_insert(error);
        }
    }

    /// Whether everything so far could be written.
    pub fn is_written(&self) -> bool {
        self.written
    }

    /// The exit code: an incomplete result is not a success.
    pub fn ended(&mut self, code: u8) -> u8 {
        let Some(error) = self.lost.take() else {
            return code;
        };
        let fault = Fault::new("failed to write the result to standard output").because(error);
        self.say(&format!("{BAD}error:{BAD:#} {}", fault.chain()));
        match code {
            exit::OK | exit::PENDING => exit::FAILED,
            code => code,
        }
    }

    /// Prints anything except the result.
    pub fn say(&mut self, text: &str) {
        progress::say(text, self.format, &*self.console);
    }

    /// Asks a question; any answer except yes means no.
    pub fn ask(&mut self, question: &str) -> bool {
        let question = terminal::shown(&format!("{STRONG}{question}{STRONG:#} [y/N] "));
        let answer = self.console.ask(&question);
        answer.is_ok_and(|answer| matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Whether somebody can answer a question.
    pub fn attended(&self) -> bool {
        !self.json && self.format != ProgressFormat::Json && self.console.is_attended()
    }

    /// Prints why the run failed, and what to do next.
    pub fn failure(&mut self, failure: &Failure) {
        let fix = failure.fault.remedy();
        self.say(&format!("{BAD}error:{BAD:#} {}", failure.fault.chain()));
        if let Some(fix) = fix {
            self.say(&format!("{GOOD}fix:{GOOD:#} {fix}"));
        }
        if failure.exit_code() == PARTIAL {
            self.say(&format!(
                "{STRONG}partially applied:{STRONG:#} {} changes were made and stay. Run `aztec-kit apply` to continue.",
                failure.applied.len()
            ));
        }
        self.document_of(failure);
    }

    /// The same for machines only.
    pub fn document_of(&mut self, failure: &Failure) {
        self.document(&Failed {
            error: failure.fault.chain(),
            fix: failure.fault.remedy(),
            class: failure.fault.class(),
            code: failure.fault.code().name,
            exit_code: failure.exit_code(),
            applied: failure.applied.iter().map(Into::into).collect(),
            unconfirmed: &failure.unconfirmed,
        });
    }
}
