//! Errors of the L1 and of keys, as faults of a run.

use provision::Fault;

/// An error of the L1 or of a key, with its fix.
pub(super) fn fault(what: &str, error: impl Into<l1::Error>) -> Fault {
    let error = error.into();
    Fault::new(what).fix(error.fix()).because(error.to_string())
}
