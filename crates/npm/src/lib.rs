//! Installs the packages of an npm lock file, as `npm ci --ignore-scripts --omit=dev` does, without npm.
//!
//! [`Lock::parse`] reads `package-lock.json` (lockfileVersion 2 and 3, see package-lock.json(5) of npm) and selects the
//! packages for a platform. [`install`] fetches them in parallel and unpacks them. A tarball is parsed only after its
//! SHA-512 was found equal to that of the lock file, so a mirror need not be trusted. No file is written twice.
//!
//! Some features of npm are missing: install scripts and workspaces. Packages from git, from directories, or without a
//! SHA-512 are refused. The crate writes no `node_modules/.package-lock.json`, which only npm reads.

mod config;
mod error;
mod fetch;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod inflated;
mod install;
mod lock;
mod omit;
mod unpack;

pub use config::{Config, DEFAULT_REGISTRY};
pub use error::Error;
pub use inflated::inflated;
pub use install::install;
pub use lock::{Lock, Package, Platform};
pub use omit::Omit;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
