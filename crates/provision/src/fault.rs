//! The one error of this crate.

use std::error::Error;

/// Something that failed: what, on what, and what to do next.
///
/// `what` reads as a sentence fragment ("failed to read /etc/passwd"); `fix` is a whole sentence
/// that tells the operator the next step.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    // Boxed texts keep every `Result` small.
    what: Box<str>,
    fix: Option<Box<str>>,
    refusal: bool,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault without a known cause.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into().into_boxed_str(),
            fix: None,
            refusal: false,
            source: None,
        }
    }

    /// Attaches the remedy.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into().into_boxed_str());
        self
    }

    /// Says that nothing was tried: what was asked, or what is on record, forbids it.
    #[must_use]
    pub fn refusal(mut self) -> Self {
        self.refusal = true;
        self
    }

    /// Whether nothing was tried, see [`Fault::refusal`].
    pub fn is_refusal(&self) -> bool {
        self.refusal || self.cause().is_some_and(Self::is_refusal)
    }

    fn cause(&self) -> Option<&Self> {
        self.source.as_deref()?.downcast_ref()
    }

    /// Attaches the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The remedy, of this fault or of the one that caused it.
    pub fn remedy(&self) -> Option<&str> {
        let cause = || self.cause().and_then(Self::remedy);
        self.fix.as_deref().or_else(cause)
    }

    /// The fault and its causes in one line, outermost first.
    pub fn chain(&self) -> String {
        let mut line = self.what.to_string();
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
