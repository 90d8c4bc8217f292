//! Everything that knows Aztec.
//!
//! [`settings`] turns `kit.toml` into validated [`Settings`](settings::Settings); [`desired`] is the pure
//! function from settings and host facts to the resources of a host; [`kinds`] adds the few resource
//! kinds that only Aztec has; [`checks`] ask a host and its chain whether they are well.

pub mod alert;
pub mod checks;
mod container;
mod data;
pub mod databases;
mod desired;
mod env;
mod facts;
mod features;
pub mod fit;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
pub mod keystores;
pub mod kinds;
mod layout;
mod names;
mod roles;
mod runtime;
pub mod settings;
mod severity;
mod signer;
mod unit;
mod units;

pub use data::{
    AgentSize, Basis, Description, Fingerprint, Funded, Genesis, KnownError, Network, OlderRollup,
    Refusal, Release, ReleaseFacts, Releases, RoleFacts, known_errors, networks,
};
pub use desired::{asked_for_nothing, desired};
pub use env::EnvFinding;
pub use facts::HostFacts;
pub use layout::{CONFIG, KIT_STATE, Layout, RUN_LOCK};
pub use names::{Component, Place, Role, Runtime};
pub use roles::KitToml;
pub use runtime::{Choice, choose};
pub use server::ssh::HINT as SSH_HINT;
pub use severity::Severity;
pub use units::Units;
