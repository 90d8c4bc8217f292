//! The guarantees of the engine for every kind: consent, guard, journal, kills, clocks, and two at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue panics")]

#[path = "../common/mod.rs"]
mod common;

mod before;
mod clock;
mod guard;
mod guard_units;
mod kills;
mod questions;
mod session;
mod two_at_once;
mod units_read;
