//! What was checked, and how it ended.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::Result;

/// The outcomes of a run of checks.
#[derive(Debug, Default)]
pub struct Tally {
    passed: usize,
    failed: Vec<&'static str>,
    unsteady: Vec<&'static str>,
}

impl Tally {
    /// Runs a check and counts it.
    pub fn check(&mut self, name: &'static str, check: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let begin = Instant::now();
        let outcome = check();
        self.count(name, begin, outcome);
    }

    /// Counts a check that began then.
    pub fn count(&mut self, name: &'static str, begin: Instant, outcome: Result<()>) {
        if said(name, begin, outcome) {
            self.passed += 1;
        } else {
            self.failed.push(name);
        }
    }

    /// Runs a check that failed once more. When it holds now it is unsteady: passed, and named in the end.
    pub fn again(&mut self, name: &'static str, check: impl FnOnce() -> Result<()>) {
        println!("\n== {name}, once more");
        let begin = Instant::now();
        if said(name, begin, check()) {
            self.failed.retain(|failed| *failed != name);
            self.unsteady.push(name);
            self.passed += 1;
        }
    }

    /// The names of what failed.
    pub fn failed(&self) -> &[&'static str] {
        &self.failed
    }

    /// What did not simply pass, and as the last line `N passed, N failed`.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for name in &self.unsteady {
            let _ = writeln!(text, "unsteady: {name} failed and then held; find out why");
        }
        for name in &self.failed {
            let _ = writeln!(text, "failed: {name}");
        }
        let _ = writeln!(text, "{} passed, {} failed", self.passed, self.failed.len());
        text
    }
}

/// Says how a check ended; returns whether it held.
fn said(name: &str, begin: Instant, outcome: Result<()>) -> bool {
    let time = begin.elapsed().as_secs_f64();
    let Err(error) = outcome else {
        println!("   ok: {name} ({time:.1} s)");
        return true;
    };
    println!("   FAILED: {name} ({time:.1} s)");
    // One cause a line, and no backtrace: it would only show this program's insides.
    for cause in error.chain() {
        println!("   {cause}");
    }
    false
}

#[cfg(test)]
mod tests {
    use anyhow::{Result, bail};

    use super::Tally;

    fn wrong() -> Result<()> {
        bail!("it is wrong")
    }

    #[test]
    fn a_second_try_that_holds_is_passed_and_named() {
        let mut tally = Tally::default();
        tally.check("right", || Ok(()));
        tally.check("shaky", wrong);
        tally.again("shaky", || Ok(()));
        assert!(tally.failed().is_empty());
        let summary = tally.summary();
        assert!(summary.starts_with("unsteady: shaky "), "{summary}");
        assert!(summary.ends_with("\n2 passed, 0 failed\n"), "{summary}");
    }

    #[test]
    fn what_fails_twice_has_failed_once() {
        let mut tally = Tally::default();
        tally.check("wrong", wrong);
        tally.again("wrong", wrong);
        assert_eq!(tally.failed(), ["wrong"]);
        assert_eq!(tally.summary(), "failed: wrong\n0 passed, 1 failed\n");
    }
}
