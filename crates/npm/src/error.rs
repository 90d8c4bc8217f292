//! The one error type of this crate.

/// What failed, on what, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    what: String,
    fix: Option<String>,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: None,
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// What the operator can do about it, as a whole sentence.
    pub fn fix(&self) -> Option<&str> {
        self.fix.as_deref()
    }
}
