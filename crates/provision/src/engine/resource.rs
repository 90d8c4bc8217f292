//! The contract that every kind of resource fulfils.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Diff;
use crate::Fault;
use crate::host::{HostMut, Invocation, Probe, Query};
use crate::tools::systemctl::UnitState;

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

/// The input of an observation: the host, and the memory of the last successful apply.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The host, read-only.
    pub probe: &'a dyn Probe,
    /// The result of [`Kind::memory`] after the last successful apply.
    pub memory: Option<&'a Value>,
    /// Unit states from one query. `None` asks systemd now.
    pub units: Option<&'a BTreeMap<String, UnitState>>,
}

impl fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cx")
    }
}

impl<'a> Cx<'a> {
    /// A context without memory.
    pub fn of(probe: &'a dyn Probe) -> Self {
        Self {
            probe,
            memory: None,
            units: None,
        }
    }

    /// The state of one unit, from the query that was made for all if there was one.
    pub fn unit(&self, name: &str) -> Result<UnitState, Fault> {
        if let Some(state) = self.units.and_then(|units| units.get(name)) {
            return Ok(state.clone());
        }
        self.probe.unit(name)
    }
}

/// The means to change a host.
pub struct ApplyCx<'a> {
    /// The host.
    pub host_mut: &'a mut dyn HostMut,
    /// As in [`Cx`].
    pub memory: Option<&'a Value>,
    /// As in [`Cx`]: the unit states just before the change.
    pub units: Option<&'a BTreeMap<String, UnitState>>,
    /// Reports a step that takes long.
    pub note: &'a mut dyn FnMut(&str),
    /// Replaces [`ApplyCx::memory`] in the next observation. It holds facts that only the maker of a change knows, such
    /// as the files that a process was started with. A clock cannot tell, because it may jump.
    pub made: Option<Value>,
    /// As in [`Cx`], for the next observation: the unit states after the change, if systemd was asked then.
    pub seen: Option<BTreeMap<String, UnitState>>,
    /// Whether systemd must reload its units by the end of the run. A reload takes a tenth of a second, and one serves
    /// all changes.
    pub unread: bool,
}

impl<'a> ApplyCx<'a> {
    /// A context without memory.
    pub fn new(host_mut: &'a mut dyn HostMut, note: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            host_mut,
            memory: None,
            units: None,
            note,
            made: None,
            seen: None,
            unread: false,
        }
    }

    /// Makes systemd reload its units.
    pub fn read_units(&mut self) -> Result<(), Fault> {
        self.host_mut
            .run(&Invocation::new(["systemctl", "daemon-reload"]))?;
        (self.unread, self.seen) = (false, None);
        Ok(())
    }

    /// The state of a unit after the change. The next observation does not need to ask for it again.
    pub fn unit_after(&mut self, name: &str) -> Result<UnitState, Fault> {
        let state = self.host_mut.probe().unit(name)?;
        self.seen = Some(BTreeMap::from([(name.to_owned(), state.clone())]));
        Ok(state)
    }
}

