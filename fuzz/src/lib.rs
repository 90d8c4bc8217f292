//! Every parser of foreign text, with what must hold for any bytes.
//!
//! [`targets`] is the list. CI tries it with inputs that [`Mutator`] makes of the cases in the parsers' own tests
//! (`tests/parsers.rs`); by hand libFuzzer does, which sees where each input gets (`cargo xtask fuzz`). A target that
//! does not hold panics.

#![allow(
    clippy::unwrap_used,
    reason = "what does not hold is a panic, and so found"
)]

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
