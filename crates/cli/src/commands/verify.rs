//! Whether the host works after a run: its services stay up, and its chain advances.

use std::time::{Duration, Instant};

use aztec::Severity;
use aztec::checks::{self, Fallen, Report, Sample};
use aztec::kinds::Kind;
use aztec::settings::Chain;
use provision::Fault;
use provision::engine::{Applied, Progress, Receipt};
use serde_json::Value;

use crate::context::Context;
use crate::documents::OutcomeStatus;
use crate::exit::Failure;
use crate::host::Host;
use crate::progress::Shown;

/// A local chain produces its first block within two slots after the start of its node. A busy machine takes longer.
const LOCAL_PATIENCE: Duration = Duration::from_secs(420);
/// A live node syncs for a long time. This is only long enough to see services that crash at once.
const LIVE_PATIENCE: Duration = Duration::from_secs(20);
/// The note whether the last change was verified: `true`, or the time at which the run that made the change began.
pub const VERIFIED: &str = "verified";

/// The services that this run started and that have stopped a few seconds later. A run that started none does not wait.
///
/// Services of roles are not checked here: one may crash until another one that it needs answers, and the verification
/// waits for that.
pub fn check_again(
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

/// Waits until both chains advance; on a live network only until the services have settled.
pub fn chain(
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
        if report.severity == Severity::Pass || started.elapsed() >= patience {
            break report;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    let verified = match (report.severity, &host.settings.chain) {
        (severity, Chain::Live(_)) => severity.is_fit(),
        (severity, Chain::Local(_)) => severity == Severity::Pass,
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

/// What the findings of a host must be for a run to be a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// A local chain must advance.
    Working,
    /// A live node syncs for a long time, so it only needs to run.
    Running,
    /// Without a wait, the report is only informative: a process may crash until the one that it needs answers.
    Nothing,
}

impl Demand {
    /// What a run on this chain needs. `patience` is the number of seconds of its `--patience`.
    pub fn of(patience: Option<u64>, chain: &Chain) -> Self {
        match (patience, chain) {
            (Some(0), _) => Self::Nothing,
            (_, Chain::Local(_)) => Self::Working,
            (_, Chain::Live(_)) => Self::Running,
        }
    }

    /// Whether a host whose worst finding is this is a success.
    pub fn met_by(self, severity: Severity) -> OutcomeStatus {
        let met = match severity {
            Severity::Pass => true,
            Severity::Warn => self != Self::Working,
            Severity::Unknown | Severity::Fail => self == Self::Nothing,
        };
        match met {
            true => OutcomeStatus::Applied,
            false => OutcomeStatus::NotWorking,
        }
    }
}
