//! Releases of the node: their needs, their API, their components.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};

use provision::kinds::LockText;
use serde::Deserialize;

use super::fingerprint::Fingerprint;
use super::role::{Refusal, RoleFacts};
use super::variables::Table;
use crate::names::{Component, Place, Runtime};

/// A release of the node.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Its needs, its API and its components.
    pub facts: ReleaseFacts,
    /// The lock file of its packages.
    pub lock: Option<LockText>,
    /// Its `omit.toml`.
    pub(super) omit: Option<&'static str>,
    /// The source of the facts.
    pub basis: Basis,
    /// The texts of its variables, the most general first, each with the name of its file.
    pub(super) layers: Vec<(String, &'static str)>,
    /// The variables, parsed at the first use: that takes a millisecond, and most runs need those of one release or none.
    pub(super) table: Arc<OnceLock<Table>>,
}

/// The source of the facts about a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// aztec-kit carries them.
    Carried,
    /// They are in a directory of this host.
    Host(PathBuf),
    /// `kit.toml` describes it, on top of this one.
    Described(String),
    /// They are not known. The release is treated like the newest one before it, which is this one.
    Assumed(String),
}

/// The differences from a known release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The release that has all facts that are not stated here.
    pub like: String,
    /// See [`ReleaseFacts::glibc`].
    pub glibc: Option<(u32, u32)>,
    /// See [`ReleaseFacts::cpu`].
    pub cpu: Option<Vec<String>>,
    /// See [`ReleaseFacts::image`].
    pub image: Option<String>,
    /// See [`ReleaseFacts::rpc`].
    pub rpc: Option<String>,
    /// See [`ReleaseFacts::tips`].
    pub tips: Option<String>,
    /// See [`ReleaseFacts::stopped`].
    pub stopped: Option<Vec<u8>>,
    /// See [`ReleaseFacts::stop_seconds`].
    pub stop_seconds: Option<u32>,
    /// See [`ReleaseFacts::agent`].
    pub agent: Option<AgentSize>,
    /// See [`ReleaseFacts::networks`].
    pub networks: Option<Vec<String>>,
    /// See [`ReleaseFacts::packages`].
    pub packages: Option<bool>,
    /// See [`ReleaseFacts::fingerprint`]. The fingerprint of the other release is not used.
    pub fingerprint: Option<Fingerprint>,
    /// See [`ReleaseFacts::needs_traces`].
    pub needs_traces: Option<bool>,
    /// See [`ReleaseFacts::presets`].
    pub presets: Option<Vec<String>>,
    /// The components that differ.
    #[serde(default)]
    pub roles: BTreeMap<Component, RoleFacts>,
}

impl Description {
    /// The facts of `base` with these differences.
    pub(super) fn on(&self, base: &ReleaseFacts) -> ReleaseFacts {
        fn or<T: Clone>(own: &Option<T>, base: &T) -> T {
            own.as_ref().unwrap_or(base).clone()
        }
        let mut roles = base.roles.clone();
        roles.extend(self.roles.clone());
        ReleaseFacts {
            glibc: or(&self.glibc, &base.glibc),
            cpu: or(&self.cpu, &base.cpu),
            image: or(&self.image, &base.image),
            rpc: or(&self.rpc, &base.rpc),
            tips: or(&self.tips, &base.tips),
            stopped: or(&self.stopped, &base.stopped),
            stop_seconds: or(&self.stop_seconds, &base.stop_seconds),
            agent: or(&self.agent, &base.agent),
            networks: or(&self.networks, &base.networks),
            packages: or(&self.packages, &base.packages),
            fingerprint: self.fingerprint.clone(),
            presets: or(&self.presets, &base.presets),
            needs_traces: self.needs_traces.unwrap_or(base.needs_traces),
            roles,
        }
    }
}

