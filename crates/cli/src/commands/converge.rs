//! The steps that `setup` and `apply` share: plan, consent, change, verify.

use std::time::{Duration, Instant};

use aztec::Health;
use aztec::checks::{self, Fallen, Finding, Report, Sample, Topic, Verdict};
use aztec::kinds::Kind;
use aztec::settings::Chain;
use provision::engine::{
    Applied, Consent, Guard, Plan, Progress, Receipt, ResourceId, Session, Stop, removable,
};
use provision::kinds::prune;
use provision::{Fault, code};
use serde_json::Value;

use super::confirm;
use crate::args::Changing;
use crate::context::Context;
use crate::documents::{Outcome, OutcomeStatus};
use crate::exit::{self, Failure};
use crate::host::{self, Host};
use crate::printer::{GOOD, Printer, STRONG};
use crate::progress::Shown;
use crate::render;

/// Who consents to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The operator consented in advance.
    Agreed,
    /// The operator at the terminal; without one there is no consent.
    Operator,
}

/// A local chain produces its first block within two slots after the start of its node. A busy machine takes longer.
const LOCAL_PATIENCE: Duration = Duration::from_secs(420);
/// A live node syncs for a long time. This is only long enough to see services that crash at once.
const LIVE_PATIENCE: Duration = Duration::from_secs(20);
const VERIFICATION: usize = 3;
const NETWORKING: usize = 2;
/// The note whether the last change was verified: `true`, or the time at which the run that made the change began.
const VERIFIED: &str = "verified";

