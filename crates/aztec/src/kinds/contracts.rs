//! The Aztec contracts on a local L1. They are deployed once, and their addresses are an input of the node.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use l1::{Address, Deployment, Reader};
use provision::Fault;
use provision::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use provision::host::{Invocation, NewFile, Probe};
use provision::kinds::{Accounts, Owner};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::fault;
use crate::container::Container;
use crate::layout;

/// The contracts of a local network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contracts {
    /// JSON-RPC of the local L1.
    pub url: String,
    /// Its chain id.
    pub chain_id: u64,
    /// Environment file that gets the address of the registry.
    pub record: PathBuf,
    /// Owner and mode of that file.
    pub owner: Owner,
    /// The `aztec` command and its first arguments; with `container`, as inside the container.
    pub command: Vec<String>,
    /// The container that the command runs in, if not on the host itself.
    #[serde(default)]
    pub container: Option<Container>,
    /// The path of `forge`.
    pub forge: PathBuf,
    /// Home directory of the deployment, owned by `user`.
    pub home: PathBuf,
    /// The user that deploys. Programs of others never run as root.
    pub user: String,
    /// The variables of the deployment.
    pub parameters: Vec<(String, String)>,
}

/// The state of the L1 and the record.
#[derive(Debug)]
pub enum Seen {
    /// The L1 does not answer.
    NoChain(String),
    /// Nothing is recorded.
    NoRecord,
    /// The recorded registry is not on this chain.
    Gone(Address),
    /// The record is gone, but the contracts of an earlier run are on this chain; the text of that record.
    Unrecorded(String),
    /// The registry is on the chain; the text of the record, and the drift of its owner and mode.
    Deployed(Address, String, Vec<Change>),
}

/// How long the L1 may take to answer after its start: it loads its whole state first.
const L1_STARTS: Duration = Duration::from_secs(60);
/// A local call that takes longer has failed.
const CALL: Duration = Duration::from_secs(3);
/// Forge simulates and sends some forty transactions on a chain with a block every few seconds.
const DEPLOYMENT: Duration = Duration::from_secs(600);
/// Forge needs to find this compiler but never runs it: compiled contracts come with the release.
const COMPILER: &str = ".svm/0.8.30/solc-0.8.30";
const VARIABLE: &str = "REGISTRY_CONTRACT_ADDRESS";
const FEE_ASSETS: &str = "FEE_ASSET_HANDLER_CONTRACT_ADDRESS";
/// The variables of a record.
pub(crate) const VARIABLES: [&str; 2] = [VARIABLE, FEE_ASSETS];

/// The first line of a record.
const HEAD: &str = "# Contracts on the local L1, deployed by aztec-kit.";

/// The registry in a record on this host.
pub(crate) fn recorded(record: &Path, probe: &dyn Probe) -> Result<Option<Address>, Fault> {
    Ok(registry(&text(record, probe)?))
}

fn text(record: &Path, probe: &dyn Probe) -> Result<String, Fault> {
    Ok(probe.text(record)?.unwrap_or_default())
}

pub(crate) fn registry(text: &str) -> Option<Address> {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(VARIABLE)?.strip_prefix('='));
    values.next().and_then(|value| value.trim().parse().ok())
}

/// The record of a deployment, which the services of this host read.
fn record(deployment: &Deployment) -> String {
    let mut record = format!("{HEAD}\n{VARIABLE}={}\n", deployment.registry);
    if let Some(handler) = deployment.fee_asset_handler {
        // The node passes it on to clients that need fee tokens for a test account.
        record.push_str(&format!("{FEE_ASSETS}={handler}\n"));
    }
    record
}

/// The lines of a record that aztec-kit writes. Other lines may be anything and never get into the journal.
pub(crate) fn ours(text: &str) -> String {
    let ours = |line: &&str| match line.trim().split_once('=') {
        Some((name, value)) => VARIABLES.contains(&name) && value.trim().parse::<Address>().is_ok(),
        None => line.trim() == HEAD,
    };
    text.split_inclusive('\n').filter(ours).collect()
}

impl Contracts {
    /// The id of the contracts on the L1 of this chain id.
    pub(crate) fn id_on(chain_id: u64) -> ResourceId {
        ResourceId::new("contracts", chain_id)
    }

