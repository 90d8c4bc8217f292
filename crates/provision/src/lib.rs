//! Convergent host resources, independent of any chain.
//!
//! * [`host`] is the only room that touches the operating system. [`host::Probe`] can only look,
//!   [`host::HostMut`] can also change; plan, verify and status never get hold of the second.
//! * [`engine`] orders resources, asks each for its difference, and converges them one by one
//!   behind a write-ahead journal.
//! * [`kinds`] are the resources themselves, one file each.
//! * [`systemd`] writes the text of unit files.
//! * [`tools`] are pure parsers of what files and programs say.

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
