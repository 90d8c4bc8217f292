//! The findings of the lint.

use std::fmt;

use serde::Serialize;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The node does not do what the line intends.
    Error,
    /// It does no harm today.
    Warning,
}

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

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
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
