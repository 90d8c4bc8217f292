//! How a run ends. The codes are a contract: see `docs/reference/exit-codes.md`.

use provision::Fault;
use provision::engine::{Applied, ResourceId};

/// Success, or in sync.
pub const OK: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// Bad usage or configuration; nothing was touched.
pub const USAGE: u8 = 2;
/// There is something to change.
pub const PENDING: u8 = 3;
/// Some of it was applied; the same command goes on.
pub const PARTIAL: u8 = 4;

/// A run that did not end well.
#[derive(Debug)]
pub struct Failure {
    /// One of the codes above.
    pub code: u8,
    /// What failed.
    pub fault: Fault,
    /// What had been changed before.
    pub applied: Vec<Applied>,
    /// What waits for `aztec-kit confirm`.
    pub unconfirmed: Vec<ResourceId>,
}

impl Failure {
    /// Bad usage or configuration, before anything was touched.
    pub fn usage(fault: Fault) -> Self {
        Self::new(USAGE, fault)
    }

    /// Anything else.
    pub fn failed(fault: Fault) -> Self {
        Self::new(FAILED, fault)
    }

    fn new(code: u8, fault: Fault) -> Self {
        Self {
            code,
            fault,
            applied: Vec::new(),
            unconfirmed: Vec::new(),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if fault.is_refusal() {
            Self::usage(fault)
        } else {
            Self::failed(fault)
        }
    }
}
