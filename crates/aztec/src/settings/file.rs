//! The shape of `kit.toml`: every key is optional, and unknown keys are refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use provision::Fault;
use secrecy::{SecretBox, SecretString};
use serde::Deserialize;

use super::caddy::CaddyFile;
use super::firewall::FirewallFile;
use super::hardening::HardeningFile;
use super::tables::{self, RoleFiles};
use super::{Ports, encoding, mistake};
use crate::data::{Description, Network};
use crate::names::Runtime;

/// `kit.toml` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KitFile {
    /// `local`, `devnet`, `testnet`, `mainnet`, or one of [`Self::networks`]; local by default.
    pub network: Option<String>,
    /// Version of the node; by default the one the network runs.
    pub release: Option<String>,
    /// The version of the rollup to follow; the canonical one by default.
    pub rollup: Option<u64>,
    /// Whether to run a release that does not fit a rollup yet; the node waits for its own.
    pub standby: bool,
    /// `native` or `container`; by default the one that the release, the roles and the host allow.
    pub runtime: Option<Runtime>,
    /// The directory for databases; `/var/lib/aztec` by default.
    pub data_dir: Option<PathBuf>,
    /// Ethereum endpoints.
    pub l1: L1File,
    /// Peer-to-peer.
    pub p2p: P2pFile,
    /// Ports of this host.
    pub ports: Ports,
    /// Roles by their table.
    #[serde(skip)]
    pub roles: RoleFiles,
    /// A TLS proxy in front of the node's RPC.
    pub caddy: CaddyFile,
    /// Hardening of this host.
    pub hardening: HardeningFile,
    /// Monitoring of this host.
    pub monitoring: MonitoringFile,
    /// Who may connect to this host.
    pub firewall: FirewallFile,
    /// More variables for the node, passed on unchanged.
    pub env: BTreeMap<String, SecretString>,
    /// Networks that aztec-kit does not know.
    pub networks: BTreeMap<String, Network>,
    /// Releases that aztec-kit does not know.
    pub releases: BTreeMap<String, Description>,
}

/// Ethereum endpoints.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1File {
    /// Execution, in order of preference.
    pub rpc_urls: Vec<SecretString>,
    /// Consensus, in order of preference.
    pub consensus_urls: Vec<SecretString>,
    /// The key of each consensus endpoint, at the same position; empty if it needs none.
    pub consensus_api_keys: Vec<SecretString>,
    /// The header that each key is sent in; empty if it is sent as `?key=`.
    pub consensus_api_key_headers: Vec<String>,
    /// Execution endpoints that trace transactions, if not those of [`Self::rpc_urls`].
    pub debug_urls: Vec<SecretString>,
}

/// Peer-to-peer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct P2pFile {
    /// The address that peers reach this host at.
    pub ip: Option<String>,
    /// TCP and UDP; 40400 by default.
    pub port: Option<u16>,
}

/// Monitoring of this host.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringFile {
    /// Whether this host has monitoring.
    pub enabled: Option<bool>,
    /// `native` or `compose`; native by default.
    pub runtime: Option<String>,
    /// How many days of metrics (and with `compose` of logs) are kept; 15 by default.
    pub retention_days: Option<u16>,
    /// A URL that gets a heartbeat every few minutes. The service behind it raises the alarm when the heartbeat stops.
    pub heartbeat_url: Option<SecretString>,
    /// The receivers of the alerts.
    pub receivers: Vec<ReceiverFile>,
}

/// A receiver of alerts. Its keys depend on its type. All of them are secret.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverFile {
    /// `telegram`, `discord`, `slack`, `pagerduty`, `ntfy`, `webhook` or `email`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The target URL; may carry a key.
    pub url: Option<SecretString>,
    /// The token of a Telegram bot or of an ntfy account.
    pub token: Option<SecretString>,
    /// The number of a Telegram chat.
    pub chat: Option<SecretBox<i64>>,
    /// Integration key of PagerDuty.
    pub key: Option<SecretString>,
    /// Address of the reader.
    pub to: Option<SecretString>,
    /// Address of the sender.
    pub from: Option<SecretString>,
    /// Mail server, `host:port`.
    pub server: Option<SecretString>,
    /// Account on the mail server.
    pub user: Option<SecretString>,
    /// Password of that account.
    pub password: Option<SecretString>,
}

/// Reads the file; an unknown key is refused with the likely right one.
pub fn parse(text: &str) -> Result<KitFile, Fault> {
    encoding::check(text)?;
    let read = toml::Deserializer::parse(text).and_then(tables::beside_roles::<KitFile, _>);
    let (mut file, roles) =
        read.map_err(|error| mistake::fault(text, error.message(), error.span()))?;
    file.roles = roles;
    Ok(file)
}
