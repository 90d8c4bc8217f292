//! What the L1 of a local network lacks for a standalone archiver: a consensus layer to ask for blobs.

use provision::engine::Graph;

use super::own::OwnService;
use super::process::Process;
use crate::kinds::Kind;
use crate::names::units;
use crate::settings::Settings;

/// Adds the service, when something needs it.
pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings) {
    if !settings.runs_l1_beacon() {
        return;
    }
    let ports = &settings.ports;
    let beacon = OwnService {
        name: units::L1_BEACON,
        description: "Local Ethereum for Aztec, as who reads blobs needs it",
        verb: format!("beacon --port {} --l1-port {}", ports.l1_beacon, ports.l1),
    };
    beacon.add(graph);
}

/// Lets a process follow the chain through it, blocks and blobs alike: it asks for the blobs of a block by the
/// beacon root in it.
pub(crate) fn followed_by(process: Process, settings: &Settings) -> Process {
    let url = format!("http://127.0.0.1:{}", settings.ports.l1_beacon);
    let mut process = process
        .on_chain(settings)
        .env("ETHEREUM_HOSTS", &url)
        .env("L1_CONSENSUS_HOST_URLS", &url);
    process.needs.push(units::L1_BEACON.into());
    process
}
