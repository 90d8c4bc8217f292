//! Queries that run before it is certain that their answers are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};

use super::{Output, Probe, Query};
use crate::Fault;
use crate::tools::systemctl::UnitState;

/// The queries that were started ahead of a plan.
///
/// Their answers take longer than all other reads of a plan in sync. This plan usually needs the queries of the last
/// run, so they run while the configuration is being read.
#[derive(Debug)]
pub struct Early {
    names: BTreeSet<String>,
    states: Option<JoinHandle<Result<BTreeMap<String, UnitState>, Fault>>>,
    answers: Vec<(Query, JoinHandle<Result<Output, Fault>>)>,
}

impl Early {
    /// Starts a query for these units and all other queries, and does not wait. `None` when there is nothing to ask.
    pub fn ask(names: BTreeSet<String>, queries: &[Query], host: &Arc<dyn Probe>) -> Option<Self> {
        if names.is_empty() && queries.is_empty() {
            return None;
        }
        let states = (!names.is_empty()).then(|| {
            let (names, host) = (names.clone(), Arc::clone(host));
            spawn(move || host.units(&names))
        });
        let answer = |query: &Query| {
            let (own, host) = (query.clone(), Arc::clone(host));
            (query.clone(), spawn(move || host.ask(&own)))
        };
        Some(Self {
            names,
            states,
            answers: queries.iter().map(answer).collect(),
        })
    }

    /// The states of units, if the query included all of these; it may include more. `None` otherwise.
    pub fn about(
        &mut self,
        names: &BTreeSet<String>,
    ) -> Option<Result<BTreeMap<String, UnitState>, Fault>> {
        if !names.is_subset(&self.names) {
            return None;
        }
        self.states.take().map(joined)
    }

    /// Whether this query was started.
    pub fn asked(&self, query: &Query) -> bool {
        self.answers.iter().any(|(started, _)| started == query)
    }

    /// The answers to these queries. A query without an answer can be run again.
    pub fn answers(self, queries: &[Query]) -> Vec<(Query, Output)> {
        let answers = self.answers.into_iter();
        answers
            .filter(|(query, _)| queries.contains(query))
            .filter_map(|(query, answer)| Some((query, joined(answer).ok()?)))
            .collect()
    }
}

fn joined<T>(answer: JoinHandle<T>) -> T {
    let answer = answer.join();
    answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(all(test, feature = "fake"))]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn early(units: &[&str], queries: &[Query]) -> Option<Early> {
        let host: Arc<dyn Probe> = Arc::new(FakeHost::default());
        Early::ask(names(units), queries, &host)
    }

    #[test]
    fn only_queried_units_are_answered() {
        assert!(early(&[], &[]).is_none());
        let two = ["a.service", "b.service"];
        for (units, answered) in [
            (&["a.service"][..], true),
            (&two[..], true),
            (&["a.service", "c.service"][..], false),
        ] {
            let mut early = early(&two, &[]).expect("there are units");
            assert_eq!(early.about(&names(units)).is_some(), answered, "{units:?}");
        }
    }

    #[test]
    fn only_the_given_queries_are_waited_for() {
        let queries = [Query::Ruleset, Query::Nat];
        let early = early(&[], &queries).expect("there are questions");
        assert!(early.asked(&Query::Nat) && !early.asked(&Query::AptConfig));
        let answers = early.answers(&[Query::Ruleset, Query::AptConfig]);
        let answered: Vec<_> = answers.iter().map(|(query, _)| query).collect();
        assert_eq!(answered, [&Query::Ruleset]);
    }
}