    fn look(&self, probe: &dyn Probe, memory: Option<&Value>) -> Result<Seen, Fault> {
        let failed = |error| fault("failed to ask the local L1", error);
        let reader = Reader::connect(&self.url, CALL).map_err(failed)?;
        let on_disk = text(&self.record, probe)?;
        let Some(address) = registry(&on_disk) else {
            let known = memory.and_then(Value::as_str).unwrap_or_default();
            return Ok(match (registry(known), reader.chain_id()) {
                (_, Err(error)) => Seen::NoChain(error.to_string()),
                (Some(address), Ok(_)) if reader.code_at(address).unwrap_or(false) => {
                    Seen::Unrecorded(known.to_owned())
                }
                _ => Seen::NoRecord,
            });
        };
        Ok(match reader.code_at(address) {
            Ok(true) => Seen::Deployed(address, on_disk, self.owner_changes(probe)?),
            Ok(false) => Seen::Gone(address),
            Err(error) => Seen::NoChain(error.to_string()),
        })
    }

    fn owner_changes(&self, probe: &dyn Probe) -> Result<Vec<Change>, Fault> {
        let meta = probe.meta(&self.record)?;
        let accounts = Accounts::read(probe)?;
        Ok(meta.map_or_else(Vec::new, |meta| self.owner.diff(&meta, &accounts)))
    }

    fn wait(&self, cx: &mut ApplyCx<'_>) -> Result<Seen, Fault> {
        let started = Instant::now();
        loop {
            match self.look(cx.host_mut.probe(), cx.memory)? {
                Seen::NoChain(why) if started.elapsed() > L1_STARTS => {
                    return Err(Fault::new(format!(
                        "the local L1 at {} does not answer: {why}",
                        self.url
                    ))
                    .fix("Run `journalctl --unit aztec-l1 --lines 50` to see why."));
                }
                Seen::NoChain(_) => std::thread::sleep(Duration::from_millis(100)),
                seen => return Ok(seen),
            }
        }
    }

    /// The files that forge looks for in its home.
    fn prepare(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let owner = Owner::new(&self.user, &self.user, 0o755);
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&owner)?;
        let compiler = self.home.join(COMPILER);
        let mut missing: Vec<_> = compiler.ancestors().skip(1).collect();
        missing.retain(|dir| dir.starts_with(&self.home) && *dir != self.home);
        for dir in missing.into_iter().rev() {
            if cx.host_mut.meta(dir)?.is_none() {
                cx.host_mut.mkdir(dir, uid, gid, owner.mode)?;
            }
        }
        cx.host_mut.put(&NewFile {
            path: &compiler,
            bytes: b"#!/bin/sh\necho 'this compiler is never run' >&2\nexit 1\n",
            uid,
            gid,
            mode: owner.mode,
        })
    }

    /// The deployment's own arguments.
    fn arguments(&self) -> Vec<String> {
        let chain = self.chain_id.to_string();
        [
            "deploy-l1-contracts",
            "--json",
            "--test-accounts",
            "--sponsored-fpc",
            "--l1-rpc-urls",
            &self.url,
            "--l1-chain-id",
            &chain,
        ]
        .map(String::from)
        .into()
    }

    fn variables(&self) -> Vec<(String, String)> {
        let mut variables = self.parameters.clone();
        variables.push(("FOUNDRY_OFFLINE".into(), "true".into()));
        variables
    }

    /// The deployment as `user`, on the host itself.
    fn native(&self) -> Invocation {
        let mut argv = self.command.clone();
        argv.extend(self.arguments());
        let programs = self.forge.parent().unwrap_or(Path::new("/"));
        let path = format!("{}:/usr/bin:/bin", programs.display());
        Invocation::new(argv)
            .account(&self.user)
            .dies_with_us()
            .dir(&self.home)
            .env("PATH", path)
            .env("HOME", self.home.display().to_string())
    }

    /// The deployment in a container of the image that this host is pinned to.
    fn contained(&self, container: &Container, cx: &mut ApplyCx<'_>) -> Result<Invocation, Fault> {
        let record = text(Path::new(layout::CONTAINER), cx.host_mut.probe())?;
        let value = |name: &str| {
            let mut lines = record.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let (Some(image), Some(user)) = (value("CONTAINER_IMAGE"), value("CONTAINER_USER")) else {
            return Err(
                Fault::new(format!("{} does not name an image", layout::CONTAINER))
                    .fix("Run the same command again."),
            );
        };
        // A container of a killed run would continue to deploy.
        let program = container.engine.program();
        let remove = [program, "rm", "--force", &container.name].map(String::from);
        cx.host_mut.tell(&Invocation::new(remove))?;
        let mut container = container.clone();
        let names = self.variables().into_iter().map(|(name, _)| name);
        container.passed.extend(names);
        let forge = (self.forge.clone(), PathBuf::from("/usr/local/bin/forge"));
        container.readable.push(forge);
        container.command = self.command.clone();
        container.command.extend(self.arguments());
        let words = container.words(image, user).join(" ");
        Ok(Invocation::new(words.split(' ')))
    }

    fn deploy(&self, cx: &mut ApplyCx<'_>) -> Result<Deployment, Fault> {
        let mut order = match &self.container {
            None => self.native(),
            Some(container) => self.contained(container, cx)?,
        }
        .timeout(DEPLOYMENT);
        for (name, value) in self.variables() {
            order = order.env(name, value);
        }
        let output = cx.host_mut.tell(&order)?.answer(&order.argv)?;
        Deployment::parse(&output.stdout).map_err(|error| {
            fault(
                "failed to read the addresses of the deployed contracts",
                error,
            )
        })
    }
}

