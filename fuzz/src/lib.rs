//! Every parser of foreign text, with the properties that hold for any bytes.
//!
//! [`targets`] is the list. CI tests it with inputs that [`Mutator`] makes from the cases in the parsers' own tests
//! (`tests/parsers.rs`). By hand, libFuzzer does it with coverage (`cargo xtask fuzz`). A target panics if a property
//! does not hold.

#![allow(clippy::unwrap_used, reason = "a panic is how a target fails")]

mod literals;
mod mutate;
mod targets;
#[path = "../../crates/cli/src/terminal.rs"]
mod terminal;
mod trial;
#[path = "../../crates/cli/src/urls/words.rs"]
mod words;

pub use mutate::Mutator;
pub use targets::{Target, targets};
pub use trial::{Broken, Trial, watch};
