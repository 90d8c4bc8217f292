//! The results of checks.

use provision::Fault;
use serde::Serialize;

use super::topic::{About, Topic};

/// Verdict of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Fine.
    Pass,
    /// It works, but not as it should.
    Warn,
    /// It cannot work.
    Fail,
}

/// The result of one check.
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
    /// Verdict.
    pub status: Verdict,
    /// The result, and what to do.
    pub message: String,
    /// Whether the check cannot tell, because its question was not answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
}

impl Finding {
    /// A finding.
    pub fn new(about: impl Into<About>, status: Verdict, message: impl Into<String>) -> Self {
        let About {
            topic,
            subject,
            words,
        } = about.into();
        Self {
            id: topic,
            subject,
            check: words,
            status,
            message: message.into(),
            unanswered: false,
        }
    }

    /// A check that cannot tell. It fails, so no change is made.
    pub fn unanswered(about: impl Into<About>, fault: &Fault) -> Self {
        let failed = failed(about, fault);
        Self {
            unanswered: true,
            message: format!("could not be checked: {}", failed.message),
            ..failed
        }
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
}

/// A fault as a failed finding.
pub fn failed(about: impl Into<About>, fault: &Fault) -> Finding {
    let message = format!("{}. {}", fault.chain(), fault.remedy().unwrap_or_default());
    Finding::new(about, Verdict::Fail, message.trim_end())
}

pub(super) const GIB: u64 = 1 << 30;

pub(super) fn gib(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let gib = bytes as f64 / GIB as f64;
    format!("{gib:.1} GiB")
}
