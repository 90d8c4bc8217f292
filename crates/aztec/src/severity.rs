//! How bad a finding is: one scale for every check, and for the error dictionary.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is, in ascending order. The worst of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Pass,
    /// It works, but not as it should, or not yet.
    Warn,
    /// The check got no answer, so it cannot tell. It has neither passed nor failed.
    Unknown,
    /// It does not work.
    Fail,
}

impl Severity {
    /// The word for people and machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// Whether a host with this finding may be changed, or counts as fit: nothing failed, and every check could tell.
    pub fn is_fit(self) -> bool {
        self < Self::Unknown
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
