//! What machines are told of a fault: its class, from which the exit code follows, and a code.

use serde::Serialize;

/// Whose turn it is after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What was asked, or configured, or given cannot be meant. Nothing was touched.
    Usage,
    /// It could be done, and must not be now: the host is not fit, or nobody agreed. Nothing was touched.
    Refused,
    /// Somebody else is at work. The same command may succeed later.
    Conflict,
    /// A program, a file or a network failed.
    Environment,
    /// This program does not do what its makers meant.
    Internal,
}

/// The name of a fault. It is stable: what machines do next may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// In kebab case.
    pub name: &'static str,
    /// Its class.
    pub class: Class,
}

impl Code {
    /// A code of this class.
    pub const fn new(name: &'static str, class: Class) -> Self {
        Self { name, class }
    }
}

/// Nothing more is said than that it is [`Class::Usage`].
pub const USAGE: &Code = &Code::new("usage", Class::Usage);
/// Nothing more is said than that it is [`Class::Refused`].
pub const REFUSED: &Code = &Code::new("refused", Class::Refused);
/// Nothing more is said than that it is [`Class::Environment`], as of any fault of which nothing is said.
pub const FAILED: &Code = &Code::new("failed", Class::Environment);
/// Nothing more is said than that it is [`Class::Internal`].
pub const INTERNAL: &Code = &Code::new("internal", Class::Internal);
/// Another run, or what it left behind, changes this host.
pub const LOCK_HELD: &Code = &Code::new("lock-held", Class::Conflict);
/// A disk that was there is not.
pub const DISK_MISSING: &Code = &Code::new("disk-missing", Class::Refused);
/// A newer version of this program was here.
pub const NEWER_RECORD: &Code = &Code::new("newer-record", Class::Refused);
/// It was interrupted, and stopped between two steps.
pub const INTERRUPTED: &Code = &Code::new("interrupted", Class::Environment);

/// The codes of this crate.
pub const ALL: [&Code; 8] = [
    USAGE,
    REFUSED,
    FAILED,
    INTERNAL,
    LOCK_HELD,
    DISK_MISSING,
    NEWER_RECORD,
    INTERRUPTED,
];
