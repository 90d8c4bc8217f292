//! The error type of this crate.

use std::error::Error;

use crate::code::{self, Class, Code};

/// A failure: what failed, on what, and what to do next.
///
/// `what` reads as a sentence fragment ("failed to read /etc/passwd"); `fix` is a whole sentence that tells the
/// operator the next step.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    // Boxed texts keep every `Result` small.
    what: Box<str>,
    fix: Option<Box<str>>,
    code: Option<&'static Code>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault without a known cause.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into().into_boxed_str(),
            fix: None,
            code: None,
            source: None,
        }
    }

    /// Attaches the remedy.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into().into_boxed_str());
        self
    }

    /// Sets its machine-readable code, which decides its class.
    #[must_use]
    pub fn coded(mut self, code: &'static Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets its code unless it, or its cause, has one already.
    #[must_use]
    pub fn or_coded(self, code: &'static Code) -> Self {
        match self.known() {
            Some(_) => self,
            None => self.coded(code),
        }
    }

    /// Marks it as a refusal: the arguments or the record forbid the action, and nothing was tried.
    #[must_use]
    pub fn refusal(self) -> Self {
        self.coded(code::REFUSED)
    }

    /// Its code, or that of its cause.
    pub fn code(&self) -> &'static Code {
        self.known().unwrap_or(code::FAILED)
    }

    fn known(&self) -> Option<&'static Code> {
        self.code.or_else(|| self.cause()?.known())
    }

    /// Who has to act now.
    pub fn class(&self) -> Class {
        self.code().class
    }

    /// Whether it is a refusal: nothing was tried.
    pub fn is_refusal(&self) -> bool {
        self.class() == Class::Refused
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

    /// The remedy of this fault or of its cause.
    pub fn remedy(&self) -> Option<&str> {
        let cause = || self.cause().and_then(Self::remedy);
        self.fix.as_deref().or_else(cause)
    }

    /// The same fault with another text and without its causes. `fix` rewrites the remedy.
    #[must_use]
    pub fn reworded(&self, what: String, fix: impl FnOnce(&str) -> String) -> Self {
        Self {
            what: what.into_boxed_str(),
            fix: self.remedy().map(|text| fix(text).into_boxed_str()),
            code: self.known(),
            source: None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_the_code_of_its_cause_unless_it_has_its_own() {
        let plain = || Fault::new("the file cannot be read");
        assert_eq!(plain().code(), code::FAILED);
        let held = || Fault::new("another run").coded(code::LOCK_HELD);
        let around = plain().because(held());
        assert_eq!(around.code(), code::LOCK_HELD);
        assert_eq!(around.class(), Class::Conflict);
        assert_eq!(around.or_coded(code::USAGE).code(), code::LOCK_HELD);
        assert_eq!(plain().or_coded(code::USAGE).class(), Class::Usage);
        assert!(plain().because(held()).refusal().is_refusal());
    }
}
