//! The few causes of what is wrong with a host, each with its consequences.

use std::cmp::Reverse;

use provision::Fault;
use provision::host::Probe;
use serde::Serialize;

use super::context::Context;
use super::finding::{Finding, worst};
use super::topic::Topic;
use crate::data::{Consequences, causes};
use crate::severity::Severity;

/// How long a line in the log of a process that still runs counts as a problem, seconds.
const LATELY: i64 = 600;

/// What is wrong with a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diagnosis {
    /// The worst of all findings.
    pub severity: Severity,
    /// Seconds since the epoch.
    pub timestamp: i64,
    /// What to repair, the first one first.
    pub causes: Vec<Cause>,
    /// The checks that got no answer.
    pub unknown: Vec<Finding>,
    /// The checks that passed.
    pub passed: Vec<Finding>,
}

/// A finding that no other finding explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cause {
    /// The finding.
    pub finding: Finding,
    /// The findings that it explains, in the order of the table of checks.
    pub consequences: Vec<Finding>,
}

/// The causes among the findings of all checks.
pub fn diagnose(cx: &Context<'_>, findings: Vec<Finding>) -> Diagnosis {
    let now = cx.probe().clock().realtime_us / 1_000_000;
    let running = running(cx).unwrap_or_default();
    let findings = findings.into_iter();
    let findings = findings.filter(|finding| matters(finding, &running, now));
    correlate(findings.collect(), now)
}

/// The units of this host that run now.
fn running(cx: &Context<'_>) -> Result<Vec<String>, Fault> {
    let probe: &dyn Probe = cx.probe();
    let states = probe.units(&cx.units().all().into_iter().collect())?;
    let running = states.into_iter().filter(|(_, state)| state.runs());
    Ok(running.map(|(unit, _)| unit).collect())
}

/// Whether a finding is about now. What a process logged before its last start, or long ago if it still runs, is over.
fn matters(finding: &Finding, running: &[String], now: i64) -> bool {
    let Some(log) = &finding.log else { return true };
    let runs = finding
        .subject
        .as_ref()
        .is_some_and(|it| running.contains(it));
    log.current && (!runs || now - log.last <= LATELY)
}

/// Puts each finding below its cause; pure.
fn correlate(findings: Vec<Finding>, timestamp: i64) -> Diagnosis {
    let severity = worst(&findings);
    let (passed, problems): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Pass);
    let (unknown, problems): (Vec<_>, Vec<_>) = problems
        .into_iter()
        .partition(|finding| finding.severity == Severity::Unknown);
    let roots: Vec<_> = (0..problems.len()).map(|at| root(at, &problems)).collect();
    let mut causes: Vec<_> = problems
        .iter()
        .enumerate()
        .filter(|(at, _)| roots.get(*at) == Some(at))
        .map(|(at, finding)| Cause {
            finding: finding.clone(),
            consequences: problems
                .iter()
                .zip(&roots)
                .enumerate()
                .filter(|(other, (_, root))| **root == at && *other != at)
                .map(|(_, (finding, _))| finding.clone())
                .collect(),
        })
        .collect();
    // A stable sort: of equals, the first in the table of checks stays first.
    causes.sort_by_key(|cause| Reverse((cause.finding.severity, !cause.consequences.is_empty())));
    Diagnosis {
        severity,
        timestamp,
        causes,
        unknown,
        passed,
    }
}

