//! The results of checks.

use provision::Fault;
use serde::Serialize;

use super::topic::{About, Topic};
pub use crate::severity::Severity;

/// What one check saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The topic of the check, for machines.
    pub id: Topic,
    /// The subject, if the topic has several, for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The topic and its subject, for people.
    pub check: String,
    /// How bad it is; `unknown` if the check got no answer.
    pub severity: Severity,
    /// What was seen, or why the check cannot tell: a clause without a full stop, and without advice.
    pub seen: String,
    /// What to do, in whole sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The one command line that does it, or that shows the cause. `fix` does not repeat it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The lines of a log that this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Logged>,
}

/// Lines in the log of a process that are in the error dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Logged {
    /// The entry in the error dictionary.
    pub entry: String,
    /// How many lines say it.
    pub count: usize,
    /// The time of the newest line, seconds since the epoch.
    pub last: i64,
    /// Whether the process that runs now logged it. Otherwise the process was started later, which may have fixed it.
    pub current: bool,
    /// The newest line, with URLs redacted.
    pub line: String,
}

impl Finding {
    /// A finding without advice.
    pub fn new(about: impl Into<About>, severity: Severity, seen: impl Into<String>) -> Self {
        let About {
            topic,
            subject,
            words,
        } = about.into();
        Self {
            id: topic,
            subject,
            check: words,
            severity,
            seen: seen.into(),
            fix: None,
            command: None,
            log: None,
        }
    }

    /// It is as it should be.
    pub fn pass(about: impl Into<About>, seen: impl Into<String>) -> Self {
        Self::new(about, Severity::Pass, seen)
    }

    /// It works, but not as it should.
    pub fn warn(about: impl Into<About>, seen: impl Into<String>) -> Self {
        Self::new(about, Severity::Warn, seen)
    }

    /// It does not work.
    pub fn fail(about: impl Into<About>, seen: impl Into<String>) -> Self {
        Self::new(about, Severity::Fail, seen)
    }

    /// Adds what to do, in whole sentences. An empty text is no advice.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into()).filter(|fix| !fix.is_empty());
        Self { fix, ..self }
    }

    /// Adds the one command that does it.
    #[must_use]
    pub fn command(self, command: impl Into<String>) -> Self {
        let command = Some(command.into());
        Self { command, ..self }
    }

    /// A check that got no answer.
    pub fn unanswered(about: impl Into<About>, fault: &Fault) -> Self {
        let seen = format!("could not be checked: {}", fault.chain());
        Self::new(about, Severity::Unknown, seen).fix(fault.remedy().unwrap_or_default())
    }

    /// The findings of a check, or one that cannot tell. A check that cannot tell does not end the others.
    pub fn of<F: IntoIterator<Item = Self>>(
        about: impl Into<About>,
        found: Result<F, Fault>,
    ) -> Vec<Self> {
        match found {
            Ok(found) => found.into_iter().collect(),
            Err(fault) => vec![Self::unanswered(about, &fault)],
        }
    }

    /// What to do and the command, as sentences on one line.
    pub fn advice(&self) -> Option<String> {
        let command = self.command.as_ref();
        let command = command.map(|command| format!("Run `{command}`."));
        let parts: Vec<_> = self
            .fix
            .iter()
            .chain(&command)
            .map(String::as_str)
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// What was seen and the advice, as sentences on one line.
    pub fn text(&self) -> String {
        match self.advice() {
            None => self.seen.clone(),
            Some(advice) if self.seen.ends_with(['.', '!', '?', ':']) => {
                format!("{} {advice}", self.seen)
            }
            Some(advice) => format!("{}. {advice}", self.seen),
        }
    }
}

/// The worst of these; a host without findings misses nothing.
pub fn worst(findings: &[Finding]) -> Severity {
    let severities = findings.iter().map(|finding| finding.severity);
    severities.max().unwrap_or(Severity::Pass)
}

/// A fault as a failed finding.
pub fn failed(about: impl Into<About>, fault: &Fault) -> Finding {
    Finding::fail(about, fault.chain()).fix(fault.remedy().unwrap_or_default())
}

pub(super) const GIB: u64 = 1 << 30;

pub(super) fn gib(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let gib = bytes as f64 / GIB as f64;
    format!("{gib:.1} GiB")
}
