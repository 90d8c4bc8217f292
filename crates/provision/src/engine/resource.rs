//! What a resource is: the contract that every kind fulfils.

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

/// What a resource may look at: the host, and what was remembered of its last good apply.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The host, read-only.
    pub probe: &'a dyn Probe,
    /// What [`Kind::memory`] said after the last apply that converged.
    pub memory: Option<&'a Value>,
    /// Unit states asked in one batch; `None` asks systemd afresh.
    pub units: Option<&'a BTreeMap<String, UnitState>>,
}

impl fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cx")
    }
}

impl<'a> Cx<'a> {
    /// A host of which nothing is known or remembered.
    pub fn of(probe: &'a dyn Probe) -> Self {
        Self {
            probe,
            memory: None,
            units: None,
        }
    }

    /// The state of one unit, from the batch when there is one.
    pub fn unit(&self, name: &str) -> Result<UnitState, Fault> {
        if let Some(state) = self.units.and_then(|units| units.get(name)) {
            return Ok(state.clone());
        }
        self.probe.unit(name)
    }
}

/// What a resource gets to change the host with.
pub struct ApplyCx<'a> {
    /// The host.
    pub host_mut: &'a mut dyn HostMut,
    /// As in [`Cx`].
    pub memory: Option<&'a Value>,
    /// As in [`Cx`]: what systemd said just before the change.
    pub units: Option<&'a BTreeMap<String, UnitState>>,
    /// Says what is being done, for steps that take long.
    pub note: &'a mut dyn FnMut(&str),
    /// In place of [`ApplyCx::memory`] for the look that follows: what only whoever made a change can know, such as
    /// which files a process was started with. Clocks jump, and cannot tell.
    pub made: Option<Value>,
    /// As in [`Cx`], for the look that follows: what systemd said after the change, when it was asked then.
    pub seen: Option<BTreeMap<String, UnitState>>,
    /// Whether systemd shall read every unit again, at the latest at the end of the run: it takes a tenth of a second, and
    /// once does for all.
    pub unread: bool,
}

impl<'a> ApplyCx<'a> {
    /// A host of which nothing is known or remembered.
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

    /// Has systemd read every unit again.
    pub fn read_units(&mut self) -> Result<(), Fault> {
        self.host_mut
            .run(&Invocation::new(["systemctl", "daemon-reload"]))?;
        (self.unread, self.seen) = (false, None);
        Ok(())
    }

    /// The state of a unit after the change, which the look that follows need not ask for again.
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

/// What became of a resource that is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// It is as it was before us.
    Restored,
    /// It was left on purpose; the reason.
    Kept(String),
    /// It could not go now, for a reason that may pass: it stays on record, and the next run tries again.
    Later(String),
}

/// One kind of thing a host can have. The contract:
///
/// * `observe` only looks, and sees everything that `diff` compares;
/// * `diff` is pure and lists every difference;
/// * `apply` starts from any state that a kill can leave behind, and afterwards `diff` is empty;
/// * `revert` goes back to `prior`, and never destroys a secret or data of the operator.
pub trait Kind: Serialize + DeserializeOwned {
    /// What the host has.
    type Seen;
    /// What `revert` needs; journaled before the first change.
    type Prior: Serialize + DeserializeOwned;

    /// Stable identity.
    fn id(&self) -> ResourceId;
    /// Refuses a specification that could not be applied; pure.
    fn validate(&self) -> Result<(), Fault> {
        Ok(())
    }
    /// Units whose state it will ask for, so that one question serves all.
    fn units(&self) -> Vec<String> {
        Vec::new()
    }
    /// What it asks of another program in a look, which then waits for the answer: asked while systemd still answers.
    fn question(&self) -> Option<Query> {
        None
    }
    /// Files and trees that it keeps on disk: what changes there by our hand is no news to others who watch.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// Whether a mistake in it can cut the operator off from the host. Such a change is taken back by itself
    /// unless it is confirmed in time, see [`super::Guard`]; so `revert` must make the old state live again,
    /// with nothing else to restart, and start from any state that a kill can leave behind.
    fn guarded(&self) -> bool {
        false
    }
    /// Whether it is a process, which uses what it came after for as long as it runs: one that is no longer wanted ends
    /// before any of that is changed.
    fn is_process(&self) -> bool {
        false
    }
    /// What it is made of, by names that other resources of this kind may have too: see [`Kind::divided`].
    fn parts(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// A prior that says something of these parts, divided into that and the rest: another resource looks after them now,
    /// and goes back to it. Pure; `None` when it says nothing of them.
    fn divided(
        &self,
        _prior: &Self::Prior,
        _parts: &BTreeSet<String>,
    ) -> Option<(Self::Prior, Self::Prior)> {
        None
    }
    /// Looks.
    fn observe(&self, cx: &Cx<'_>) -> Result<Self::Seen, Fault>;
    /// Compares; pure.
    fn diff(&self, seen: &Self::Seen) -> Diff;
    /// What to go back to; pure.
    fn prior(&self, seen: &Self::Seen) -> Self::Prior;
    /// What to remember of a converged state; pure.
    fn memory(&self, _seen: &Self::Seen) -> Option<Value> {
        None
    }
    /// Whether its absence is worth nothing to go back to: decides created from changed.
    fn absent(&self, seen: &Self::Seen) -> bool;
    /// Puts aside what `revert` needs to come back to [`Kind::prior`] and the journal does not get. `apply` does so
    /// itself; it is asked for when a removal, or the taking back of one, is about to replace what is there.
    fn keep(&self, _seen: &Self::Seen, _hands: &mut dyn HostMut) -> Result<(), Fault> {
        Ok(())
    }
    /// Converges.
    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault>;
    /// Goes back.
    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault>;
    /// Refuses to go back where that would cut the operator off; only looks. Asked before a run changes anything, and
    /// not when a change is taken back that nobody confirmed.
    fn revertible(&self, _prior: &Self::Prior, _cx: &Cx<'_>) -> Result<(), Fault> {
        Ok(())
    }
    /// What going back never takes away, as a clause: who reads a plan has to know.
    fn spared(&self) -> Option<&'static str> {
        None
    }
}

/// One look at a resource, with the types of its kind erased.
#[derive(Debug, Clone)]
pub struct Look {
    /// The difference.
    pub diff: Diff,
    /// Serialized [`Kind::Prior`].
    pub prior: Value,
    /// [`Kind::memory`].
    pub memory: Option<Value>,
    /// [`Kind::absent`].
    pub absent: bool,
}

/// What the engine works on: a closed enum of kinds, or in its own tests a toy.
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
    /// Observes, and puts aside what is there: see [`Kind::keep`].
    fn keep(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault>;
    /// Observes and converges.
    fn apply(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault>;
    /// Goes back to a journaled prior.
    fn revert(&self, prior: &Value, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault>;
    /// See [`Kind::revertible`].
    fn revertible(&self, prior: &Value, cx: &Cx<'_>) -> Result<(), Fault>;
    /// What going back never takes away, as a clause.
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
            Fault::new(format!("failed to read the prior of {}", kind.id())).because(error)
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
