//! Networks and releases: data, read from the files under `data/`.

mod carried;
mod error;
mod network;
mod omit;
mod release;
mod role;

pub(crate) use carried::{Carried, carried};
pub use error::{KnownError, known_errors};
pub use network::{Network, networks};
pub use omit::Omitted;
pub use release::{AgentSize, Basis, Description, Release, ReleaseFacts, release};
pub(crate) use release::{check_version, known_releases};
pub use role::{Place, Refusal, Role, RoleFacts};

/// Anvil and forge for the local L1: the newest that 4.1.2's deployment works with (forge 1.7 rejects its
/// `--batch-size` call).
pub(crate) const FOUNDRY: (&str, &str, &str) = (
    "1.4.4",
    include_str!("../../data/foundry/1.4.4/package.json"),
    include_str!("../../data/foundry/1.4.4/package-lock.json"),
);

/// Oldest glibc that they load with (objdump of both).
pub(crate) const FOUNDRY_GLIBC: (u32, u32) = (2, 35);

/// The lock file of npm itself, for releases without one; see `data/npm/README.md`.
pub(crate) const NPM: &str = include_str!("../../data/npm/package-lock.json");
