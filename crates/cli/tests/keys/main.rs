//! `aztec-kit keys` as an operator uses it, in directories of the test's own.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod checking;
mod files;
mod making;
#[path = "../../../l1/tests/stub/mod.rs"]
mod stub;
mod support;
