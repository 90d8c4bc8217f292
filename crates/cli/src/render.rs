//! Plans and reports as text.

use std::fmt::Write;
use std::time::Duration;

use aztec::Severity;
use aztec::checks::{Diagnosis, Finding, Report};
use provision::engine::{Action, Change, Plan, ResourceId, Step, Unconfirmed};

use crate::styles::{BAD, CHANGED, DIM, GOOD, STRONG};
use crate::terminal::Style;

/// A plan for people. With `all`, the resources that are in sync too, with the reason.
pub fn plan(plan: &Plan, all: bool) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        if step.action != Action::Keep {
            write_step(&mut text, step);
        } else if all {
            let because = step.because.as_deref().unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{DIM}= {}: {because}{DIM:#}", step.id);
        }
    }
    let count = |action| {
        plan.steps
            .iter()
            .filter(|step| step.action == action)
            .count()
    };
    let summary: Vec<_> = [
        Action::Create,
        Action::Update,
        Action::KnownAfterApply,
        Action::Remove,
        Action::Forget,
    ]
    .into_iter()
    .filter(|action| count(*action) > 0)
    .map(|action| match action {
        Action::KnownAfterApply => format!("{} {}", count(action), action.verb()),
        _ => format!("{} to {}", count(action), action.verb()),
    })
    .collect();
    let _ = if summary.is_empty() {
        writeln!(
            text,
            "in sync: {} resources, nothing to change",
            plan.steps.len()
        )
    } else {
        writeln!(
            text,
            "{STRONG}{}{STRONG:#}, {} in sync",
            summary.join(", "),
            count(Action::Keep)
        )
    };
    text
}

fn write_step(text: &mut String, step: &Step) {
    let (sign, style) = match step.action {
        Action::Create => ('+', GOOD),
        Action::Update => ('~', CHANGED),
        Action::KnownAfterApply => ('?', CHANGED),
        Action::Remove | Action::Forget => ('-', BAD),
        Action::Keep => ('=', DIM),
    };
    let _ = writeln!(
        text,
        "{style}{sign} {} {}{style:#}",
        step.action.verb(),
        step.id
    );
    if let Some(because) = &step.because {
        let _ = writeln!(text, "    {because}");
    }
    for change in &step.changes {
        match change {
            Change::Field { field, from, to } => {
                let _ = writeln!(text, "    {field}: {from} → {to}");
            }
            Change::Content { patch } => {
                for line in patch.lines() {
                    let style = match line.as_bytes().first() {
                        Some(b'+') => GOOD,
                        Some(b'-') => BAD,
                        _ => DIM,
                    };
                    let _ = writeln!(text, "    {style}{line}{style:#}");
                }
            }
        }
    }
}

/// Resources on one line.
pub fn joined<'a>(ids: impl IntoIterator<Item = &'a ResourceId>) -> String {
    let ids: Vec<_> = ids.into_iter().map(ToString::to_string).collect();
    ids.join(", ")
}

/// The changes that wait for `aztec-kit confirm`, and how to confirm them. `left` is the time until they are rolled back,
/// if the host has a timer for it.
pub fn unconfirmed(changes: &[Unconfirmed], left: Option<Duration>) -> String {
    let when = match left {
        Some(left) if !left.is_zero() => format!("in {} s", left.as_secs().max(1)),
        _ => "soon".into(),
    };
    format!(
        "{CHANGED}unconfirmed:{CHANGED:#} {} could lock you out. Open a second session to this host now. If that works, run\n\
         \x20            {STRONG}aztec-kit confirm{STRONG:#} in it. Otherwise the change is rolled back {when}.",
        joined(changes.iter().map(|change| &change.id))
    )
}

/// The style of a severity.
pub fn style(severity: Severity) -> Style {
    match severity {
        Severity::Pass => GOOD,
        Severity::Warn | Severity::Unknown => CHANGED,
        Severity::Fail => BAD,
    }
}

/// Findings for people: a line for each, and the fix and the command below it.
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        write_head(&mut text, finding);
        let _ = writeln!(text, " {}", finding.seen);
        write_advice(&mut text, finding, TEXT);
    }
    text
}

/// The column of the text of a finding, after its severity.
const TEXT: usize = 9;

/// The severity and the name of a finding.
fn write_head(text: &mut String, finding: &Finding) {
    let style = style(finding.severity);
    let _ = write!(
        text,
        "{style}{:<7}{style:#}  {STRONG}{}{STRONG:#}:",
        finding.severity.word(),
        finding.check
    );
}

/// The known errors in the logs, for people; `now` in seconds since the epoch.
pub fn complaints(findings: &[Finding], now: i64) -> String {
    let mut text = String::new();
    for finding in findings {
        write_head(&mut text, finding);
        let Some(log) = &finding.log else {
            let _ = writeln!(text, " {}", finding.seen);
            write_advice(&mut text, finding, TEXT);
            text.push('\n');
            continue;
        };
        let lines = if log.count == 1 { "line" } else { "lines" };
        let before = if log.current {
            ""
        } else {
            ", before its last start"
        };
        let _ = writeln!(
            text,
            " {} {lines}, the last {} ago{before}\n{:9}{DIM}{}{DIM:#}\n{:9}{}",
            log.count,
            duration((now - log.last).max(0)),
            "",
            log.line,
            "",
            finding.seen
        );
        write_advice(&mut text, finding, TEXT);
        text.push('\n');
    }
    text
}

/// The fix and the command, each on a line of its own below what was seen, after `indent` blanks.
fn write_advice(text: &mut String, finding: &Finding, indent: usize) {
    let indent = " ".repeat(indent);
    if let Some(fix) = &finding.fix {
        let _ = writeln!(text, "{indent}fix: {fix}");
    }
    if let Some(command) = &finding.command {
        let _ = writeln!(text, "{indent}run: {STRONG}{command}{STRONG:#}");
    }
}

/// A diagnosis for people: each cause, what to do about it, and what it leads to.
pub fn diagnosis(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for (at, cause) in diagnosis.causes.iter().enumerate() {
        let _ = write!(text, "{STRONG}{:>2}{STRONG:#}  ", at + 1);
        write_head(&mut text, &cause.finding);
        let _ = writeln!(text, " {}", cause.finding.seen);
        write_advice(&mut text, &cause.finding, 4);
        for finding in &cause.consequences {
            let style = style(finding.severity);
            let word = finding.severity.word();
            let _ = writeln!(
                text,
                "    {DIM}└{DIM:#} {style}{word:<7}{style:#}  {}: {}",
                finding.check, finding.seen
            );
        }
        text.push('\n');
    }
    text.push_str(&findings(&diagnosis.unknown));
    let style = style(diagnosis.severity);
    let word = diagnosis.severity.word();
    let (causes, unknown) = (diagnosis.causes.len(), diagnosis.unknown.len());
    let passed = diagnosis.passed.len();
    let _ = writeln!(
        text,
        "{style}{word}{style:#}: {causes} to repair, {unknown} unknown, {passed} passed"
    );
    text
}

/// A short time span.
pub fn duration(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// A smoke report for people.
pub fn report(report: &Report) -> String {
    let style = style(report.severity);
    let word = report.severity.word();
    findings(&report.findings) + &format!("{style}{word}{style:#}\n")
}
