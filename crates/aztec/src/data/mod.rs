//! Networks and releases: data, read from the files under `data/`.

mod cause;
mod check;
mod error;
mod fingerprint;
pub(crate) mod folder;
mod foundry;
mod network;
mod omit;
mod release;
mod releases;
mod role;
mod variables;
mod versions;

pub(crate) use cause::{Consequences, causes};
pub(crate) use check::{Wrong, facts as wrong_fact};
pub use error::{KnownError, known_errors};
pub use fingerprint::{Fingerprint, Funded, Genesis};
pub(crate) use foundry::foundry;
pub use network::{Network, OlderRollup, Store, networks};
pub use omit::Omitted;
pub use release::{AgentSize, Basis, Description, Release, ReleaseFacts};
pub use releases::Releases;
pub(crate) use releases::version;
pub use role::{Refusal, RoleFacts};
pub(crate) use variables::{Common, Empty, Removed, Table, Type, Variable, common};
pub(crate) use versions::major;

/// The lock file of npm itself, for releases without one; see `data/npm/README.md`.
pub(crate) const NPM: &str = include_str!("../../data/npm/package-lock.json");
