//! `aztec-kit keys` as an operator uses it, in directories of the test's own.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod checking;
mod making;
mod support;
