//! The one error of this crate.

use std::error::Error;

/// Something that failed: what, on what, and what to do next.
///
/// `what` reads as a sentence fragment ("failed to read /etc/passwd"); `fix` is a whole sentence
/// that tells the operator the next step.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    what: String,
    fix: Option<String>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault without a known cause.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: None,
            source: None,
        }
    }

    /// Attaches the remedy.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Attaches the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The remedy, of this fault or of the one that caused it.
    pub fn remedy(&self) -> Option<&str> {
        self.fix.as_deref().or_else(|| {
            self.source
                .as_deref()
                .and_then(|source| source.downcast_ref::<Fault>())
                .and_then(Fault::remedy)
        })
    }

    /// The fault and its causes in one line, outermost first.
    pub fn chain(&self) -> String {
        let mut line = self.what.clone();
        let mut next = self.source();
        while let Some(cause) = next {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}

impl From<npm::Error> for Fault {
    fn from(error: npm::Error) -> Self {
        let fault = Self::new(error.to_string());
        match error.fix() {
            Some(fix) => fault.fix(fix),
            None => fault,
        }
    }
}
