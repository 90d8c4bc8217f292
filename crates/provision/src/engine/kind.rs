//! The contract that every kind of resource fulfils.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ApplyCx, Cx, Diff};
use crate::Fault;
use crate::host::{HostMut, Query};

/// `kind[name]`: stable, unique in a graph, shown to users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ResourceId(String);

impl ResourceId {
    /// An id from its two parts.
    pub fn new(kind: &str, name: impl fmt::Display) -> Self {
        Self(format!("{kind}[{name}]"))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The result of reverting a leftover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// The prior state is restored.
    Restored,
    /// It was left as it is on purpose, for this reason.
    Kept(String),
    /// It cannot be reverted now, for a reason that may pass. It stays on record, and the next run tries again.
    Later(String),
}

/// One kind of thing on a host. The contract:
///
/// * `observe` changes nothing, and sees everything that `diff` compares;
/// * `diff` is pure and lists all drift;
/// * `apply` starts from any state that a kill can leave behind, and afterwards `diff` is empty;
/// * `revert` restores `prior`, and never destroys a secret or data of the operator.
pub trait Kind: Serialize + DeserializeOwned {
    /// The observed state.
    type Seen;
    /// The input of `revert`, journaled before the first change.
    type Prior: Serialize + DeserializeOwned;

    /// Stable identity.
    fn id(&self) -> ResourceId;
    /// Refuses a specification that could not be applied; pure.
    fn validate(&self) -> Result<(), Fault> {
        Ok(())
    }
    /// The units whose state it asks for, so that one query serves all resources.
    fn units(&self) -> Vec<String> {
        Vec::new()
    }
    /// The query to another program that an observation needs. It runs while systemd is being asked.
    fn question(&self) -> Option<Query> {
        None
    }
    /// The files and trees that it keeps on disk. Other programs that watch files can be told that aztec-kit made these
    /// changes.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// Whether a mistake in it can lock out the operator. Such a change is commit-confirmed, see [`super::Guard`]. For
    /// this reason `revert` must make the old state effective without any other restart, and start from any state that
    /// a kill can leave behind.
    fn is_commit_confirmed(&self) -> bool {
        false
    }
    /// Whether it is a process, which uses its dependencies as long as it runs. A leftover process is stopped before
    /// any of its dependencies is changed.
    fn is_process(&self) -> bool {
        false
    }
    /// The names of its parts. Another resource of the same kind may have the same parts: see [`Kind::divided`].
    fn parts(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// Splits a prior state into these parts and the rest. Another resource manages these parts now and reverts to
    /// their prior state. Pure. `None` when the prior state does not contain them.
    fn divided(
        &self,
        _prior: &Self::Prior,
        _parts: &BTreeSet<String>,
    ) -> Option<(Self::Prior, Self::Prior)> {
        None
    }
    /// Observes the resource.
    fn observe(&self, cx: &Cx<'_>) -> Result<Self::Seen, Fault>;
    /// Compares the observed state with the desired one; pure.
    fn diff(&self, seen: &Self::Seen) -> Diff;
    /// The state that `revert` restores; pure.
    fn prior(&self, seen: &Self::Seen) -> Self::Prior;
    /// Facts to remember about a converged state; pure.
    fn memory(&self, _seen: &Self::Seen) -> Option<Value> {
        None
    }
    /// Whether its absence leaves nothing to restore. Decides between created and changed.
    fn absent(&self, seen: &Self::Seen) -> bool;
    /// Saves data that `revert` needs to restore [`Kind::prior`] and that is not in the journal. `apply` saves it
    /// itself. This is called when a removal, or the rollback of one, is about to replace the present state.
    fn keep(&self, _seen: &Self::Seen, _host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        Ok(())
    }
    /// Makes the change.
    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault>;
    /// Restores the prior state.
    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault>;
    /// Refuses a revert that would lock out the operator; changes nothing. It is called before a run changes anything,
    /// but not before the rollback of an unconfirmed change.
    fn revertible(&self, _prior: &Self::Prior, _cx: &Cx<'_>) -> Result<(), Fault> {
        Ok(())
    }
    /// A clause for the plan that says which data `revert` never removes.
    fn spared(&self) -> Option<&'static str> {
        None
    }
}
