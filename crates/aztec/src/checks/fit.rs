//! Whether the release fits the rollup, as a finding.

use super::finding::{Finding, Verdict};
use super::topic::Topic;
use crate::fit::{self, Fit};
use crate::settings::Settings;

/// Asks the L1. `None` if this host follows no rollup that others deployed.
pub fn fit(settings: &Settings) -> Option<Finding> {
    fit::fit(settings).map(|fit| of_fit(settings, &fit))
}

/// The result as a finding.
pub fn of_fit(settings: &Settings, fit: &Fit) -> Finding {
    let (status, fix) = match (fit.verdict, settings.stands_by()) {
        (fit::Verdict::Fits, _) => (Verdict::Pass, ""),
        (fit::Verdict::DoesNotFit, false) => (Verdict::Fail, fit.fix.as_str()),
        (fit::Verdict::DoesNotFit, true) => (
            Verdict::Warn,
            "It is on standby until its own rollup is canonical, because standby = true.",
        ),
        (fit::Verdict::CannotTell, _) => (Verdict::Warn, fit.fix.as_str()),
    };
    let message = format!("{}. {fix}", fit.because.trim_end_matches('.'));
    Finding::new(Topic::ReleaseFits, status, message.trim_end())
}
