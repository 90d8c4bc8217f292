//! The findings of the lint.

use std::fmt;

use serde::Serialize;

use crate::severity::Severity;

/// One finding in an environment file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvFinding {
    /// The file, as the caller named it.
    pub file: String,
    /// Line of the assignment, from 1.
    pub line: usize,
    /// Name of the variable; empty if the line has none.
    pub variable: String,
    /// Its severity.
    pub severity: Severity,
    /// The mistake; never the value.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for EnvFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            variable,
            severity,
            message,
            fix,
        } = self;
        write!(f, "{severity}: {file}:{line}: ")?;
        if !variable.is_empty() {
            write!(f, "{variable}: ")?;
        }
        write!(f, "{message}. {fix}")
    }
}
