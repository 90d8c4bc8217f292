//! Observes all resources of a desired state at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cx, Graph, Look, Node, Receipt, Resource};
use crate::Fault;
use crate::host::{Early, Probe, Snapshot};
use crate::tools::systemctl::UnitState;

/// Observes these nodes of the graph, and returns the observations in the same order. `early` are queries that were
/// started earlier.
///
/// Observations may run in parallel. systemd is asked once about all units, and resources that do not need its answer
/// are observed meanwhile. Its answer takes longest, so the query does not wait for a thread to start.
///
/// # Errors
///
/// When systemd does not answer.
pub(super) fn observe_all<R: Resource>(
    nodes: &[&Node<R>],
    graph: &Graph<R>,
    receipt: &Receipt,
    probe: &dyn Probe,
    mut early: Option<Early>,
) -> Result<Vec<Result<Look, Fault>>, Fault> {
    let snapshot = Snapshot::of(probe);
    let look = |node: &Node<R>, units: &BTreeMap<String, UnitState>| {
        let entry = receipt.get(&node.resource.id());
        node.resource.look(&Cx {
            probe: &snapshot,
            memory: entry.and_then(|entry| entry.memory.as_ref()),
            units: Some(units),
        })
    };
    let names = graph.units();
    let no_units = BTreeMap::new();
    let questions = graph.questions();
    let mut missing = questions.clone();
    missing.retain(|it| !early.as_ref().is_some_and(|early| early.asked(it)));
    let (first, units) = std::thread::scope(|scope| {
        if !missing.is_empty() {
            scope.spawn(|| snapshot.ahead(missing));
        }
        let first = scope.spawn(|| {
            let first = nodes
                .iter()
                .map(|node| needs_no_answer(&node.resource).then(|| look(node, &no_units)));
            first.collect::<Vec<_>>()
        });
        let units = units(&names, &snapshot, early.as_mut());
        if let Some(early) = early {
            snapshot.learn(early.answers(&questions));
        }
        let first = first.join();
        (
            first.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            units,
        )
    });
    let units = units?;
    let looks = nodes.iter().zip(first);
    Ok(looks
        .map(|(node, first)| first.unwrap_or_else(|| look(node, &units)))
        .collect())
}

/// Whether it can be observed before any program has answered.
fn needs_no_answer<R: Resource>(resource: &R) -> bool {
    resource.units().is_empty() && resource.question().is_none()
}

/// Asks systemd once about the units of all resources.
fn units(
    names: &BTreeSet<String>,
    probe: &dyn Probe,
    early: Option<&mut Early>,
) -> Result<BTreeMap<String, UnitState>, Fault> {
    let answer = early.and_then(|early| early.about(names));
    answer.unwrap_or_else(|| probe.units(names))
}
