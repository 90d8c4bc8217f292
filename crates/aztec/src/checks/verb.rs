//! The verbs that run checks.

use serde::Serialize;

/// What runs a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// `preflight`.
    Preflight,
    /// `setup`, `bootstrap` and `apply`, before they change anything.
    Apply,
    /// `bootstrap`, at its end.
    Bootstrap,
    /// `plan`.
    Plan,
    /// `status`.
    Status,
    /// `smoke`.
    Smoke,
    /// `keys check`.
    Keys,
    /// `explain`.
    Explain,
    /// `doctor`, which runs every check that does not wait.
    Doctor,
}

impl Verb {
    /// Before a change.
    pub(super) const BEFORE: &[Self] = &[Self::Preflight, Self::Apply];
    /// Before a change, and in `status`.
    pub(super) const ALWAYS: &[Self] = &[Self::Preflight, Self::Apply, Self::Status];
}
