//! The records of the journal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ResourceId;
use super::receipt::{Entry, Origin, Receipt, RolledBack, Unconfirmed};

/// The format that this version writes. It reads all older formats and refuses newer ones.
///
/// It is raised for every event, field or kind of resource that an older version must not ignore.
///
/// * 1: JSON lines without a header, up to 0.1.0 of November 2026.
/// * 2: a header, a checksum per line, and the dependencies of each resource.
pub const FORMAT: u32 = 2;

/// One record of the journal. An unknown record must not be skipped: it may mark a secret, or a change that waits for
/// its confirmation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", deny_unknown_fields)]
pub enum Event {
    /// The first record of a file.
    Begin {
        /// See [`FORMAT`].
        format: u32,
        /// Name and version of the aztec-kit that created the file.
        program: String,
    },
    /// All that came before, folded; first line after a compaction.
    Snapshot {
        /// The fold.
        receipt: Receipt,
    },
    /// A resource was in sync, and is now managed.
    Adopted {
        /// Which.
        id: ResourceId,
        /// Its specification.
        spec: Value,
        /// See [`super::Kind::memory`].
        #[serde(default)]
        memory: Option<Value>,
        /// Its dependencies: see [`super::Node::after`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<ResourceId>,
    },
    /// A resource is about to change.
    Intent {
        /// Which.
        id: ResourceId,
        /// Its specification.
        spec: Value,
        /// Its prior state.
        prior: Value,
        /// Whether it existed at all.
        origin: Origin,
        /// Its dependencies: see [`super::Node::after`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<ResourceId>,
    },
    /// A change that can lock out the operator is about to be made, and will be rolled back unless it is confirmed.
    #[serde(rename = "guarded")]
    Unconfirmed {
        /// The change, and its deadline.
        change: Unconfirmed,
    },
    /// The time for a confirmation was restarted at the end of the run that made the change.
    Extended {
        /// The new deadline, microseconds since the epoch.
        until_us: i64,
    },
    /// The rollback has begun: it is too late to confirm.
    #[serde(rename = "taking_back")]
    RollingBack,
    /// All waiting changes were confirmed.
    Confirmed,
    /// An unconfirmed change was rolled back.
    #[serde(rename = "taken_back")]
    RolledBack {
        /// The entry of the resource from now on.
        before: Option<Entry>,
        /// The resource, the time, and the reason if something was left as it is.
        what: RolledBack,
    },
    /// A change converged.
    Done {
        /// Which.
        id: ResourceId,
        /// See [`super::Kind::memory`].
        #[serde(default)]
        memory: Option<Value>,
    },
    /// A leftover is about to be reverted to its recorded prior state.
    Removing {
        /// Which.
        id: ResourceId,
    },
    /// A resource is no longer managed: it was reverted, or left on purpose.
    Released {
        /// Which.
        id: ResourceId,
    },
    /// A named value.
    Noted {
        /// Name.
        name: String,
        /// Value.
        value: Value,
    },
}