impl Kind for Contracts {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        Self::id_on(self.chain_id)
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.record.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        self.look(cx.probe, cx.memory)
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let (from, to) = match seen {
            Seen::Deployed(registry, _, changes) => {
                return Diff::of(changes.clone(), || {
                    format!("registry {registry} is on the chain")
                });
            }
            Seen::NoChain(_) => return Diff::Unknown("the local L1 does not answer yet".into()),
            Seen::NoRecord => (Shown::Nothing, "deployed"),
            Seen::Unrecorded(_) => (Shown::text("deployed, not recorded"), "recorded"),
            Seen::Gone(registry) => (
                Shown::text(format!("{registry}, not on this chain")),
                "deployed again",
            ),
        };
        Diff::Change(vec![Change::field("registry", from, Shown::text(to))])
    }

    fn prior(&self, _: &Seen) {}

    fn memory(&self, seen: &Seen) -> Option<Value> {
        match seen {
            Seen::Deployed(_, record, _) => Some(Value::String(ours(record))),
            _ => None,
        }
    }

    fn absent(&self, seen: &Seen) -> bool {
        matches!(seen, Seen::NoRecord | Seen::Gone(_) | Seen::NoChain(_))
    }

    fn apply(&self, _: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        (cx.note)("waiting for the local L1 to answer");
        let record = match self.wait(cx)? {
            Seen::Deployed(_, _, changes) if changes.is_empty() => return Ok(()),
            Seen::Deployed(_, record, _) | Seen::Unrecorded(record) => record,
            Seen::NoChain(_) | Seen::NoRecord | Seen::Gone(_) => {
                (cx.note)("deploying the Aztec contracts");
                self.prepare(cx)?;
                record(&self.deploy(cx)?)
            }
        };
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&self.owner)?;
        cx.host_mut.put(&NewFile {
            path: &self.record,
            bytes: record.as_bytes(),
            uid,
            gid,
            mode: self.owner.mode,
        })
    }

    fn revert(&self, (): &(), cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        cx.host_mut.remove(&self.record)?;
        Ok(Reverted::Kept(
            "contracts cannot be removed from a chain".into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_lines_of_a_record_are_remembered() {
        let address = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
        let record_text = format!("{HEAD}\n{VARIABLE}={address}\n{FEE_ASSETS}={address}\n");
        assert_eq!(ours(&record_text), record_text);
        let more = format!("# S3CRET\n{record_text}TOKEN=S3CRET\n{FEE_ASSETS}=S3CRET\nS3CRET\n");
        assert_eq!(ours(&more), record_text);
        // What is remembered names the same registry, also if the operator put a blank before it.
        let other = address.replace("5FbDB", "6FbDB");
        let blank = format!("{VARIABLE}= {address}\n{VARIABLE}={other}\n");
        assert_eq!(registry(&ours(&blank)), registry(&blank));
    }
}
