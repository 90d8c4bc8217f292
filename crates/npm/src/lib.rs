//! The packages of an npm lock file on disk: what `npm ci --ignore-scripts --omit=dev` does, without npm.
//!
//! [`Lock::parse`] reads `package-lock.json` (lockfileVersion 2 and 3, see package-lock.json(5) of npm) and says what
//! belongs on a platform; [`install`] fetches it in parallel and unpacks it. A tarball is parsed only once its SHA-512
//! is the one in the lock, so that a mirror need not be trusted, and no file is written twice.
//!
//! What it leaves out of npm: install scripts, workspaces, and packages from git, from directories, or without a
//! SHA-512, which are refused. It writes no `node_modules/.package-lock.json`, which only npm reads.

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

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;
