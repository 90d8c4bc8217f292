//! The report of a smoke test.

use provision::host::Probe;
use serde::Serialize;

use super::context::Context;
use super::finding::{Finding, worst};
use super::logs::{LINES, complaints};
use super::node::target::Sample;
use super::table;
use crate::severity::Severity;
use crate::units::Units;

const LATELY_SECONDS: i64 = 300;

/// All checks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The worst of all findings, without those about logs.
    pub severity: Severity,
    /// Seconds since the epoch.
    pub timestamp: i64,
    /// In the order of the table of checks.
    pub findings: Vec<Finding>,
}

/// Runs the checks of a smoke test, and waits as long as the context allows for both chains to advance.
pub fn smoke(cx: &Context<'_>, on_sample: &mut dyn FnMut(&Sample)) -> Report {
    let findings = table::run_and_wait(cx, on_sample);
    Report {
        severity: worst(&findings),
        timestamp: cx.probe().clock().realtime_us / 1_000_000,
        findings,
    }
}

impl Report {
    /// Adds the complaints in the logs if a check did not pass. They explain and do not change the result: a line may be
    /// older than its fix. This is separate from [`smoke`], because callers that wait repeat it.
    #[must_use]
    pub fn explained(mut self, units: &Units, probe: &dyn Probe) -> Self {
        if self.severity != Severity::Pass {
            let since = probe.clock().realtime_us / 1_000_000 - LATELY_SECONDS;
            let complaints = complaints(&units.all(), probe, LINES).into_iter();
            self.findings.extend(complaints.filter(|finding| {
                let recent = |last: i64| last >= since;
                finding.severity != Severity::Pass
                    && finding.log.as_ref().is_none_or(|log| recent(log.last))
            }));
        }
        self
    }
}
