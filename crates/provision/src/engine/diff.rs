//! Typed differences between what is and what shall be.

use serde::Serialize;
use similar::TextDiff;

/// One side of a change, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// There is nothing there.
    Nothing,
    /// A value that anyone may read.
    Text(String),
    /// A value that is never shown.
    Secret,
}

impl Shown {
    /// A value that anyone may read.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("(none)"),
            Self::Text(text) => f.write_str(text),
            Self::Secret => f.write_str("(secret)"),
        }
    }
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// A value goes from one to another.
    Field {
        /// What differs.
        field: String,
        /// What is.
        from: Shown,
        /// What shall be.
        to: Shown,
    },
    /// The text of a file changes.
    Content {
        /// Unified diff, without file headers.
        patch: String,
    },
}

impl Change {
    /// A value goes from one to another.
    pub fn field(field: impl Into<String>, from: Shown, to: Shown) -> Self {
        Self::Field {
            field: field.into(),
            from,
            to,
        }
    }

    /// The text of a file changes.
    pub fn content(from: &str, to: &str) -> Self {
        Self::Content {
            patch: TextDiff::from_lines(from, to)
                .unified_diff()
                .context_radius(2)
                .to_string(),
        }
    }
}

/// What lies between the host and one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diff {
    /// Nothing to do, with the reason.
    InSync(String),
    /// Every difference, not just the first.
    Change(Vec<Change>),
    /// It cannot be told yet, because it depends on something that is not there; the reason.
    Unknown(String),
}

impl Diff {
    /// [`Diff::InSync`] when there are no changes.
    pub fn of(changes: Vec<Change>, in_sync: impl FnOnce() -> String) -> Self {
        if changes.is_empty() {
            Self::InSync(in_sync())
        } else {
            Self::Change(changes)
        }
    }
}
