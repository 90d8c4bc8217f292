//! A resource of any kind, as the engine works with it: the types of its kind are erased.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ApplyCx, Cx, Diff, Kind, ResourceId, Reverted};
use crate::Fault;
use crate::host::Query;

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
    /// See [`Kind::is_commit_confirmed`].
    fn is_commit_confirmed(&self) -> bool;
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
            fn is_commit_confirmed(&self) -> bool {
                match self { $(Self::$variant(kind) => $crate::engine::Kind::is_commit_confirmed(kind)),* }
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
