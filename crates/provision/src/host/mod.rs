//! The edge: the only code that touches the operating system.

mod command;
mod engine;
#[cfg(feature = "fake")]
pub mod fake;
#[cfg(feature = "fake")]
mod fake_aide;
#[cfg(feature = "fake")]
mod fake_engine;
mod probe;
mod real;
mod snapshot;
mod stamp;

pub use command::{Order, Output, Query};
pub use engine::Engine;
pub use probe::{Clock, FileType, Hands, Meta, NewFile, Probe, Space};
pub use real::RealHost;
pub use snapshot::Snapshot;
pub use stamp::{newest_change, stamp};
