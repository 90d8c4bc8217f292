//! Settings: the configuration of this host, complete and consistent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::caddy::Caddy;
use super::chain::{Chain, Live, Local};
use super::firewall::Firewall;
use super::hardening::Hardening;
use super::monitoring::Monitoring;
use super::ports::Ports;
use super::url::Endpoint;
use crate::data::{Funded, Network, Release, Releases};
use crate::layout::Layout;
use crate::names::{L1Use, Role, Runtime};

/// The variable that lets a node start without an endpoint that traces transactions.
pub const NO_TRACES: &str = "ETHEREUM_ALLOW_NO_DEBUG_HOSTS";

/// The configuration of this host, complete and consistent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the network.
    pub network_name: String,
    /// The facts about it.
    pub network: Network,
    /// The release to run.
    pub release: Release,
    /// All known releases, to name one that fits.
    pub releases: Releases,
    /// The chain of that network, as this host sees it.
    pub chain: Chain,
    /// How its processes run, if that is configured.
    pub runtime: Option<Runtime>,
    /// The directory for databases.
    pub data_dir: PathBuf,
    /// The address that peers reach this host at.
    pub p2p_ip: Option<IpAddr>,
    /// Ports of this host.
    pub ports: Ports,
    /// Its roles; empty on a host that is only hardened or only monitored.
    pub roles: BTreeSet<Role>,
    /// The URL of the broker of the agents, if it is on another host.
    pub broker_url: Option<Endpoint>,
    /// The configured number of agents.
    pub agents: Option<u32>,
    /// A TLS proxy in front of the node's RPC.
    pub caddy: Option<Caddy>,
    /// The topics of hardening, if this host is hardened.
    pub hardening: Option<Hardening>,
    /// The monitoring of this host, if any.
    pub monitoring: Option<Monitoring>,
    /// Who may connect to this host.
    pub firewall: Firewall,
    /// The operator's own variables for the node.
    pub env: BTreeMap<String, SecretString>,
    /// The operator made sure that nothing else signs with the keys of this host. This is stated on the command line for
    /// one run, never in the file, because it need not be true of later keys.
    pub only_signer: bool,
}

impl Settings {
    /// The chain, if it is local.
    pub fn local(&self) -> Option<&Local> {
        match &self.chain {
            Chain::Local(local) => Some(local),
            Chain::Live(_) => None,
        }
    }

    /// The chain, if it is live.
    pub fn live(&self) -> Option<&Live> {
        match &self.chain {
            Chain::Local(_) => None,
            Chain::Live(live) => Some(live),
        }
    }

    /// The execution endpoints of the L1, in order of preference; at least one.
    pub fn l1_rpc_urls(&self) -> &[Endpoint] {
        match &self.chain {
            Chain::Local(local) => std::slice::from_ref(&local.l1),
            Chain::Live(live) => &live.rpc_urls,
        }
    }

    /// Whether the node waits for a rollup of its own on standby.
    pub fn stands_by(&self) -> bool {
        self.live().is_some_and(|live| live.standby)
    }

    /// The version of the rollup to follow, if not the canonical one.
    pub fn rollup(&self) -> Option<u64> {
        self.live().and_then(|live| live.rollup)
    }

    /// Whether the release has the settings that all nodes of the network share, and its peers.
    pub fn has_presets(&self) -> bool {
        let known_as = self.network.known_as.as_deref();
        known_as.is_some_and(|name| self.release.has_presets(name))
    }

    /// The L1 of its network, if this host runs it.
    pub fn own_l1(&self) -> Option<&Local> {
        self.local().filter(|_| self.uses_l1(L1Use::Asks))
    }

    /// Whether that L1 needs a consensus layer, from which an archiver gets its blobs.
    pub fn runs_l1_beacon(&self) -> bool {
        self.local().is_some() && self.has(Role::Archiver)
    }

    /// The directories of the databases of this release. A data directory belongs to a rollup, and a rollup to a major version.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.release.databases(&self.data_dir))
    }

    /// The accounts with funds in the genesis that the node expects; `None` if that is not known.
    pub fn funded(&self) -> Option<Funded> {
        let says = |name: &str| self.says(name);
        let prefunded = says("PREFUND_ADDRESSES").is_some_and(|list| !list.is_empty());
        // The node reads a boolean in this way.
        let on = |name| says(name).is_some_and(|value| ["1", "true", "TRUE"].contains(&value));
        (!prefunded).then(|| Funded {
            test_accounts: on("TEST_ACCOUNTS"),
            sponsored_fpc: on("SPONSORED_FPC"),
        })
    }

    /// The operator's value of a variable under `[env]`.
    pub(crate) fn says(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(SecretString::expose_secret)
    }

    /// The release that its network needs, as far as known, if `kit.toml` does not name one.
    pub fn usual_release(&self) -> Option<&String> {
        usual_release(&self.network, self.rollup())
    }

    /// Whether its nodes start without an endpoint that traces transactions, although the release demands one. The
    /// operator sets that, or the L1 is a local one without transactions to trace.
    pub fn allows_no_traces(&self) -> bool {
        let value = self.says(NO_TRACES);
        let needs = self.release.facts.needs_traces;
        // The releases read a boolean in this way (foundation/dest/config/parse-env.js).
        matches!(value, Some("1" | "true" | "TRUE"))
            || needs && self.local().is_some() && value.is_none()
    }
}

/// The release that a rollup of a network needs, as far as known. Without a version, the rollup is the canonical one.
pub(super) fn usual_release(network: &Network, rollup: Option<u64>) -> Option<&String> {
    let mut older = network.rollups.iter();
    match older.find(|older| Some(older.version) == rollup) {
        Some(older) => Some(&older.release),
        None => network.release.as_ref(),
    }
}