/// The facts that are not the same in every release. The head of each `release.toml` names their sources.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFacts {
    /// The oldest glibc that its x86_64 binaries work with.
    pub glibc: (u32, u32),
    /// CPU features that its x86_64 binaries use, as Linux names them.
    pub cpu: Vec<String>,
    /// Repository of its official image; the tag is the version.
    pub image: String,
    /// Prefix of its JSON-RPC methods.
    pub rpc: String,
    /// The method that returns the block number of each tip.
    pub tips: String,
    /// Its clean exit codes.
    pub stopped: Vec<u8>,
    /// Seconds that a process may take to close its databases.
    pub stop_seconds: u32,
    /// The size of one prover agent that makes real proofs.
    pub agent: AgentSize,
    /// The names that it accepts as `NETWORK`; `#` stands for any number.
    pub networks: Vec<String>,
    /// Whether npm has it as `@aztec/aztec`. It can then run without a container.
    pub packages: bool,
    /// The values that decide which rollups it can follow.
    pub fingerprint: Option<Fingerprint>,
    /// The networks among them for which it has the values that all their nodes must share. For the others, an operator
    /// sets every value.
    pub presets: Vec<String>,
    /// Whether it exits at its start if no execution endpoint traces transactions.
    #[serde(default)]
    pub needs_traces: bool,
    /// The components that it has.
    pub roles: BTreeMap<Component, RoleFacts>,
}

/// The needs of one prover agent that makes real proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSize {
    /// Logical CPUs.
    pub cpus: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
}

/// The facts that are the same for every release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    /// Majors whose databases are in the data directory itself.
    in_place: Vec<u64>,
}

static COMMON: LazyLock<Common> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/releases/common-release.toml"))
        .expect("data/releases/common-release.toml is tested")
});

/// The refusal of a component that the release does not have.
static HAS_NONE: LazyLock<Refusal> = LazyLock::new(|| Refusal {
    on: None,
    runtime: None,
    why: "as far as aztec-kit knows, it does not have such a process".into(),
    instead: "Remove the role, or set a release that has it.".into(),
});

/// The `package.json` of every release.
const MANIFEST: &str = include_str!("../../data/releases/common-package.json");

/// The name of a network with `#` for every number.
fn pattern(name: &str) -> String {
    let mut pattern = String::new();
    for c in name.chars() {
        match c {
            '0'..='9' if pattern.ends_with('#') => {}
            '0'..='9' => pattern.push('#'),
            other => pattern.push(other),
        }
    }
    pattern
}

impl Release {
    /// The `package.json` of the tree: this version, its own Node.js, and the override that keeps
    /// `@multiformats/multiaddr` where libp2p of 4.x still understands it.
    pub fn manifest(&self) -> String {
        MANIFEST.replace("VERSION", &self.version)
    }

    /// The variables that it reads from its environment.
    pub(crate) fn table(&self) -> &Table {
        // A description on a host is checked when the release is read, and a test reads the carried ones.
        self.table.get_or_init(|| {
            Table::read(self.known(), &self.layers).expect("the variables of a release are tested")
        })
    }

    /// The directory of its databases below a data directory.
    pub fn databases(&self, data_dir: &Path) -> PathBuf {
        let major = super::versions::major(&self.version).unwrap_or_default();
        if COMMON.in_place.contains(&major) {
            data_dir.to_owned()
        } else {
            data_dir.join(format!("v{major}"))
        }
    }

    /// The number of variables that it reads.
    pub fn variables(&self) -> usize {
        self.table().variables.len()
    }

    /// The known release that this one is, or is like.
    fn known(&self) -> &str {
        match &self.basis {
            Basis::Carried | Basis::Host(_) => &self.version,
            Basis::Described(like) | Basis::Assumed(like) => like,
        }
    }

    /// Whether its facts are its own and not those of a similar release.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.basis, Basis::Carried | Basis::Host(_))
    }

    /// Whether it accepts this name as `NETWORK`.
    pub fn knows_network(&self, name: &str) -> bool {
        self.facts.networks.contains(&pattern(name))
    }

    /// Whether it has the values of the network with this name.
    pub fn has_presets(&self, name: &str) -> bool {
        self.facts.presets.contains(&pattern(name))
    }

    /// Seconds that this component may take to stop.
    pub(crate) fn stop_seconds(&self, component: Component) -> u32 {
        let own = self
            .facts
            .roles
            .get(&component)
            .and_then(|facts| facts.stop_seconds);
        own.unwrap_or(self.facts.stop_seconds)
    }

    /// The flags of `aztec start` that start this component.
    pub fn flags(&self, component: Component) -> &[String] {
        let facts = self.facts.roles.get(&component);
        facts.map_or(&[], |facts| facts.flags.as_slice())
    }

    /// The reason why a component cannot work in a place, if there is one. `runtime` is `None` if it is not decided yet.
    pub fn refusal(
        &self,
        component: Component,
        place: Place,
        runtime: Option<Runtime>,
    ) -> Option<&Refusal> {
        match self.facts.roles.get(&component) {
            Some(facts) => facts.refusal(place, runtime),
            None => Some(&HAS_NONE),
        }
    }
}
