//! A question that is asked before it is known whether its answer is the one that is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::Probe;
use crate::Fault;
use crate::tools::systemctl::UnitState;

/// Units that systemd was asked about ahead of a plan.
///
/// Its answer takes longer than all else that a plan of a host in sync reads. The units of the last run are most
/// often those of this one, so they are asked about while the configuration is still being read.
#[derive(Debug)]
pub struct Early {
    names: BTreeSet<String>,
    answer: JoinHandle<Result<BTreeMap<String, UnitState>, Fault>>,
}

impl Early {
    /// Asks, and does not wait. `None` when there is nothing to ask.
    pub fn ask(names: BTreeSet<String>, host: Arc<dyn Probe>) -> Option<Self> {
        if names.is_empty() {
            return None;
        }
        let asked = names.clone();
        let answer = std::thread::spawn(move || host.units(&asked));
        Some(Self { names, answer })
    }

    /// Their states, when systemd was asked about all of these; it may be those of more. `None` when it was not.
    pub fn about(
        self,
        names: &BTreeSet<String>,
    ) -> Option<Result<BTreeMap<String, UnitState>, Fault>> {
        if !names.is_subset(&self.names) {
            return None;
        }
        let answer = self.answer.join();
        Some(answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

#[cfg(all(test, feature = "fake"))]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_was_asked_about_is_answered() {
        let early = |asked: &[&str]| Early::ask(names(asked), Arc::new(FakeHost::default()));
        assert!(early(&[]).is_none());
        let two = ["a.service", "b.service"];
        for (wanted, answered) in [
            (&["a.service"][..], true),
            (&two[..], true),
            (&["a.service", "c.service"][..], false),
        ] {
            let early = early(&two).expect("there are units");
            assert_eq!(
                early.about(&names(wanted)).is_some(),
                answered,
                "{wanted:?}"
            );
        }
    }
}
