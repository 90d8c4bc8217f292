//! Complaints: the known errors in the logs of this host, in the words of the error dictionary.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::panic::resume_unwind;

use provision::Fault;
use provision::host::{Clock, Probe, Query};
use provision::tools::journal::{self, Line};
use provision::tools::redact;
use provision::tools::systemctl::UnitState;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::finding::{Finding, Logged};
use crate::checks::topic::Topic;
use crate::data::{KnownError, known_errors};
use crate::severity::Severity;

/// The newest lines of each log that are read, unless the caller wants others. A failed start of 4.1.2 writes up to 640
/// lines, of which one of the first says why.
pub const LINES: u32 = 2000;

pub(super) const CHECKS: &[Check] = &[Check {
    topics: &[Topic::Log],
    looks_at: "the newest lines in the journal of every unit",
    run: Run::Now(|cx| Ok(complaints(&cx.units().all(), cx.probe(), LINES))),
    ..Check::row(Phase::Logs, Need::ROOT, &[Verb::Explain])
}];

/// The longest part of a line that is shown, in characters.
const SHOWN: usize = 300;

/// The complaints in the newest `lines` of each unit's journal. Problems come before harmless lines, those of the running
/// process before those of an earlier one, then the worst first, then the newest. A log that cannot be read is a
/// complaint of its own, and the others are reported anyway.
pub fn complaints(units: &[String], probe: &dyn Probe, lines: u32) -> Vec<Finding> {
    let ask = |unit: &String| {
        probe.ask(&Query::Journal {
            unit: unit.clone(),
            lines,
        })
    };
    // A separate process reads each journal, in parallel.
    let (states, journals) = std::thread::scope(|scope| {
        let threads: Vec<_> = units
            .iter()
            .map(|unit| scope.spawn(move || ask(unit)))
            .collect();
        let states = probe.units(&units.iter().cloned().collect());
        let journals = threads
            .into_iter()
            .map(|threads| threads.join().unwrap_or_else(|it| resume_unwind(it)))
            .collect::<Vec<_>>();
        (states, journals)
    });
    let now = probe.clock();
    let mut all = Vec::new();
    let states = states.unwrap_or_else(|fault| {
        let fault = match fault.remedy() {
            Some(_) => fault,
            None => {
                fault.fix("Run `systemctl status` and repair the service manager until it answers.")
            }
        };
        all.push(unread("systemd", &fault));
        BTreeMap::new()
    });
    for (unit, printed) in units.iter().zip(journals) {
        // Without the start time, a line cannot be assigned to a process. It counts as one of the running process.
        let started_us = states.get(unit).map_or(0, |state| started_us(state, now));
        match printed.and_then(|printed| journal::parse(&printed.stdout)) {
            Ok(lines) => all.extend(heard(unit, &lines, started_us)),
            Err(fault) => all.push(unread(unit, &fault)),
        }
    }
    all.sort_by_key(|found| {
        let log = found.log.as_ref();
        let (current, last) = log.map_or((true, i64::MAX), |log| (log.current, log.last));
        let problem = found.severity != Severity::Pass;
        Reverse((problem, current, found.severity, last))
    });
    all
}

/// A log that could not be read.
fn unread(unit: &str, fault: &Fault) -> Finding {
    let finding = Finding::unanswered(Topic::Log.of(unit), fault);
    if finding.fix.is_some() {
        return finding;
    }
    let why = format!("journalctl --unit {unit}");
    finding.fix("This command shows why.").command(why)
}

/// The last start of the main process of a unit, microseconds since the epoch; 0 if it never started.
fn started_us(state: &UnitState, clock: Clock) -> i64 {
    match state.started_us {
        0 => 0,
        started_us => clock.on_the_wall(started_us),
    }
}

/// The complaints in one log, given the last start of its process; pure.
pub(crate) fn heard(unit: &str, lines: &[Line], started_us: i64) -> Vec<Finding> {
    let mut heard: BTreeMap<&'static str, Finding> = BTreeMap::new();
    for line in lines {
        let Some(known) = known_errors().iter().find(|it| it.is_said_by(&line.text)) else {
            continue;
        };
        let before = heard.get(known.id.as_str());
        let before = before.and_then(|found| found.log.as_ref());
        let count = before.map_or(0, |log| log.count) + 1;
        heard.insert(&known.id, complaint(unit, line, known, started_us, count));
    }
    heard.into_values().collect()
}