impl fmt::Debug for ApplyCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApplyCx")
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
    fn guarded(&self) -> bool {
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

/// One observation of a resource, with the types of its kind erased.
#[derive(Debug, Clone)]
pub struct Look {
    /// The drift.
    pub diff: Diff,
    /// Serialized [`Kind::Prior`].
    pub prior: Value,
    /// [`Kind::memory`].
    pub memory: Option<Value>,
    /// [`Kind::absent`].
    pub absent: bool,
}

/// The resource that the engine works with: a closed enum of kinds, or a toy in the tests of the engine.
pub trait Resource: Clone + Sync + Serialize + DeserializeOwned {
    /// Stable identity.
    fn id(&self) -> ResourceId;
    /// See [`Kind::validate`].
    fn validate(&self) -> Result<(), Fault>;
    /// See [`Kind::units`].
    fn units(&self) -> Vec<String>;
    /// See [`Kind::question`].
    fn question(&self) -> Option<Query>;
    /// See [`Kind::files`].
    fn files(&self) -> Vec<PathBuf>;
    /// See [`Kind::guarded`].
    fn guarded(&self) -> bool;
    /// See [`Kind::is_process`].
    fn is_process(&self) -> bool;
    /// See [`Kind::parts`].
    fn parts(&self) -> BTreeSet<String>;
    /// See [`Kind::divided`].
    fn divided(&self, prior: &Value, parts: &BTreeSet<String>) -> Option<(Value, Value)>;
    /// Observes and compares.
    fn look(&self, cx: &Cx<'_>) -> Result<Look, Fault>;
    /// Observes, and saves the present state: see [`Kind::keep`].
    fn keep(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault>;
    /// Observes and converges.
    fn apply(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault>;
    /// Restores a journaled prior state.
    fn revert(&self, prior: &Value, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault>;
    /// See [`Kind::revertible`].
    fn revertible(&self, prior: &Value, cx: &Cx<'_>) -> Result<(), Fault>;
    /// See [`Kind::spared`].
    fn spared(&self) -> Option<&'static str>;
}

/// Bridges one kind to the erased calls of [`Resource`]; used by the [`crate::resources`] macro.
pub mod erased {
    use super::{ApplyCx, BTreeSet, Cx, Fault, Kind, Look, Reverted, Value};

    /// [`super::Resource::look`].
    pub fn look<K: Kind>(kind: &K, cx: &Cx<'_>) -> Result<Look, Fault> {
        let seen = kind.observe(cx)?;
        Ok(Look {
            diff: kind.diff(&seen),
            prior: serde_json::to_value(kind.prior(&seen))
                .map_err(|error| Fault::new("failed to record a prior state").because(error))?,
            memory: kind.memory(&seen),
            absent: kind.absent(&seen),
        })
    }

    /// [`super::Resource::divided`].
    pub fn divided<K: Kind>(
        kind: &K,
        prior: &Value,
        parts: &BTreeSet<String>,
    ) -> Option<(Value, Value)> {
        let prior = before(kind, prior).ok()?;
        let (taken, rest) = kind.divided(&prior, parts)?;
        Some((
            serde_json::to_value(taken).ok()?,
            serde_json::to_value(rest).ok()?,
        ))
    }

    /// [`super::Resource::keep`].
    pub fn keep<K: Kind>(kind: &K, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let seen = observe(kind, cx)?;
        kind.keep(&seen, cx.host_mut)
    }

    /// [`super::Resource::apply`].
    pub fn apply<K: Kind>(kind: &K, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let seen = observe(kind, cx)?;
        kind.apply(&seen, cx)
    }

    fn observe<K: Kind>(kind: &K, cx: &ApplyCx<'_>) -> Result<K::Seen, Fault> {
        kind.observe(&Cx {
            probe: cx.host_mut.probe(),
            memory: cx.memory,
            units: cx.units,
        })
    }

    /// [`super::Resource::revert`].
    pub fn revert<K: Kind>(
        kind: &K,
        prior: &Value,
        cx: &mut ApplyCx<'_>,
    ) -> Result<Reverted, Fault> {
        kind.revert(&before(kind, prior)?, cx)
    }

    /// [`super::Resource::revertible`].
    pub fn revertible<K: Kind>(kind: &K, prior: &Value, cx: &Cx<'_>) -> Result<(), Fault> {
        kind.revertible(&before(kind, prior)?, cx)
    }

    fn before<K: Kind>(kind: &K, prior: &Value) -> Result<K::Prior, Fault> {
        serde_json::from_value(prior.clone()).map_err(|error| {
            Fault::new(format!("failed to read the prior state of {}", kind.id())).because(error)
        })
    }
}

/// Declares a closed enum of kinds from one list and implements [`Resource`](crate::engine::Resource) for it.
#[macro_export]
macro_rules! resources {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident($kind:ty)),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        $vis enum $name { $($(#[$doc])* $variant($kind)),* }

        $(impl From<$kind> for $name {
            fn from(kind: $kind) -> Self { Self::$variant(kind) }
        })*

        impl $crate::engine::Resource for $name {
            fn id(&self) -> $crate::engine::ResourceId {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::id(kind)),* }
            }
            fn validate(&self) -> Result<(), $crate::Fault> {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::validate(kind)),* }
            }
            fn units(&self) -> Vec<String> {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::units(kind)),* }
            }
            fn question(&self) -> Option<$crate::host::Query> {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::question(kind)),* }
            }
            fn files(&self) -> Vec<std::path::PathBuf> {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::files(kind)),* }
            }
            fn guarded(&self) -> bool {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::guarded(kind)),* }
            }
            fn is_process(&self) -> bool {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::is_process(kind)),* }
            }
            fn parts(&self) -> std::collections::BTreeSet<String> {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::parts(kind)),* }
            }
            fn divided(
                &self,
                prior: &serde_json::Value,
                parts: &std::collections::BTreeSet<String>,
            ) -> Option<(serde_json::Value, serde_json::Value)> {
                match self { $(Self::$variant(kind) => $crate::engine::erased::divided(kind, prior, parts)),* }
            }
            fn look(&self, cx: &$crate::engine::Cx<'_>) -> Result<$crate::engine::Look, $crate::Fault> {
                match self { $(Self::$variant(kind) => $crate::engine::erased::look(kind, cx)),* }
            }
            fn keep(&self, cx: &mut $crate::engine::ApplyCx<'_>) -> Result<(), $crate::Fault> {
                match self { $(Self::$variant(kind) => $crate::engine::erased::keep(kind, cx)),* }
            }
            fn apply(&self, cx: &mut $crate::engine::ApplyCx<'_>) -> Result<(), $crate::Fault> {
                match self { $(Self::$variant(kind) => $crate::engine::erased::apply(kind, cx)),* }
            }
            fn revertible(
                &self,
                prior: &serde_json::Value,
                cx: &$crate::engine::Cx<'_>,
            ) -> Result<(), $crate::Fault> {
                match self { $(Self::$variant(kind) => $crate::engine::erased::revertible(kind, prior, cx)),* }
            }
            fn spared(&self) -> Option<&'static str> {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::spared(kind)),* }
            }
            fn revert(
                &self,
                prior: &serde_json::Value,
                cx: &mut $crate::engine::ApplyCx<'_>,
            ) -> Result<$crate::engine::Reverted, $crate::Fault> {
                match self { $(Self::$variant(kind) => $crate::engine::erased::revert(kind, prior, cx)),* }
            }
        }
    };
}
