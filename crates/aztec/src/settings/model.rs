//! Settings: what is wanted of this host, complete and consistent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::caddy::Caddy;
use super::firewall::Firewall;
use super::hardening::Hardening;
use super::l1::ApiKey;
use super::monitoring::Monitoring;
use super::ports::Ports;
use super::url::Endpoint;
use crate::data::{Funded, Network, Release, Releases};
use crate::layout::Layout;
use crate::names::Runtime;

/// The variable that lets a node start whose endpoints trace no transactions.
pub const NO_TRACES: &str = "ETHEREUM_ALLOW_NO_DEBUG_HOSTS";

/// What is wanted of this host, complete and consistent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the network.
    pub network_name: String,
    /// What is known of it.
    pub network: Network,
    /// The release to run.
    pub release: Release,
    /// All releases that are known, to name one that fits.
    pub releases: Releases,
    /// The version of the rollup to follow, when not the canonical one.
    pub rollup: Option<u64>,
    /// A release that fits no rollup yet is wanted: it waits for its own.
    pub standby: bool,
    /// How its processes run, when that was asked for.
    pub runtime: Option<Runtime>,
    /// Where databases live.
    pub data_dir: PathBuf,
    /// Execution endpoints of the L1; may carry API keys.
    pub l1_rpc_urls: Vec<Endpoint>,
    /// Consensus endpoints of the L1; may carry API keys.
    pub l1_consensus_urls: Vec<Endpoint>,
    /// The key of each of them, at the same place; there may be fewer.
    pub l1_consensus_keys: Vec<Option<ApiKey>>,
    /// Endpoints that trace transactions of the L1, where the execution endpoints do not; may carry API keys.
    pub l1_debug_urls: Vec<Endpoint>,
    /// The address that peers reach this host at.
    pub p2p_ip: Option<IpAddr>,
    /// Ports of this host.
    pub ports: Ports,
    /// Whether there is a node; not on a machine that only lends its cores to provers elsewhere.
    pub node: bool,
    /// Whether the node proposes and attests.
    pub sequencer: bool,
    /// Whether there are a broker and a prover node.
    pub prover: bool,
    /// Whether there are agents without a broker beside them.
    pub prover_agent: bool,
    /// Where the broker of the agents is, when not here.
    pub broker_url: Option<Endpoint>,
    /// How many agents were asked for.
    pub agents: Option<u32>,
    /// Discovery for others.
    pub bootnode: bool,
    /// A standalone archiver.
    pub archiver: bool,
    /// A PXE server.
    pub pxe: bool,
    /// The test environment for contracts.
    pub txe: bool,
    /// Transactions for a test network.
    pub bot: bool,
    /// A TLS proxy in front of the node's RPC.
    pub caddy: Option<Caddy>,
    /// What keeps others out of this host, when it is hardened.
    pub hardening: Option<Hardening>,
    /// What watches this host, if anything does.
    pub monitoring: Option<Monitoring>,
    /// Who may connect to this host.
    pub firewall: Firewall,
    /// The operator's own variables for the node.
    pub env: BTreeMap<String, SecretString>,
    /// The operator made sure that nothing else signs with the keys of this host. Said on the command line for
    /// one run, never in the file: what was true of one day's keys says nothing of the next ones.
    pub only_signer: bool,
}

impl Settings {
    /// Whether the chain lives on this host alone.
    pub fn is_local(&self) -> bool {
        self.network_name == "local"
    }

    /// Whether the release brings what all nodes of the network agree on, and where its peers are.
    pub fn has_presets(&self) -> bool {
        let known_as = self.network.known_as.as_deref();
        known_as.is_some_and(|name| self.release.has_presets(name))
    }

    /// Whether this host runs the L1 of its network.
    pub fn runs_l1(&self) -> bool {
        self.is_local() && (self.node || self.prover || self.archiver || self.bot)
    }

    /// Whether that L1 must be seen as one with a consensus layer, from which an archiver gets its blobs.
    pub fn runs_l1_beacon(&self) -> bool {
        self.is_local() && self.archiver
    }

    /// Where the databases of this release are: a data directory belongs to a rollup, and a rollup to a major version.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.release.databases(&self.data_dir))
    }

    /// Who has funds in the genesis that the node expects; `None` when that cannot be told.
    pub fn funded(&self) -> Option<Funded> {
        let says = |name: &str| self.says(name);
        let prefunded = says("PREFUND_ADDRESSES").is_some_and(|list| !list.is_empty());
        // How the node reads a boolean.
        let on = |name| says(name).is_some_and(|value| ["1", "true", "TRUE"].contains(&value));
        (!prefunded).then(|| Funded {
            test_accounts: on("TEST_ACCOUNTS"),
            sponsored_fpc: on("SPONSORED_FPC"),
        })
    }

    /// What the operator says of a variable under `[env]`.
    pub(crate) fn says(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(SecretString::expose_secret)
    }

    /// The release that its network needs, as far as is known, where `kit.toml` does not name one.
    pub fn usual_release(&self) -> Option<&String> {
        usual_release(&self.network, self.rollup)
    }

    /// Whether its nodes start without an endpoint that traces transactions, where the release demands one: the
    /// operator says so, or its L1 is a quiet one of its own, on which the node finds no transaction to try.
    pub fn allows_no_traces(&self) -> bool {
        let said = self.says(NO_TRACES);
        let needs = self.release.facts.needs_traces;
        // So the releases read a boolean (foundation/dest/config/parse-env.js).
        matches!(said, Some("1" | "true" | "TRUE")) || needs && self.is_local() && said.is_none()
    }
}

/// The release that a rollup of a network needs, the canonical one where none is named, as far as is known.
pub(super) fn usual_release(network: &Network, rollup: Option<u64>) -> Option<&String> {
    let mut older = network.rollups.iter();
    match older.find(|older| Some(older.version) == rollup) {
        Some(older) => Some(&older.release),
        None => network.release.as_ref(),
    }
}
