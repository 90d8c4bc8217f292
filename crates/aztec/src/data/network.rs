//! Networks: only the facts that their chain does not provide.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use provision::tools::redact;
use serde::Deserialize;

/// A network that `kit.toml` can name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Chain id of its L1.
    pub l1_chain_id: u64,
    /// The registry contract; a local network deploys its own.
    pub registry: Option<String>,
    /// The release that it runs, if that is known in advance.
    pub release: Option<String>,
    /// The day since which it runs that release, `YYYY-MM-DD`.
    pub since: Option<String>,
    /// Its older rollups.
    #[serde(default)]
    pub rollups: Vec<OlderRollup>,
    /// The name that the release knows it by. The release then has presets and endpoints for it. Without such a name, the
    /// node gets all values of this type.
    pub known_as: Option<String>,
    /// Node records (ENR) that a node finds its first peers through.
    #[serde(default)]
    pub bootnodes: Vec<String>,
    /// File stores with snapshots of the databases.
    #[serde(default)]
    pub snapshots: Vec<Store>,
    /// File stores with the blobs of the chain.
    #[serde(default)]
    pub blobs: Vec<Store>,
}

/// The address of a file store. It may contain a key, so `Debug` shows only scheme and host.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Store(String);

impl Store {
    /// The complete address; not for output.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Store {
    fn from(address: &str) -> Self {
        Self(address.into())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::urls_of(&self.0))
    }
}

/// A rollup that is no longer canonical. Nodes can still follow it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OlderRollup {
    /// Its version, which names it in the registry.
    pub version: u64,
    /// The release that it needs.
    pub release: String,
}

static NETWORKS: LazyLock<BTreeMap<String, Network>> = LazyLock::new(|| {
    let text = include_str!("../../data/networks.toml");
    let mut networks: BTreeMap<String, Network> =
        toml::from_str(text).expect("data/networks.toml is tested");
    for (name, network) in &mut networks {
        // The names that aztec-kit knows are those of the releases.
        network.known_as = Some(name.clone());
    }
    networks
});

/// The networks that aztec-kit knows, by name.
pub fn networks() -> &'static BTreeMap<String, Network> {
    &NETWORKS
}
