//! The steps that `setup` and `apply` share: plan, consent, change, verify.

use std::time::{Duration, Instant};

use aztec::Severity;
use aztec::checks::{self, Fallen, Finding, Report, Topic, Verb};
use aztec::kinds::Kind;
use provision::engine::{Applied, Consent, Guard, Plan, ResourceId, Session, Stop, removable};
use provision::kinds::prune;
use provision::{Fault, code};
use serde_json::Value;

use super::confirm;
use super::verify::{self, Demand, VERIFIED};
use crate::args::Changing;
use crate::context::Context;
use crate::documents::{Outcome, OutcomeStatus};
use crate::exit::{self, Failure};
use crate::host::{self, Host};
use crate::printer::Printer;
use crate::progress::{Phase, Shown};
use crate::render;
use crate::styles::{GOOD, STRONG};

/// A run of `setup`, `apply` or `bootstrap`.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The flags of every verb that changes the host.
    pub args: &'a Changing,
    /// Whether to check every L1 endpoint at the end.
    pub check_l1: bool,
}

impl Request<'_> {
    /// The findings on the L1, once the host is as configured; `None` if the run does not check it.
    fn l1(&self, host: &Host<'_>) -> Option<Vec<Finding>> {
        self.check_l1.then(|| host.checks(Verb::Bootstrap))
    }
}

/// Converges the host to its desired state. Without a session it only shows the plan. The lock is released after the last
/// change, so the verification does not block other runs.
pub fn run(
    session: Option<Session>,
    host: &Host<'_>,
    request: Request<'_>,
    cx: &Context,
    printer: &mut Printer,
) -> Result<u8, Failure> {
    let args = request.args;
    host.disks()?;
    let plan = host.plan()?;
    let works = host.receipt.notes.get(VERIFIED) == Some(&Value::Bool(true));
    if plan.is_empty() && plan.is_recorded(&host.graph, &host.receipt) && works {
        if let Some(unfit) = host.unfit() {
            printer.say(&render::findings(&[unfit]));
        }
        printer.text(&render::plan(&plan, false));
        let keeps = args.confirm && session.is_some();
        let waiting = confirm::settle(&host.receipt, keeps, cx, printer)?;
        let l1 = session.as_ref().and_then(|_| request.l1(host));
        let outcome = Outcome {
            status: OutcomeStatus::InSync,
            applied: Vec::new(),
            verification: None,
            l1: l1.as_deref(),
            unconfirmed: &waiting,
        };
        printer.document(&outcome);
        return Ok(l1_code(&outcome, printer));
    }
    if !plan.is_empty() {
        fit(host, printer)?;
        printer.text(&render::plan(&plan, false));
        printer.text(&host.runtime());
    }
    let Some(mut session) = session else {
        printer.document(&plan);
        return Ok(exit::OK);
    };
    let consent = match args.yes {
        true => Consent::Configuration(Some(&plan)),
        false if plan.is_empty() => Consent::Plan(&plan),
        false if !printer.attended() => return Err(no_consent()),
        false if !printer.ask("Make these changes?") => {
            printer.say("nothing was changed");
            return Ok(exit::OK);
        }
        false => Consent::Plan(&plan),
    };
    let mut progress = printer.progress(plan.pending().count(), &cx.view.host);
    let guard = confirm::guard(args, cx)?;
    let began = Value::from(cx.view.now_us());
    let since_us = cx.view.probe().clock().monotonic_us;
    let applied = change(
        &mut session,
        host,
        consent,
        guard.as_ref(),
        &began,
        &mut progress,
        printer,
    )?;
    let changed = Instant::now();
    let receipt = session.receipt()?;
    drop(session);
    let waiting = match confirm::settle(&receipt, args.confirm, cx, printer) {
        Ok(waiting) => waiting,
        Err(failure) => return Err(Failure { applied, ..failure }),
    };
    if applied.iter().any(|step| hardens_ssh(host, step)) {
        printer.say(&format!("{STRONG}note:{STRONG:#} {}", aztec::SSH_HINT));
    }
    progress.phase(Phase::Networking);
    let exposure = checks::exposure(&host.settings, &host.facts, host.view.probe());
    printer.say(&render::findings(&exposure));
    progress.phase(Phase::Verification);
    let fallen = verify::check_again(host, &applied, (since_us, changed), &mut progress)?;
    if !fallen.is_empty() {
        progress.finish();
        return Err(did_not_stay_up(&fallen, applied, waiting));
    }
    let patience = args.patience.map(Duration::from_secs);
    let report = verify::chain(host, patience, &began, cx, &mut progress);
    progress.finish();
    let report = report?;
    let demand = Demand::of(args.patience, &host.settings.chain);
    let l1 = request.l1(host);
    let outcome = Outcome {
        status: demand.met_by(report.severity),
        applied: applied.iter().map(Into::into).collect(),
        verification: Some(&report),
        l1: l1.as_deref(),
        unconfirmed: &waiting,
    };
    Ok(finish(&plan, &outcome, &report, printer))
}

/// The failure of a run that nobody can consent to.
fn no_consent() -> Failure {
    Fault::new("there is no terminal to ask for consent; nothing was changed")
        .fix("Add --yes to consent in advance. `aztec-kit plan` shows the changes.")
        .coded(exit::NO_CONSENT)
        .into()
}

