//! The contract of every resource kind, tested on a host in memory. It is one program, because each costs a second to
//! link.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue panics")]

#[path = "../common/mod.rs"]
mod common;

mod at_boot;
mod baseline;
mod checked;
mod covered;
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
