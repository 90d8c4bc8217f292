//! Is this host fit, and is its chain well? Checks only look.

mod account;
mod address;
mod broker;
mod caddy;
mod complaints;
mod data_owner;
pub(crate) mod databases;
mod endpoints;
mod environment;
mod exposure;
mod fit;
mod hardening;
mod image;
pub mod keystore;
mod metrics;
mod monitoring;
mod ports;
mod preflight;
mod releases;
mod remote_signer;
mod signer;
mod smoke;
mod traces;

use serde::Serialize;

pub use complaints::{Complaint, complaints};
pub use databases::{Databases, databases, other_databases};
pub use endpoints::connectivity;
pub use exposure::exposure;
pub use fit::{fit, of_fit};
pub use hardening::integrity;
pub use image::upstream;
pub use metrics::metrics;
pub use preflight::{Finding, Verdict, preflight, release};
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
}

/// The state of every unit of this host.
pub fn unit_rows(
    settings: &crate::settings::Settings,
    facts: &crate::HostFacts,
    probe: &dyn provision::host::Probe,
) -> Result<Vec<UnitRow>, provision::Fault> {
    let names = units(settings, facts);
    let states = probe.units(&names.iter().cloned().collect())?;
    let now = probe.clock().monotonic_us;
    Ok(names
        .into_iter()
        .map(|unit| {
            let state = states.get(&unit).cloned().unwrap_or_default();
            UnitRow {
                unit,
                up_seconds: (state.main_pid != 0).then(|| (now - state.started_us) / 1_000_000),
                state: state.active,
                restarts: state.restarts,
            }
        })
        .collect())
}

/// The units that a host with these settings runs, in the order in which they need each other.
pub fn units(settings: &crate::settings::Settings, facts: &crate::HostFacts) -> Vec<String> {
    let mut units = Vec::new();
    let mut add = |wanted: bool, names: &[&str]| {
        if wanted {
            units.extend(names.iter().map(ToString::to_string));
        }
    };
    add(settings.runs_l1(), &["aztec-l1.service"]);
    add(settings.runs_l1_beacon(), &[crate::roles::l1_beacon::UNIT]);
    add(settings.node, &[crate::roles::node::unit_name(settings)]);
    add(
        settings.prover,
        &["aztec-prover-broker.service", "aztec-prover-node.service"],
    );
    for number in 1..=crate::roles::prover::agents(settings, facts).0 {
        add(true, &[&format!("aztec-prover-agent@{number}.service")]);
    }
    add(settings.bootnode, &["aztec-bootnode.service"]);
    add(settings.archiver, &["aztec-archiver.service"]);
    add(settings.txe, &["aztec-txe.service"]);
    add(settings.bot, &["aztec-bot.service"]);
    add(settings.caddy.is_some(), &[server::caddy::UNIT]);
    units
}
