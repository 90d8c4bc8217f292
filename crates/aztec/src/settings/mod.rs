//! From `kit.toml` to settings in which nothing is optional that must be there.

mod caddy;
mod described;
mod edit;
mod encoding;
mod env;
mod file;
mod firewall;
mod hardening;
mod l1;
mod mistake;
mod monitoring;
mod ports;
mod roles;
mod shown;
#[cfg(test)]
mod tests;
mod url;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use provision::Fault;
use secrecy::{ExposeSecret, SecretString};

use self::url::{Asker, urls};
use crate::data::{Funded, Network, Release, Releases};
use crate::layout::Layout;
use crate::runtime::Runtime;
use described::Described;
use l1::L1;
use values::{address, bad, data_dir};

pub use self::url::Endpoint;
pub(crate) use self::url::{is_bad_port, with_one_slash};
pub use caddy::Caddy;
pub use edit::{Asked, edited};
pub use file::KitFile;
pub use firewall::Firewall;
pub use hardening::Hardening;
pub use l1::ApiKey;
pub use monitoring::{Monitoring, Stack};
pub use ports::{Ports, on_loopback};
pub(crate) use shown::shown;

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

    /// Reads and checks the text of `kit.toml`, with the releases that this program carries; pure.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse_with(text, &Releases::carried())
    }

    /// Reads and checks the text of `kit.toml`; pure.
    pub fn parse_with(text: &str, releases: &Releases) -> Result<Self, Fault> {
        Self::from_file(env::adopted(file::parse(text)?), releases)
    }

    fn from_file(file: KitFile, releases: &Releases) -> Result<Self, Fault> {
        let network_name = file.network.unwrap_or_else(|| "local".into());
        for (name, network) in &file.networks {
            url::check_stores(name, network)?;
        }
        let described = Described::new(file.networks, file.releases, releases)?;
        let network = described.network(&network_name)?;
        let usual = usual_release(&network, file.rollup);
        let Some(version) = file.release.as_ref().or(usual).cloned() else {
            return Err(bad(
                "release",
                format!("the release of {network_name} is not known in advance"),
            )
            .fix("Name the one it runs today with `--release`; `aztec-kit release list` shows which are known."));
        };
        let release = described.release(&version)?;
        described::check_pair(&network_name, &network, &release)?;
        let local = network_name == "local";
        let mut ports = file.ports;
        ports.p2p = file.p2p.port.unwrap_or(ports.p2p);
        let l1 = L1::read(&file.l1, &network_name, ports.l1)?;
        let on = |role: &file::RoleFile, default| role.enabled.unwrap_or(default);
        let broker = urls(
            "prover_agent.broker_url",
            file.prover_agent.broker_url.as_slice(),
            Asker::Broker,
        )?
        .pop();
        let settings = Self {
            l1_rpc_urls: l1.rpc_urls,
            l1_consensus_urls: l1.consensus_urls,
            l1_consensus_keys: l1.consensus_keys,
            l1_debug_urls: l1.debug_urls,
            network,
            release,
            releases: releases.clone(),
            rollup: file.rollup,
            standby: file.standby,
            runtime: file.runtime,
            data_dir: data_dir(file.data_dir.unwrap_or_else(|| "/var/lib/aztec".into()))?,
            p2p_ip: file.p2p.ip.map(|ip| address(&ip)).transpose()?,
            ports,
            node: on(&file.node, true),
            sequencer: on(&file.sequencer, false),
            prover: file.prover.enabled.unwrap_or(false),
            prover_agent: file.prover_agent.enabled.unwrap_or(false),
            broker_url: broker,
            agents: file.prover.agents.or(file.prover_agent.agents),
            bootnode: on(&file.bootnode, false),
            archiver: on(&file.archiver, false),
            pxe: on(&file.pxe, false),
            txe: on(&file.txe, false),
            bot: on(&file.bot, false),
            caddy: Caddy::from_file(file.caddy, local)?,
            hardening: Hardening::from_file(file.hardening)?,
            monitoring: monitoring::read(file.monitoring)?,
            firewall: Firewall::from_file(file.firewall)?,
            env: file.env,
            only_signer: false,
            network_name,
        };
        settings.check_roles()?;
        settings.check_release()?;
        settings.check_rollup()?;
        settings.check_consensus()?;
        settings.check_ports()?;
        settings.check_firewall()?;
        settings.check_env()?;
        settings.check_telemetry()?;
        Ok(settings)
    }

    /// Whether its nodes start without an endpoint that traces transactions, where the release demands one: the
    /// operator says so, or its L1 is a quiet one of its own, on which the node finds no transaction to try.
    pub fn allows_no_traces(&self) -> bool {
        let said = self.says(NO_TRACES);
        let needs = self.release.facts.needs_traces;
        // So the releases read a boolean (foundation/dest/config/parse-env.js).
        matches!(said, Some("1" | "true" | "TRUE")) || needs && self.is_local() && said.is_none()
    }

    fn check_rollup(&self) -> Result<(), Fault> {
        let what = match self.rollup {
            Some(0) => "no rollup has the version 0",
            Some(_) if self.is_local() => "a local network has one rollup, its own",
            _ => return Ok(()),
        };
        Err(bad("rollup", what).fix("Leave it out: the canonical rollup is then followed."))
    }

    fn check_consensus(&self) -> Result<(), Fault> {
        let blobs = !self.l1_consensus_urls.is_empty() || !self.network.blobs.is_empty();
        if self.is_local() || blobs {
            return Ok(());
        }
        Err(bad(
            "l1.consensus_urls",
            format!("{} needs an Ethereum consensus endpoint", self.network_name),
        )
        .fix("Name at least one with `--l1-consensus-urls https://…`: blobs come from there."))
    }
}

/// The release that a rollup of a network needs, the canonical one where none is named, as far as is known.
fn usual_release(network: &Network, rollup: Option<u64>) -> Option<&String> {
    let mut older = network.rollups.iter();
    match older.find(|older| Some(older.version) == rollup) {
        Some(older) => Some(&older.release),
        None => network.release.as_ref(),
    }
}
