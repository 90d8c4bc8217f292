//! The only writer: standard output carries the one result, standard error everything else.

use std::io;
use std::rc::Rc;

use provision::Fault;
use serde::Serialize;

use crate::args::Telling;
use crate::console::Console;
use crate::documents::{Document, Failed, Versioned};
use crate::exit::{self, Failure, PARTIAL};
use crate::progress;
use crate::terminal::{self, Style};

/// Bold.
pub const STRONG: Style = Style::Strong;
/// Something was made, or is well.
pub const GOOD: Style = Style::Good;
/// Something changes, or is not as it should be.
pub const CHANGED: Style = Style::Changed;
/// Something goes, or is broken.
pub const BAD: Style = Style::Bad;
/// Less important.
pub const DIM: Style = Style::Dim;

/// Writes to people and to machines. Colours appear only on terminals (and never with `NO_COLOR`).
pub struct Printer {
    json: bool,
    /// Whether a document is one line, among others.
    lines: bool,
    telling: Telling,
    console: Rc<dyn Console>,
    heard: bool,
    /// Why the result is not where it was to go.
    lost: Option<io::Error>,
}

impl Printer {
    /// A printer whose result is one JSON document, or text.
    pub fn new(json: bool, telling: Telling, console: Rc<dyn Console>) -> Self {
        Self {
            json,
            lines: false,
            telling,
            console,
            heard: true,
            lost: None,
        }
    }

    /// Where it writes, for what is shown meanwhile.
    pub fn console(&self) -> Rc<dyn Console> {
        Rc::clone(&self.console)
    }

    /// How it is told what is being done.
    pub fn telling(&self) -> Telling {
        self.telling
    }

    /// From now on a document is one line, as there may be several.
    pub fn in_lines(&mut self) {
        self.lines = true;
    }

    /// Whether the result is wanted for machines.
    pub fn json(&self) -> bool {
        self.json
    }

    /// The result, for people. Said on standard error when the result is a JSON document.
    pub fn text(&mut self, text: &str) {
        if self.json {
            self.say(text);
        } else {
            let written = self.console.result(&terminal::shown(text.trim_end()));
            self.note(written);
        }
    }

    /// The result, for machines; nothing when it is wanted for people.
    pub fn document<D: Document>(&mut self, document: &D) {
        self.foreign(&Versioned::from(document));
    }

    /// A result whose form others have set.
    pub fn foreign(&mut self, document: &impl Serialize) {
        if self.json {
            let text = match self.lines {
                true => serde_json::to_string(document),
                false => serde_json::to_string_pretty(document),
            };
            let written = text
                .map_err(io::Error::from)
                .and_then(|text| self.console.result(&terminal::json(&text)));
            self.note(written);
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        self.heard = false;
        // Who closed the pipe (`| head`) has read enough.
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.lost.get_or_insert(error);
        }
    }

    /// Whether all that was written so far had somewhere to go.
    pub fn is_heard(&self) -> bool {
        self.heard
    }

    /// The code that the program ends with: half a result is no success, whoever reads it.
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

    /// Anything but the result.
    pub fn say(&mut self, text: &str) {
        progress::say(text, self.telling, &*self.console);
    }

    /// Asks for a yes; anything else is a no.
    pub fn ask(&mut self, question: &str) -> bool {
        let question = terminal::shown(&format!("{STRONG}{question}{STRONG:#} [y/N] "));
        let answer = self.console.ask(&question);
        answer.is_ok_and(|answer| matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Whether someone is there to answer.
    pub fn attended(&self) -> bool {
        !self.json && self.telling != Telling::Json && self.console.is_attended()
    }

    /// Why the run did not end well, and what to do next.
    pub fn failure(&mut self, failure: &Failure) {
        let fix = failure.fault.remedy();
        self.say(&format!("{BAD}error:{BAD:#} {}", failure.fault.chain()));
        if let Some(fix) = fix {
            self.say(&format!("{GOOD}fix:{GOOD:#} {fix}"));
        }
        if failure.exit_code() == PARTIAL {
            self.say(&format!(
                "{STRONG}applied in part:{STRONG:#} {} changes were made and stay. To go on: aztec-kit apply",
                failure.applied.len()
            ));
        }
        self.document_of(failure);
    }

    /// The same for machines alone.
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
