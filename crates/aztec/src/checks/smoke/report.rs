//! The report of a smoke test, and the check that it consists of.

use provision::Fault;
use provision::host::Probe;
use serde::Serialize;

use crate::checks::complaints::{Complaint, complaints};
use crate::checks::finding::Finding;
use crate::checks::topic::{About, Topic};
use crate::health::Health;
use crate::units::Units;

/// A process in trouble logs its problem again and again, so the newest lines are enough.
const LATELY_LINES: u32 = 300;
const LATELY_SECONDS: i64 = 300;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// The topic of the check, for machines.
    pub id: Topic,
    /// The subject, if the topic has several, for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// For a log: its complaint, a name in the error dictionary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
    /// The topic and its subject, for people.
    pub name: String,
    /// Its health.
    pub status: Health,
    /// The result in words.
    pub detail: String,
    /// Whether the check cannot tell, because its question was not answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
}

/// All checks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The worst of all.
    pub status: Health,
    /// Seconds since the epoch.
    pub timestamp: i64,
    /// In a fixed order.
    pub checks: Vec<Check>,
}

impl Report {
    /// The report of these checks.
    pub(super) fn of(checks: Vec<Check>, probe: &dyn Probe) -> Self {
        Self {
            status: checks
                .iter()
                .map(|check| check.status)
                .max()
                // A host without roles misses nothing.
                .unwrap_or(Health::Ok),
            timestamp: probe.clock().realtime_us / 1_000_000,
            checks,
        }
    }

    /// Adds the complaints in the logs if a check is not ok. This is separate from [`super::smoke`], because callers that
    /// wait repeat it.
    #[must_use]
    pub fn explained(mut self, units: &Units, probe: &dyn Probe) -> Self {
        if self.status != Health::Ok {
            self.checks.extend(recent_complaints(units, probe));
        }
        self
    }
}

/// Recent complaints in the logs. They explain and do not change the result: a line may be older than its fix.
fn recent_complaints(units: &Units, probe: &dyn Probe) -> Vec<Check> {
    let complaints = complaints(&units.all(), probe, LATELY_LINES);
    let since = probe.clock().realtime_us / 1_000_000 - LATELY_SECONDS;
    complaints
        .into_iter()
        .filter(|complaint| complaint.health != Health::Ok && complaint.last >= since)
        .map(|complaint| {
            let Complaint { unit, id, .. } = &complaint;
            let about = Topic::Log.of(unit).named(format!("log of {unit}: {id}"));
            let detail = format!("{} {}", complaint.means, complaint.fix);
            Check {
                unanswered: complaint.unanswered,
                complaint: Some(complaint.id),
                ..check(about, Health::Degraded, detail)
            }
        })
        .collect()
}

/// A check that was answered.
pub(super) fn check(about: impl Into<About>, status: Health, detail: impl Into<String>) -> Check {
    let About {
        topic,
        subject,
        words,
    } = about.into();
    Check {
        id: topic,
        subject,
        complaint: None,
        name: words,
        status,
        detail: detail.into(),
        unanswered: false,
    }
}

/// A check that cannot tell, which counts as down.
pub(super) fn cannot_tell(topic: Topic, fault: &Fault) -> Check {
    let finding = Finding::unanswered(topic, fault);
    Check {
        unanswered: true,
        ..check(topic, Health::Down, finding.message)
    }
}
