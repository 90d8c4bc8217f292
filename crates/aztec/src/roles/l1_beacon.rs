//! The consensus layer that a standalone archiver needs on a local network, to get blobs from.

use super::draft::Draft;
use super::own::OwnService;
use super::process::Process;
use crate::names::{port, units};
use crate::settings::Settings;

/// Adds the service, if a role needs it.
pub(super) fn add(draft: &mut Draft<'_>) {
    let settings = draft.settings;
    if !settings.runs_l1_beacon() {
        return;
    }
    let [port, l1] = [&port::L1_BEACON, &port::L1].map(|port| settings.port(port));
    let beacon = OwnService {
        name: units::L1_BEACON,
        description: "Local Ethereum for Aztec, as who reads blobs needs it",
        verb: format!("beacon --port {port} --l1-port {l1}"),
    };
    let (unit, running) = beacon.parts();
    draft.add(unit, []);
    draft.run(running);
}

/// Lets a process follow the chain through it, both blocks and blobs. It asks for the blobs of a block by the
/// beacon root in it.
pub(crate) fn followed_by(process: Process, settings: &Settings) -> Process {
    let url = format!("http://127.0.0.1:{}", settings.port(&port::L1_BEACON));
    let mut process = process
        .on_chain(settings)
        .env("ETHEREUM_HOSTS", &url)
        .env("L1_CONSENSUS_HOST_URLS", &url);
    process.needs.push(units::L1_BEACON.into());
    process
}
