//! Whether the release fits the rollup, as a finding.

use crate::checks::check::Verb;
use crate::checks::context::Context;
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::fit::{Fit, Verdict};
use crate::settings::Settings;
use crate::severity::Severity;

/// The finding of a verb. A smoke test, which repeats itself, only names a release that does not fit.
pub(super) fn finding(cx: &Context<'_>) -> Option<Finding> {
    let fit = cx.fit()?;
    let finding = of_fit(cx.settings, fit);
    if cx.verb != Verb::Smoke {
        return Some(finding);
    }
    let severity = match cx.settings.stands_by() {
        true => Severity::Pass,
        false => finding.severity,
    };
    let unfit = fit.verdict == Verdict::DoesNotFit;
    unfit.then_some(Finding {
        severity,
        ..finding
    })
}

/// The result as a finding.
pub fn of_fit(settings: &Settings, fit: &Fit) -> Finding {
    let (severity, fix) = match (fit.verdict, settings.stands_by()) {
        (Verdict::Fits, _) => (Severity::Pass, ""),
        (Verdict::DoesNotFit, false) => (Severity::Fail, fit.fix.as_str()),
        (Verdict::DoesNotFit, true) => (
            Severity::Warn,
            "It is on standby until its own rollup is canonical, because standby = true.",
        ),
        (Verdict::CannotTell, _) => (Severity::Warn, fit.fix.as_str()),
    };
    let because = fit.because.trim_end_matches('.');
    Finding::new(Topic::ReleaseFits, severity, because).fix(fix)
}
