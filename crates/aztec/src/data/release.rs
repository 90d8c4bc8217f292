//! Releases of the node: what they need, how they are talked to, what they can be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use provision::Fault;
use semver::Version;
use serde::Deserialize;

use super::carried::{self, carried};
use super::role::{Place, Refusal, Role, RoleFacts};
use crate::runtime::Runtime;

/// A release of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// What it needs and how it is talked to.
    pub facts: ReleaseFacts,
    /// The lock file this program carries.
    pub lock: Option<&'static str>,
    /// Where the facts are from.
    pub basis: Basis,
}

/// Where the facts of a release are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// This program carries them.
    Carried,
    /// The operator described it, on top of this one.
    Described(String),
    /// Nobody knows: it is treated like this one, the newest before it.
    Assumed(String),
}

/// A release that this program does not know: what differs from one that it knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The release that it is like in all that is not said.
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
    /// The roles that differ.
    #[serde(default)]
    pub roles: BTreeMap<Role, RoleFacts>,
}

impl Description {
    /// The facts with what differs in them.
    fn on(&self, base: &ReleaseFacts) -> ReleaseFacts {
        fn or<T: Clone>(said: &Option<T>, base: &T) -> T {
            said.as_ref().unwrap_or(base).clone()
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
            needs_traces: base.needs_traces,
            roles,
        }
    }
}

/// What differs between releases; where each fact is from: the head of its `release.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFacts {
    /// Oldest glibc that its x86_64 binaries load with.
    pub glibc: (u32, u32),
    /// CPU features that its x86_64 binaries use, as Linux names them.
    pub cpu: Vec<String>,
    /// Repository of its official image; the tag is the version.
    pub image: String,
    /// Prefix of its JSON-RPC methods.
    pub rpc: String,
    /// The method that tells how far each tip is.
    pub tips: String,
    /// Exit codes of a process that was asked to stop, and did.
    pub stopped: Vec<u8>,
    /// Seconds that a process may take to close its databases.
    pub stop_seconds: u32,
    /// The size of one prover agent that makes real proofs.
    pub agent: AgentSize,
    /// The names that it takes for `NETWORK`; `#` stands for any number.
    pub networks: Vec<String>,
    /// Whether it ends at its start when no execution endpoint traces transactions.
    #[serde(default)]
    pub needs_traces: bool,
    /// What it makes of every role.
    pub roles: BTreeMap<Role, RoleFacts>,
}

/// What one prover agent needs to make real proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSize {
    /// Logical CPUs.
    pub cpus: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
}

static FACTS: LazyLock<BTreeMap<&str, ReleaseFacts>> = LazyLock::new(|| {
    let read = |text| toml::from_str(text).expect("data/releases/*/release.toml is tested");
    let all = carried().iter();
    all.map(|carried| (carried.version, read(carried.facts)))
        .collect()
});

/// The `package.json` of every release.
const MANIFEST: &str = include_str!("../../data/releases/common-package.json");

/// The releases that have facts, oldest first.
pub(crate) fn known_releases() -> Vec<&'static str> {
    carried().iter().map(|carried| carried.version).collect()
}

/// The exact version of a release.
///
/// # Errors
///
/// When it is not a semantic version: nothing else becomes the name of a directory or an image.
pub(crate) fn check_version(version: &str) -> Result<Version, Fault> {
    Version::parse(version).map_err(|error| {
        let example = known_releases().last().copied().unwrap_or_default();
        Fault::new(format!("`{version}` is not a release version"))
            .fix(format!("Name an exact version such as {example}; `latest` would change under a running node."))
            .because(error)
    })
}

/// The newest release that has facts and is not newer than this version, or the oldest.
fn nearest(version: &Version) -> Option<&'static str> {
    let older = |known: &&&str| Version::parse(known).is_ok_and(|known| known <= *version);
    let known = known_releases();
    let newest = known.iter().rev().find(older).or(known.first());
    newest.copied()
}

/// A release by its version, and by its description where this program does not know it. One that nobody
/// knows is treated like the newest before it.
///
/// # Errors
///
/// When it is not an exact version, or described like a release that this program does not know.
pub fn release(version: &str, description: Option<&Description>) -> Result<Release, Fault> {
    let wanted = check_version(version)?;
    let none = || Fault::new("no release is known");
    let nearest = nearest(&wanted).ok_or_else(none)?;
    let (basis, facts) = match (FACTS.get(version), description) {
        (Some(facts), _) => (Basis::Carried, facts.clone()),
        (None, Some(description)) => {
            let like = &description.like;
            let base = FACTS.get(like.as_str()).ok_or_else(none)?;
            (Basis::Described(like.clone()), description.on(base))
        }
        (None, None) => (Basis::Assumed(nearest.into()), FACTS[nearest].clone()),
    };
    Ok(Release {
        version: version.into(),
        lock: carried::of(version).and_then(|carried| carried.lock),
        facts,
        basis,
    })
}

