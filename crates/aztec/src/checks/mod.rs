//! Is this host fit, and is its chain well? Checks only look.

mod account;
mod address;
mod again;
mod broker;
mod caddy;
mod complaints;
mod data_dir;
mod data_owner;
pub(crate) mod databases;
mod disk;
mod drop_ins;
mod endpoints;
mod environment;
mod exposure;
mod fit;
mod hardening;
mod image;
mod key_copies;
pub mod keystore;
mod metrics;
mod monitoring;
mod packages;
mod ports;
mod preflight;
mod releases;
mod remote_signer;
mod signer;
mod smoke;
mod traces;

use provision::tools::systemctl::UnitState;
use serde::Serialize;

pub use again::{Fallen, SETTLES, fallen};
#[cfg(feature = "fuzz")]
pub(crate) use complaints::heard;
pub use complaints::{Complaint, complaints};
pub use data_dir::data_dir;
pub use databases::{Databases, databases, other_databases};
pub use disk::disks;
pub use drop_ins::drop_ins;
pub use endpoints::connectivity;
pub use exposure::exposure;
pub use fit::{fit, of_fit};
pub use hardening::{integrity, updates};
pub use image::upstream;
pub use metrics::metrics;
pub use packages::packages;
pub use preflight::{Finding, Verdict, failed, preflight, release};
pub use releases::{ReleaseRow, releases};
pub use smoke::{Check, Report, Sample, Target, smoke};

/// How old the head of an L1 may be: the node refuses to start on an older one
/// (`MAX_ALLOWED_ETH_CLIENT_DRIFT_SECONDS`, 4.1.2 and 5.2.0).
const OLDEST_L1_HEAD: i64 = 300;

/// The address of a registry: of the network, or the one recorded on this host.
pub fn registry(
    settings: &crate::settings::Settings,
    probe: &dyn provision::host::Probe,
) -> Result<Option<l1::Address>, provision::Fault> {
    match &settings.network.registry {
        Some(address) => Ok(address.parse().ok()),
        None => crate::kinds::recorded(&crate::layout::contracts_env(), probe),
    }
}

/// One unit of this host, for people.
#[derive(Debug, Clone, Serialize)]
pub struct UnitRow {
    /// Name.
    pub unit: String,
    /// `active`, `failed`, …
    pub state: String,
    /// Seconds since its main process started, when it runs.
    pub up_seconds: Option<i64>,
    /// Automatic restarts since it was last started on purpose.
    pub restarts: u32,
    /// How its main process ended, of one that does not run and ended badly: `exit-code, status 1`; or why systemd did not
    /// start it.
    pub ended: Option<String>,
}

/// The state of these units.
pub fn unit_rows(
    units: &[String],
    probe: &dyn provision::host::Probe,
) -> Result<Vec<UnitRow>, provision::Fault> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let states = probe.units(&units.iter().cloned().collect())?;
    let now = probe.clock().monotonic_us;
    Ok(units
        .iter()
        .map(|unit| {
            let state = states.get(unit).cloned().unwrap_or_default();
            UnitRow {
                unit: unit.clone(),
                ended: ended(&state),
                up_seconds: (state.main_pid != 0).then(|| (now - state.started_us) / 1_000_000),
                state: state.active,
                restarts: state.restarts,
            }
        })
        .collect())
}

/// What became of one that does not run and did not end well.
fn ended(state: &UnitState) -> Option<String> {
    let badly = !state.runs() && !matches!(state.result.as_str(), "" | "success");
    match state.not_started() {
        Some(why) => Some(format!("not started: {why}")),
        None => badly.then(|| state.ended()),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::{FakeHost, FakeUnit, Fate};

    use super::*;

    #[test]
    fn a_row_says_how_a_unit_ended_or_why_it_was_not_started() {
        let row = |fate, active: &str| {
            let mut host = FakeHost::debian();
            let unit = FakeUnit {
                loaded: Some(Vec::new()),
                active: active.into(),
                fate,
                changed_us: 1,
                ..FakeUnit::default()
            };
            host.units.insert("x.service".into(), unit);
            let rows = unit_rows(&["x.service".into()], &host).unwrap();
            rows.into_iter().next().and_then(|row| row.ended)
        };
        assert_eq!(row(Fate::Runs, "active"), None);
        assert_eq!(row(Fate::Runs, "inactive"), None, "stopped on purpose");
        assert_eq!(
            row(Fate::Dies, "failed").as_deref(),
            Some("exit-code, status 1")
        );
        let refused = row(Fate::Refused, "inactive").unwrap();
        assert_eq!(
            refused,
            "not started: an assertion of its unit file was not met"
        );
        assert!(
            row(Fate::Skipped, "inactive")
                .unwrap()
                .contains("a condition")
        );
    }
}
