//! The machine-readable form of a fault: its class, which decides the exit code, and a code.

use serde::Serialize;

/// Who has to act after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The arguments or the configuration are invalid. Nothing was changed.
    Usage,
    /// The action is possible but not allowed now: the host is not fit, or nobody consented. Nothing was changed.
    Refused,
    /// Another process is at work. The same command may succeed later.
    Conflict,
    /// A program, a file or a network failed.
    Environment,
    /// A bug in aztec-kit.
    Internal,
}

/// The name of a fault. It is stable, so programs may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The name in kebab case.
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

/// A fault of [`Class::Usage`] without a more specific code.
pub const USAGE: &Code = &Code::new("usage", Class::Usage);
/// A fault of [`Class::Refused`] without a more specific code.
pub const REFUSED: &Code = &Code::new("refused", Class::Refused);
/// A fault of [`Class::Environment`] without a more specific code; the default.
pub const FAILED: &Code = &Code::new("failed", Class::Environment);
/// A fault of [`Class::Internal`] without a more specific code.
pub const INTERNAL: &Code = &Code::new("internal", Class::Internal);
/// Another run, or a process that it left behind, is changing this host.
pub const LOCK_HELD: &Code = &Code::new("lock-held", Class::Conflict);
/// A disk that was mounted is missing.
pub const DISK_MISSING: &Code = &Code::new("disk-missing", Class::Refused);
/// A newer version of aztec-kit was used here.
pub const NEWER_RECORD: &Code = &Code::new("newer-record", Class::Refused);
/// The run was interrupted and stopped between two steps.
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
