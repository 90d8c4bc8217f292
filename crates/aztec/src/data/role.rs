//! The facts about a component in one release: how it starts, and where it cannot work.

use serde::Deserialize;

use crate::names::{Place, Runtime};

/// The facts about a component in one release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleFacts {
    /// Flags of `aztec start`; empty if the release does not have the component.
    pub flags: Vec<String>,
    /// The places where it cannot work.
    pub refused: Vec<Refusal>,
    /// Seconds that it may take to stop, if they differ from those of the release.
    pub stop_seconds: Option<u32>,
}

/// The reason why a component cannot work, and the alternative.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The place; everywhere if missing.
    pub on: Option<Place>,
    /// The runtime; both if missing.
    pub runtime: Option<Runtime>,
    /// Why it cannot work.
    pub why: String,
    /// The alternative, a whole sentence.
    pub instead: String,
}

impl RoleFacts {
    /// The reason why it cannot work in a place, if there is one. `runtime` is `None` if it is not decided yet.
    pub fn refusal(&self, place: Place, runtime: Option<Runtime>) -> Option<&Refusal> {
        self.refused.iter().find(|refusal| {
            refusal.on.is_none_or(|on| on == place)
                && (refusal.runtime.is_none() || refusal.runtime == runtime)
        })
    }

    /// Whether it can work anywhere.
    pub(crate) fn is_possible(&self) -> bool {
        let mut refused = self.refused.iter();
        refused.all(|refusal| refusal.on.is_some() || refusal.runtime.is_some())
    }

    /// Whether the release states how to start it, or why it cannot.
    pub(crate) fn is_complete(&self) -> bool {
        !self.flags.is_empty() || !self.is_possible()
    }
}
