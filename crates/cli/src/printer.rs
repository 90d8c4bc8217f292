//! The only writer: standard output carries the one result, standard error everything else.

use std::io::{self, IsTerminal, Write};

use provision::Fault;
use serde::Serialize;
use serde_json::json;

use crate::exit::{self, Failure, PARTIAL};
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
#[derive(Debug)]
pub struct Printer {
    json: bool,
    /// Why the result is not where it was to go.
    lost: Option<io::Error>,
}

impl Printer {
    /// A printer whose result is one JSON document, or text.
    pub fn new(json: bool) -> Self {
        Self { json, lost: None }
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
            let mut out = anstream::stdout();
            let written = writeln!(out, "{}", terminal::shown(text.trim_end()));
            self.note(written.and_then(|()| out.flush()));
        }
    }

    /// The result, for machines; nothing when it is wanted for people.
    pub fn document(&mut self, document: &impl Serialize) {
        if self.json {
            let mut out = io::stdout();
            let written = serde_json::to_string_pretty(document)
                .map_err(io::Error::from)
                .and_then(|text| writeln!(out, "{}", terminal::json(&text)));
            self.note(written.and_then(|()| out.flush()));
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        match written {
            // Who closed the pipe (`| head`) has read enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.lost.get_or_insert(error);
            }
            _ => {}
        }
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
        // Whoever does not hear this cannot be told so either.
        let _ = writeln!(anstream::stderr(), "{}", terminal::shown(text.trim_end()));
    }

    /// Asks for a yes; anything else is a no.
    pub fn ask(&mut self, question: &str) -> bool {
        let question = terminal::shown(&format!("{STRONG}{question}{STRONG:#} [y/N] "));
        let _ = write!(anstream::stderr(), "{question}");
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Whether someone is there to answer.
    pub fn attended(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Why the run did not end well, and what to do next.
    pub fn failure(&mut self, failure: &Failure) {
        let fix = failure.fault.remedy();
        self.say(&format!("{BAD}error:{BAD:#} {}", failure.fault.chain()));
        if let Some(fix) = fix {
            self.say(&format!("{GOOD}fix:{GOOD:#} {fix}"));
        }
        if failure.code == PARTIAL {
            self.say(&format!(
                "{STRONG}applied in part:{STRONG:#} {} changes were made and stay. To go on: aztec-kit apply",
                failure.applied.len()
            ));
        }
        let applied: Vec<_> = failure
            .applied
            .iter()
            .map(|step| json!({"id": step.id, "action": step.action}))
            .collect();
        self.document(&json!({
            "error": failure.fault.chain(),
            "fix": fix,
            "exit_code": failure.code,
            "applied": applied,
            "unconfirmed": failure.unconfirmed,
        }));
    }
}