/// Refuses a host that cannot run the configuration, before anything is changed.
fn fit(host: &Host<'_>, printer: &mut Printer) -> Result<(), Failure> {
    let findings = host.checks(Verb::Apply);
    let unfit: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.severity != Severity::Pass)
        .collect();
    printer.say(&render::findings(&unfit));
    let Some(first) = unfit.iter().find(|finding| !finding.severity.is_fit()) else {
        return Ok(());
    };
    Err(refused(first))
}

/// The failure of a run that a finding forbids.
pub fn refused(finding: &Finding) -> Failure {
    let code = match finding.id {
        Topic::ReleaseFits => exit::RELEASE_DOES_NOT_FIT,
        Topic::DataDisk => code::DISK_MISSING,
        _ => exit::HOST_NOT_FIT,
    };
    let advice = finding.advice();
    let advice = advice.as_deref().unwrap_or("Fix this.");
    Fault::new(format!("this host is not fit: {}: {}", finding.check, finding.seen))
        .fix(format!(
            "{advice} Then run the same command again; nothing was changed. `aztec-kit preflight` repeats the checks and changes nothing."
        ))
        .coded(code)
        .into()
}

fn change(
    session: &mut Session,
    host: &Host<'_>,
    consent: Consent<'_>,
    guard: Option<&Guard>,
    began: &Value,
    progress: &mut Shown,
    printer: &mut Printer,
) -> Result<Vec<Applied>, Failure> {
    // A refused run leaves no trace, not even a record of its start.
    removable(&host.graph, &host.receipt, host.view.probe()).map_err(|(at, fault)| {
        stopped(Stop {
            at: Some(at),
            fault,
            applied: Vec::new(),
            begun: false,
        })
    })?;
    let cancel = host::cancel()?;
    session.note(VERIFIED, began.clone())?;
    match session.apply(&host.graph, consent, guard, &cancel, progress) {
        Ok(outcome) => {
            host.record_queries(session)?;
            session.settle(prune)?;
            Ok(outcome.applied)
        }
        Err(stop) => {
            progress.finish();
            let mut failure = stopped(stop);
            failure.unconfirmed = confirm::still_waiting(host.view, printer);
            Err(failure)
        }
    }
}

fn hardens_ssh(host: &Host<'_>, step: &Applied) -> bool {
    matches!(host.graph.get(&step.id), Some(Kind::Sshd(_)))
}

fn did_not_stay_up(
    fallen: &[Fallen],
    applied: Vec<Applied>,
    unconfirmed: Vec<ResourceId>,
) -> Failure {
    let details: Vec<_> = fallen.iter().map(Fallen::told).collect();
    let units: Vec<_> = fallen.iter().map(|it| it.unit.as_str()).collect();
    let fix = format!(
        "Run `aztec-kit explain {}` for the known causes, then run the same command again.",
        units.join("`, `aztec-kit explain ")
    );
    let details = details.join("\n");
    let fault = Fault::new(format!(
        "services that this run started did not stay up: {details}"
    ));
    Failure {
        fault: fault.fix(fix).coded(exit::DID_NOT_STAY_UP),
        begun: true,
        applied,
        unconfirmed,
    }
}

fn stopped(stop: Stop) -> Failure {
    let at = stop.at.map(|id| format!("{id}: ")).unwrap_or_default();
    let chain = stop.fault.chain();
    Failure {
        begun: stop.begun,
        applied: stop.applied,
        ..stop
            .fault
            .reworded(format!("{at}{chain}"), str::to_owned)
            .into()
    }
}

/// Prints the outcome of a run that made changes, and returns its exit code.
fn finish(plan: &Plan, outcome: &Outcome<'_>, report: &Report, printer: &mut Printer) -> u8 {
    printer.text(&render::report(report));
    printer.document(outcome);
    let l1 = l1_code(outcome, printer);
    if outcome.status == OutcomeStatus::NotWorking {
        printer.say(&format!(
            "{STRONG}next:{STRONG:#} `aztec-kit explain` shows the errors in the logs. Fix them, then run `aztec-kit smoke`."
        ));
        return exit::FAILED;
    }
    printer.say(&format!(
        "{GOOD}done:{GOOD:#} {} of {} resources changed",
        outcome.applied.len(),
        plan.steps.len()
    ));
    if report.severity != Severity::Pass {
        printer.say(&format!("{STRONG}next:{STRONG:#} the node is still starting or syncing. Run `aztec-kit smoke` to see when it works."));
    }
    l1
}

/// Prints the findings on the L1, and returns the exit code that follows from them.
fn l1_code(outcome: &Outcome<'_>, printer: &mut Printer) -> u8 {
    let findings = outcome.l1.unwrap_or_default();
    printer.say(&render::findings(findings));
    if findings.iter().all(|it| it.severity.is_fit()) {
        return exit::OK;
    }
    printer.say(&format!(
        "{STRONG}next:{STRONG:#} the host is set up, but its L1 is not ok. Fix its L1, then run `aztec-kit smoke`."
    ));
    exit::FAILED
}
