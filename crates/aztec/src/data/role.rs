//! What a release makes of a role.

use serde::Deserialize;

use crate::names::{Place, Runtime};

/// What a release makes of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleFacts {
    /// Flags of `aztec start`; none when the release has no such process.
    pub flags: Vec<String>,
    /// Where it cannot work.
    pub refused: Vec<Refusal>,
    /// Seconds that it may take to end, where they are not those of the release.
    pub stop_seconds: Option<u32>,
}

/// A role that cannot work, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Only there; everywhere when not said.
    pub on: Option<Place>,
    /// Only with this runtime; with both when not said.
    pub runtime: Option<Runtime>,
    /// Why it cannot work.
    pub why: String,
    /// The alternative, a whole sentence.
    pub instead: String,
}

impl RoleFacts {
    /// Why it cannot work in a place, if it cannot, with a runtime when that is settled.
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

    /// Whether it is said how to start it, or why not.
    pub(crate) fn is_complete(&self) -> bool {
        !self.flags.is_empty() || !self.is_possible()
    }
}
