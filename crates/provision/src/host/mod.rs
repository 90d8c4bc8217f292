//! The only code that touches the operating system.

mod early;
mod engine;
#[cfg(feature = "fake")]
pub mod fake;
mod invocation;
mod output;
mod path;
mod place;
mod probe;
mod program;
mod query;
mod random_reads;
mod real;
mod real_hands;
mod snapshot;
mod staged;
mod stamp;
mod unreadable;

pub use early::Early;
pub use engine::Engine;
pub use invocation::Invocation;
pub use output::{Output, Unfinished};
pub use path::resolved;
pub use probe::{Clock, FileType, Held, HostMut, Meta, NewFile, Probe, RandomReads, Space};
pub use query::Query;
pub use real::RealHost;
pub(crate) use real_hands::RealHostMut;
pub use snapshot::Snapshot;
pub use staged::is_staged;
pub(crate) use staged::{clear_staged, staged};
pub use stamp::{newest_change, stamp};
