//! Kills in memory, for tests. A run dies at every write of the host and around every record of the journal, and the
//! next run must continue from the state that it left.
//!
//! For a reader of the journal, a kill in the middle of a record equals one before it: `tests/journal.rs` tests that on
//! real bytes, at each of them.

mod mortal;
mod place;
mod run;
mod same;
mod tally;
mod walk;

pub use place::Kill;
pub use run::{Ran, State, all, dying, each, run};
pub use tally::Tally;
pub use walk::Walk;
