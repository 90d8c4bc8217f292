//! Convergent host resources, independent of any chain.
//!
//! * [`host`] is the only module that touches the operating system. [`host::Probe`] only reads, [`host::HostMut`] can
//!   also change. Plan, verify and status never get the second.
//! * [`engine`] orders resources, observes the drift of each, and converges them one by one behind a write-ahead
//!   journal.
//! * [`kinds`] are the resources themselves, one file or folder each.
//! * [`systemd`] writes the text of unit files.
//! * [`tools`] are pure parsers of files and of program output.

pub mod engine;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
pub mod host;
#[cfg(feature = "fake")]
pub mod kills;
pub mod kinds;
pub mod systemd;
pub mod tools;

pub mod code;
mod fault;
mod text;
pub use code::{Class, Code};
pub use fault::Fault;
pub use text::Text;
