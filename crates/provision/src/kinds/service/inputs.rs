//! The inputs of a service: whether the running process was started with their desired content.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Fault;
use crate::engine::ResourceId;
use crate::host::{FileType, Probe, newest_change, stamp};
use crate::tools::systemctl::UnitState;

/// A file, link or directory that a service reads at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// The resource.
    pub id: ResourceId,
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of the desired content or link target if it is known in advance. Otherwise the digest of the present one
    /// counts.
    pub wanted: Option<String>,
}

/// Facts about the last start that converged: the invocation of the process, and the digest of each input.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) invocation: String,
    pub(super) inputs: BTreeMap<ResourceId, String>,
    /// The last change of each input, by the clock of that time. An input with the same value has not been touched
    /// since, so any process that was started later has read it, whatever the clock says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) stamps: BTreeMap<ResourceId, i64>,
}

impl Memory {
    /// A memory that cannot be read is ignored.
    pub(super) fn of(memory: Option<&Value>) -> Option<Self> {
        memory.and_then(|memory| serde_json::from_value(memory.clone()).ok())
    }

    /// The memory of a process that is started now, without its invocation.
    pub(super) fn of_a_start(inputs: &[Input], probe: &dyn Probe) -> Result<Self, Fault> {
        let digest = |input: &Input| Ok((input.id.clone(), on_disk(input, probe)?));
        let digests = inputs.iter().map(digest).collect::<Result<_, Fault>>()?;
        Ok(Self {
            stamps: stamps(inputs, &digests, None, probe)?,
            invocation: String::new(),
            inputs: digests,
        })
    }
}

/// The desired digest of each input, or the present one.
pub(super) fn desired(
    inputs: &[Input],
    probe: &dyn Probe,
) -> Result<BTreeMap<ResourceId, String>, Fault> {
    let digest = |input: &Input| match &input.wanted {
        Some(desired) => Ok(desired.clone()),
        None => on_disk(input, probe),
    };
    inputs
        .iter()
        .map(|input| Ok((input.id.clone(), digest(input)?)))
        .collect()
}

/// The inputs that the process was not started with. `desired` are their digests.
pub(super) fn stale(
    inputs: &[Input],
    (state, desired): (&UnitState, &BTreeMap<ResourceId, String>),
    memory: Option<&Memory>,
    probe: &dyn Probe,
) -> Result<Vec<String>, Fault> {
    let untouched = memory.map(|memory| &memory.stamps);
    // The process that aztec-kit started: compare its inputs with the desired ones.
    let memory = memory.filter(|memory| memory.invocation == state.invocation);
    let started = probe.clock().on_the_wall(state.begun_us());
    let mut stale = Vec::new();
    for input in inputs {
        let started_with = memory.and_then(|memory| memory.inputs.get(&input.id));
        let known = untouched.and_then(|stamps| stamps.get(&input.id));
        let differs = match started_with {
            Some(digest) => desired.get(&input.id) != Some(digest),
            // A boot, the operator, or an earlier version that did not list the input started it. It read the files as
            // they were at that moment.
            None => {
                changed(input, probe)?
                    .is_none_or(|changed| known != Some(&changed) && changed > started)
                    || desired.get(&input.id) != Some(&on_disk(input, probe)?)
            }
        };
        if differs {
            stale.push(input.id.to_string());
        }
    }
    Ok(stale)
}

/// The last change of each input that has its desired digest.
pub(super) fn stamps(
    inputs: &[Input],
    desired: &BTreeMap<ResourceId, String>,
    memory: Option<&Memory>,
    probe: &dyn Probe,
) -> Result<BTreeMap<ResourceId, i64>, Fault> {
    let mut stamps = BTreeMap::new();
    for input in inputs {
        let Some(changed) = changed(input, probe)? else {
            continue;
        };
        let known = memory.is_some_and(|memory| {
            memory.stamps.get(&input.id) == Some(&changed)
                && memory.inputs.get(&input.id) == desired.get(&input.id)
        });
        if known || desired.get(&input.id) == Some(&on_disk(input, probe)?) {
            stamps.insert(input.id.clone(), changed);
        }
    }
    Ok(stamps)
}

/// SHA-256 of the target of a link or of the content of a file. For a directory it covers its files.
fn on_disk(input: &Input, probe: &dyn Probe) -> Result<String, Fault> {
    if is_directory(input, probe)? {
        return stamp(&input.path, probe);
    }
    let bytes = match probe.link(&input.path)? {
        Some(target) => target.into_os_string().into_encoded_bytes(),
        None => probe.read(&input.path)?.unwrap_or_default(),
    };
    Ok(const_hex::encode(Sha256::digest(bytes)))
}

fn is_directory(input: &Input, probe: &dyn Probe) -> Result<bool, Fault> {
    let meta = probe.meta(&input.path)?;
    Ok(meta.is_some_and(|meta| meta.file_type == FileType::Directory))
}

/// The last change of an input.
fn changed(input: &Input, probe: &dyn Probe) -> Result<Option<i64>, Fault> {
    if is_directory(input, probe)? {
        return newest_change(&input.path, probe);
    }
    Ok(probe.meta(&input.path)?.map(|meta| meta.changed_us))
}