/// Converges the host to its desired state. Without a session it only shows the plan. The lock is released after the last
/// change, so the verification does not block other runs.
pub fn run(
    session: Option<Session>,
    host: &Host<'_>,
    ask: Ask,
    args: &Changing,
    cx: &Context,
    printer: &mut Printer,
) -> Result<u8, Failure> {
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
        printer.document(&Outcome {
            status: OutcomeStatus::InSync,
            applied: Vec::new(),
            verification: None,
            unconfirmed: &waiting,
        });
        return Ok(exit::OK);
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
    let consent = match ask {
        Ask::Operator if plan.is_empty() => Consent::Plan(&plan),
        Ask::Operator if !printer.attended() => return Err(no_consent()),
        Ask::Operator if !printer.ask("Make these changes?") => {
            printer.say("nothing was changed");
            return Ok(exit::OK);
        }
        Ask::Operator => Consent::Plan(&plan),
        Ask::Agreed => Consent::Configuration(Some(&plan)),
    };
    let mut progress = Shown::new(plan.pending().count(), &cx.view, printer);
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
    progress.phase(NETWORKING);
    let exposure = checks::exposure(&host.settings, &host.facts, host.view.probe());
    printer.say(&render::findings(&[exposure]));
    progress.phase(VERIFICATION);
    let fallen = check_again(host, &applied, (since_us, changed), &mut progress)?;
    if !fallen.is_empty() {
        progress.finish();
        return Err(did_not_stay_up(&fallen, applied, waiting));
    }
    let patience = args.patience.map(Duration::from_secs);
    let report = verify(host, patience, &began, cx, &mut progress);
    progress.finish();
    let report = report?;
    let demand = match (args.patience, &host.settings.chain) {
        (Some(0), _) => Demand::Nothing,
        (_, Chain::Local(_)) => Demand::Working,
        (_, Chain::Live(_)) => Demand::Running,
    };
    finish(&plan, &applied, &waiting, &report, demand, printer)
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
    let network = &host.view.network;
    let probe = host.view.probe();
    let findings = network.preflight(&host.settings, &host.facts, &host.receipt, probe);
    let unfit: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.status != Verdict::Pass)
        .collect();
    printer.say(&render::findings(&unfit));
    let Some(first) = unfit.iter().find(|finding| finding.status == Verdict::Fail) else {
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
    Fault::new(format!("this host is not fit: {}: {}", finding.check, finding.message))
        .fix("Fix this and run the same command again; nothing was changed. `aztec-kit preflight` repeats the checks and changes nothing.")
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

/// The services that this run started and that have stopped a few seconds later. A run that started none does not wait.
///
/// Services of roles are not checked here: one may crash until another one that it needs answers, and the verification
/// waits for that.
fn check_again(
    host: &Host<'_>,
    applied: &[Applied],
    (since_us, changed): (i64, Instant),
    progress: &mut Shown,
) -> Result<Vec<Fallen>, Fault> {
    let started: Vec<String> = applied
        .iter()
        .filter_map(|step| match host.graph.get(&step.id)? {
            Kind::Service(service) => Some(service.unit.clone()),
            _ => None,
        })
        .filter(|unit| host.runs().stays_up(unit))
        .collect();
    if started.is_empty() {
        return Ok(Vec::new());
    }
    progress.note("checking that the started services stay up");
    std::thread::sleep(checks::SETTLES.saturating_sub(changed.elapsed()));
    checks::fallen(&started, since_us, host.view.probe())
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

/// Waits until both chains advance; on a live network only until the services have settled.
fn verify(
    host: &Host<'_>,
    patience: Option<Duration>,
    began: &Value,
    cx: &Context,
    progress: &mut Shown,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let default = match host.settings.chain {
        Chain::Local(_) => LOCAL_PATIENCE,
        Chain::Live(_) => LIVE_PATIENCE,
    };
    let patience = patience.unwrap_or(default);
    progress.note("waiting for the chain to advance");
    let mut seen = Sample::default();
    let report = loop {
        let left = patience.saturating_sub(started.elapsed());
        let report = host.smoke(left, &mut |sample| {
            // The L1 advances all the time. People wait for the L2.
            let l2 = Sample {
                l1_head: None,
                ..*sample
            };
            if l2 != seen {
                seen = l2;
                progress.note(&sampled(sample));
            }
        });
        if report.status == Health::Ok || started.elapsed() >= patience {
            break report;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    let verified = match (report.status, &host.settings.chain) {
        (status, Chain::Live(_)) => status != Health::Down,
        (status, Chain::Local(_)) => status == Health::Ok,
    };
    if verified {
        note_verified(began, cx)?;
    }
    Ok(report.explained(host.runs(), host.view.probe()))
}

/// Records that the change was verified, unless another run has made changes in the meantime.
fn note_verified(began: &Value, cx: &Context) -> Result<(), Failure> {
    let ours = |receipt: &Receipt| receipt.notes.get(VERIFIED) == Some(began);
    let beside = cx.access.beside_a_run();
    beside.note_if(VERIFIED, true, &ours)?;
    Ok(())
}

/// The state of both chains on one line.
pub fn sampled(sample: &Sample) -> String {
    let number = |number: Option<u64>| number.map_or("?".into(), |number| number.to_string());
    format!(
        "L1 {}, L2 proposed {}, checkpointed {}, proven {}, finalized {}",
        number(sample.l1_head),
        number(sample.proposed),
        number(sample.checkpointed),
        number(sample.proven),
        number(sample.finalized)
    )
}

/// The health that a host needs for a run to be a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// A local chain must advance.
    Working,
    /// A live node syncs for a long time, so it only needs to run.
    Running,
    /// Without a wait, the report is only informative: a process may crash until the one that it needs answers.
    Nothing,
}

fn finish(
    plan: &Plan,
    applied: &[Applied],
    waiting: &[ResourceId],
    report: &Report,
    demand: Demand,
    printer: &mut Printer,
) -> Result<u8, Failure> {
    let success = match report.status {
        Health::Ok => true,
        Health::Degraded => demand != Demand::Working,
        Health::Down => demand == Demand::Nothing,
    };
    printer.text(&render::report(report));
    printer.document(&Outcome {
        status: match success {
            true => OutcomeStatus::Applied,
            false => OutcomeStatus::NotWorking,
        },
        applied: applied.iter().map(Into::into).collect(),
        verification: Some(report),
        unconfirmed: waiting,
    });
    if !success {
        printer.say(&format!(
            "{STRONG}next:{STRONG:#} `aztec-kit explain` shows the errors in the logs. Fix them, then run `aztec-kit smoke`."
        ));
        return Ok(exit::FAILED);
    }
    printer.say(&format!(
        "{GOOD}done:{GOOD:#} {} of {} resources changed",
        applied.len(),
        plan.steps.len()
    ));
    if report.status != Health::Ok {
        printer.say(&format!("{STRONG}next:{STRONG:#} the node is still starting or syncing. Run `aztec-kit smoke` to see when it works."));
    }
    Ok(exit::OK)
}
