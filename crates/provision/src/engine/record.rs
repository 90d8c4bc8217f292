//! The records of the journal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ResourceId;
use super::receipt::{Entry, Origin, Receipt, RolledBack, Unconfirmed};

/// The format that this program writes. A program reads all older ones and refuses newer ones.
///
/// It goes up with every event, field or kind of resource that an older program must not read past.
///
/// * 1: JSON lines without a header, up to 0.1.0 of November 2026.
/// * 2: a header, a checksum per line, what a resource comes after.
pub const FORMAT: u32 = 2;

/// One record of the journal. What a program does not know it must not skip: the record may say that something is a
/// secret, or waits to be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", deny_unknown_fields)]
pub enum Event {
    /// The first record of a file.
    Begin {
        /// See [`FORMAT`].
        format: u32,
        /// Name and version of the program that began the file.
        program: String,
    },
    /// All that came before, folded; first line after a compaction.
    Snapshot {
        /// The fold.
        receipt: Receipt,
    },
    /// A resource was found as wanted, and is now looked after.
    Adopted {
        /// Which.
        id: ResourceId,
        /// Its specification.
        spec: Value,
        /// See [`super::Kind::memory`].
        #[serde(default)]
        memory: Option<Value>,
        /// What it comes after: see [`super::Node::after`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<ResourceId>,
    },
    /// A resource is about to change.
    Intent {
        /// Which.
        id: ResourceId,
        /// Its specification.
        spec: Value,
        /// What it was.
        prior: Value,
        /// Whether it was there at all.
        origin: Origin,
        /// What it comes after: see [`super::Node::after`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<ResourceId>,
    },
    /// A change that can cut the operator off is about to be made, and will be taken back unless confirmed.
    Guarded {
        /// What to take back, and when.
        change: Unconfirmed,
    },
    /// The time for a confirmation began anew, at the end of the run that made the change.
    Extended {
        /// When what waits will be taken back, microseconds since the epoch.
        until_us: i64,
    },
    /// The rollback has begun: it is too late to confirm.
    #[serde(rename = "taking_back")]
    RollingBack,
    /// Whatever waited for a confirmation got it.
    Confirmed,
    /// An unconfirmed change was rolled back.
    #[serde(rename = "taken_back")]
    RolledBack {
        /// What is on record of the resource from now on.
        before: Option<Entry>,
        /// Which, when, and what was left.
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
    /// A resource that is no longer wanted is about to go back to what was before us, which is on record.
    Removing {
        /// Which.
        id: ResourceId,
    },
    /// A resource is no longer looked after: it was restored, or left on purpose.
    Released {
        /// Which.
        id: ResourceId,
    },
    /// A value that the program remembers under a name.
    Noted {
        /// Name.
        name: String,
        /// Value.
        value: Value,
    },
}
