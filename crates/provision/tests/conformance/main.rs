//! The contract of every resource kind, tried on a host in memory: one program, for each costs a second to link.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

mod at_boot;
mod baseline;
mod checked;
mod directory_input;
mod disk;
mod drop_in;
mod every_kind;
mod firewall;
mod image;
mod npm_tree;
mod packages;
mod removal;
mod sshd;
