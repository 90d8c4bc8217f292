//! The only writer: standard output carries the one result, standard error everything else.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Failure, PARTIAL};

/// Bold.
pub const STRONG: Style = Style::new().bold();
/// Something was made, or is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something changes, or is not as it should be.
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Something goes, or is broken.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Less important.
pub const DIM: Style = Style::new().dimmed();

/// Writes to people and to machines. Colours appear only on terminals (and never with `NO_COLOR`).
#[derive(Debug)]
pub struct Printer {
    json: bool,
}

impl Printer {
    /// A printer whose result is one JSON document, or text.
    pub fn new(json: bool) -> Self {
        Self { json }
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
            // A closed pipe (`| head`) is not our failure.
            let _ = writeln!(anstream::stdout(), "{}", text.trim_end());
        }
    }

    /// The result, for machines; nothing when it is wanted for people.
    pub fn document(&mut self, document: &impl Serialize) {
        if self.json {
            let text = serde_json::to_string_pretty(document).unwrap_or_default();
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// Anything but the result.
    pub fn say(&mut self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", text.trim_end());
    }

    /// Asks for a yes; anything else is a no.
    pub fn ask(&mut self, question: &str) -> bool {
        let _ = write!(anstream::stderr(), "{STRONG}{question}{STRONG:#} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Whether someone is there to answer.
    pub fn attended(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
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