fn complaint(
    unit: &str,
    line: &Line,
    known: &'static KnownError,
    started_us: i64,
    count: usize,
) -> Finding {
    let text = redact::secrets(line.text.trim());
    let short: String = text.chars().take(SHOWN).collect();
    let cut = short.len() < text.len();
    let about = Topic::Log
        .of(unit)
        .named(format!("log of {unit}: {}", known.id));
    let finding = Finding::new(about, known.severity, known.means.as_str());
    Finding {
        log: Some(Logged {
            entry: known.id.clone(),
            count,
            last: line.at_us / 1_000_000,
            current: line.at_us >= started_us,
            line: if cut { format!("{short}…") } else { short },
        }),
        ..finding.fix(known.fix.as_str())
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;

    /// Lines as 4.1.2 writes them, with a key in a URL.
    const NODE: &str = "\
1795420001.000000 node[77]: [07:06:41.000] INFO: p2p Started P2P client
1795420002.000000 node[77]: [07:06:42.000] WARN: p2p:reqresp No active peers to send requests to
1795420003.000000 node[77]: [07:06:43.000] ERROR: archiver Error syncing: connect ECONNREFUSED https://user:word@l1.example/v2/KEY
1795420004.000000 node[77]: [07:06:44.000] ERROR: archiver Error syncing: connect ECONNREFUSED 127.0.0.1:8545
1795420005.000000 node[77]:     code: 'ECONNREFUSED',
";

    fn host() -> FakeHost {
        let mut host = FakeHost::debian();
        let mut log = |unit: &str, printed: &str| {
            host.journals.insert(unit.into(), printed.into());
        };
        log("aztec-node.service", NODE);
        log(
            "aztec-l1.service",
            "1795420009.000000 systemd[1]: aztec-l1.service: Main process exited, code=dumped, status=4/ILL\n",
        );
        host
    }

    #[test]
    fn the_worst_comes_first_and_each_is_reported_once() {
        let units = ["aztec-node.service", "aztec-l1.service"].map(String::from);
        let found = complaints(&units, &host(), 100);
        let shown: Vec<_> = found
            .iter()
            .map(|it| {
                let log = it.log.as_ref().unwrap();
                let unit = it.subject.as_deref().unwrap();
                (log.entry.as_str(), unit, log.count, log.last)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("old-cpu", "aztec-l1.service", 1, 1_795_420_009),
                ("unreachable", "aztec-node.service", 2, 1_795_420_004),
                ("no-peers", "aztec-node.service", 1, 1_795_420_002),
            ]
        );
        assert!(
            found[1]
                .log
                .as_ref()
                .unwrap()
                .line
                .ends_with("127.0.0.1:8545"),
            "{found:?}"
        );
    }

    #[test]
    fn no_key_of_an_endpoint_is_shown() {
        let lines = journal::parse(&NODE.lines().take(3).collect::<Vec<_>>().join("\n")).unwrap();
        let found = heard("aztec-node.service", &lines, 0);
        let lines = found.iter().map(|found| &found.log.as_ref().unwrap().line);
        let line = lines.max().unwrap();
        assert!(line.contains("l1.example"), "{line}");
        assert!(!line.contains("KEY") && !line.contains("word"), "{line}");
    }

    #[test]
    fn the_time_of_a_start_is_converted_to_the_clock_of_the_journal() {
        let clock = Clock {
            realtime_us: 1_795_420_100_000_000,
            monotonic_us: 5_000_000_000,
        };
        let state = UnitState {
            started_us: 4_940_000_000,
            ..UnitState::default()
        };
        assert_eq!(started_us(&state, clock), 1_795_420_040_000_000);
        assert_eq!(started_us(&UnitState::default(), clock), 0);
    }

    #[test]
    fn a_line_before_the_last_start_is_not_current() {
        // In the second of the start, but before it.
        let lines = journal::parse(NODE).unwrap();
        let found = heard("aztec-node.service", &lines, 1_795_420_004_000_001);
        let current = |found: &Finding| found.log.as_ref().is_some_and(|log| log.current);
        assert!(!found.iter().any(current));
        let found = heard("aztec-node.service", &lines, 1_795_420_004_000_000);
        let current: Vec<_> = found.iter().filter(|it| current(it)).collect();
        assert_eq!(current.len(), 1, "{found:?}");
        assert_eq!(current[0].log.as_ref().unwrap().entry, "unreachable");
    }

    #[test]
    fn a_quiet_log_has_no_complaints() {
        assert!(complaints(&["aztec-bot.service".into()], &host(), 100).is_empty());
    }
}