impl Release {
    /// The `package.json` of the tree: this version, its own Node.js, and the override that keeps
    /// `@multiformats/multiaddr` where libp2p of 4.x still understands it.
    pub fn manifest(&self) -> String {
        MANIFEST.replace("VERSION", &self.version)
    }

    /// The release that this program knows and that this one is, or is like.
    pub(crate) fn known(&self) -> &str {
        match &self.basis {
            Basis::Carried => &self.version,
            Basis::Described(like) | Basis::Assumed(like) => like,
        }
    }

    /// Whether it takes this name for `NETWORK`.
    pub fn knows_network(&self, name: &str) -> bool {
        let mut pattern = String::new();
        for c in name.chars() {
            match c {
                '0'..='9' if pattern.ends_with('#') => {}
                '0'..='9' => pattern.push('#'),
                other => pattern.push(other),
            }
        }
        self.facts.networks.contains(&pattern)
    }

    /// The flags of `aztec start` that make a process of this role.
    pub fn flags(&self, role: Role) -> &[String] {
        let role = self.facts.roles.get(&role);
        role.map_or(&[], |role| role.flags.as_slice())
    }

    /// Why a role cannot work in a place, if it cannot, with a runtime when that is settled.
    pub fn refusal(&self, role: Role, place: Place, runtime: Option<Runtime>) -> Option<&Refusal> {
        self.facts.roles.get(&role)?.refusal(place, runtime)
    }
}

#[cfg(test)]
mod tests {
    use super::super::networks;
    use super::*;

    #[test]
    fn the_data_files_can_be_read() {
        assert_eq!(networks().len(), 4);
        assert_eq!(networks()["mainnet"].l1_chain_id, 1);
        for network in networks().values() {
            if let Some(version) = &network.release {
                let release = release(version, None).unwrap();
                assert_eq!(release.basis, Basis::Carried, "{version}");
                assert!(release.knows_network(network.known_as.as_deref().unwrap()));
            }
        }
    }

    #[test]
    fn every_release_says_how_each_role_is_started_or_why_not() {
        for (version, facts) in FACTS.iter() {
            for role in Role::ALL {
                let facts = facts.roles.get(&role);
                assert!(
                    facts.is_some_and(RoleFacts::is_complete),
                    "{version} {role:?}"
                );
            }
        }
    }

    #[test]
    fn every_release_that_claims_a_lock_carries_one_that_pins_every_package() {
        for carried in carried().iter().filter(|carried| carried.lock.is_some()) {
            let version = carried.version;
            let release = release(version, None).unwrap();
            let lock: serde_json::Value = serde_json::from_str(release.lock.unwrap()).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            assert!(packages.len() > 500, "{}", packages.len());
            for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(package["integrity"].is_string(), "{name}");
                assert!(package.get("resolved").is_none(), "{name} names a registry");
            }
            assert_eq!(packages["node_modules/@aztec/aztec"]["version"], version);
            let manifest: serde_json::Value = serde_json::from_str(&release.manifest()).unwrap();
            assert_eq!(packages[""]["dependencies"], manifest["dependencies"]);
            assert!(release.facts.glibc >= (2, 39));
        }
    }

    #[test]
    fn a_release_without_a_lock_is_still_a_release() {
        assert!(release("5.2.0", None).unwrap().lock.is_none());
        assert_eq!(release("5.3.1", None).unwrap().facts.rpc, "aztec");
        assert!(release("latest", None).is_err());
        assert!(release("5.2", None).is_err());
    }

    #[test]
    fn a_number_in_the_name_of_a_network_may_be_any() {
        let release = release("5.2.0", None).unwrap();
        assert!(release.knows_network("v5-devnet-12") && release.knows_network("mainnet"));
        assert!(!release.knows_network("v5-devnet-") && !release.knows_network("staging-public"));
    }

    #[test]
    fn a_described_release_differs_in_what_is_said_alone() {
        let text = "like = \"5.2.0\"\ntips = \"getTips\"\nroles.txe.refused = [{ why = \"w\", instead = \"i\" }]\n";
        let said = release("5.3.0", Some(&toml::from_str(text).unwrap())).unwrap();
        let base = release("5.2.0", None).unwrap();
        assert_eq!(said.basis, Basis::Described("5.2.0".into()));
        assert_eq!(
            (said.known(), said.facts.tips.as_str()),
            ("5.2.0", "getTips")
        );
        assert!(said.refusal(Role::Txe, Place::Live, None).is_some());
        assert_eq!(said.flags(Role::Node), base.flags(Role::Node));
        assert_eq!(
            (said.facts.rpc, said.facts.glibc),
            (base.facts.rpc, base.facts.glibc)
        );
    }
}