/// The place of the cause at the end of the chain of causes. A chain cannot be longer than the list.
fn root(from: usize, problems: &[Finding]) -> usize {
    let mut at = from;
    for _ in problems {
        match cause(at, problems) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// The place of the finding that explains this one; the worst, then the first.
fn cause(of: usize, problems: &[Finding]) -> Option<usize> {
    let effect = problems.get(of)?;
    let explains = problems
        .iter()
        .enumerate()
        .filter(|(at, finding)| *at != of && explains(finding, effect));
    let worst = explains.min_by_key(|(at, finding)| (Reverse(finding.severity), *at));
    worst.map(|(at, _)| at)
}

/// Whether one finding can be the cause of another. A smaller problem does not explain a larger one, except that the log of
/// a process says why the process failed.
fn explains(cause: &Finding, effect: &Finding) -> bool {
    let Some(Consequences { explains, logs }) = causes().get(&cause.id.name()) else {
        return false;
    };
    if let Some(log) = &effect.log {
        return logs.contains(&log.entry);
    }
    let listed = explains.contains(&effect.id.name());
    match (cause.id, effect.id) {
        (Topic::Log, Topic::Service) => listed && cause.subject == effect.subject,
        (Topic::Log, _) => listed,
        _ => listed && cause.severity >= effect.severity,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checks::finding::Logged;
    use crate::data::known_errors;

    #[test]
    fn every_cause_is_known_and_none_causes_itself() {
        let topics: BTreeMap<_, _> = Topic::ALL.iter().map(|it| (it.name(), *it)).collect();
        let entries: Vec<_> = known_errors().iter().map(|it| it.id.as_str()).collect();
        for (cause, Consequences { explains, logs }) in causes() {
            for topic in explains.iter().chain([cause]) {
                assert!(topics.contains_key(topic), "{cause}: {topic}");
            }
            for entry in logs {
                assert!(entries.contains(&entry.as_str()), "{cause}: {entry}");
            }
            let mut reached: Vec<_> = explains.iter().collect();
            for at in 0.. {
                let Some(next) = reached.get(at) else { break };
                assert_ne!(*next, cause, "{cause} causes itself");
                let more = causes().get(*next).map(|it| &it.explains);
                for more in more.into_iter().flatten() {
                    if !reached.contains(&more) {
                        reached.push(more);
                    }
                }
            }
        }
    }

    fn log(unit: &str, entry: &str, severity: Severity) -> Finding {
        let logged = Logged {
            entry: entry.into(),
            count: 1,
            last: 0,
            current: true,
            line: String::new(),
        };
        Finding {
            log: Some(logged),
            ..Finding::new(Topic::Log.of(unit), severity, "")
        }
    }

    /// The checks of each cause, in order, with those of its consequences.
    fn shown(diagnosis: &Diagnosis) -> Vec<(&str, Vec<&str>)> {
        let causes = diagnosis.causes.iter();
        causes
            .map(|cause| {
                let consequences = cause.consequences.iter();
                let consequences = consequences.map(|it| it.check.as_str());
                (cause.finding.check.as_str(), consequences.collect())
            })
            .collect()
    }

    #[test]
    fn a_dead_l1_is_one_problem_and_not_five() {
        let unit = "aztec-node.service";
        let found = vec![
            Finding::pass(Topic::Cpu, ""),
            Finding::warn(Topic::Memory, "little"),
            Finding::fail(Topic::L1Execution.of("l1"), "no answer"),
            Finding::warn(Topic::ReleaseFits, "unknown"),
            Finding::fail(Topic::Service.of(unit), "failed"),
            Finding::warn(Topic::NodeAnswers, "refused"),
            log(unit, "unreachable", Severity::Warn),
        ];
        let diagnosis = correlate(found, 0);
        assert_eq!(
            shown(&diagnosis),
            [
                (
                    "L1 l1",
                    vec![
                        "release fits",
                        unit,
                        "node answers",
                        "log of aztec-node.service"
                    ]
                ),
                ("memory", vec![]),
            ]
        );
        assert_eq!(diagnosis.severity, Severity::Fail);
        assert_eq!(diagnosis.passed.len(), 1);
    }

    #[test]
    fn a_log_explains_its_own_unit_only() {
        let found = vec![
            Finding::fail(Topic::Service.of("a.service"), "failed"),
            Finding::fail(Topic::Service.of("b.service"), "failed"),
            log("b.service", "heap", Severity::Fail),
        ];
        assert_eq!(
            shown(&correlate(found, 0)),
            [
                ("log of b.service", vec!["b.service"]),
                ("a.service", vec![]),
            ]
        );
    }

    #[test]
    fn a_warning_does_not_explain_a_failure() {
        let found = vec![
            Finding::warn(Topic::L1Execution.of("spare"), "no answer"),
            Finding::fail(Topic::Service.of("a.service"), "failed"),
        ];
        assert_eq!(
            shown(&correlate(found, 0)),
            [("a.service", vec![]), ("L1 spare", vec![])]
        );
    }

    #[test]
    fn an_unknown_is_neither_a_cause_nor_passed() {
        let fault = Fault::new("no answer");
        let found = vec![Finding::unanswered(Topic::Firewall, &fault)];
        let diagnosis = correlate(found, 0);
        assert!(diagnosis.causes.is_empty() && diagnosis.passed.is_empty());
        assert_eq!(diagnosis.unknown.len(), 1);
    }

    #[test]
    fn an_old_line_of_a_running_process_is_over() {
        let now = LATELY + 1;
        let line = log("a.service", "heap", Severity::Fail);
        assert!(!matters(&line, &["a.service".into()], now));
        assert!(matters(&line, &["a.service".into()], LATELY));
        assert!(matters(&line, &[], now));
    }
}
