//! Hands over the record of something that one resource made and another one manages now.
//!
//! A later version may split one resource into two. The new resource would adopt its part, so the part would never be
//! removed. The old one would remove that part together with the rest. For this reason the record of the part is handed
//! over.

use std::collections::BTreeSet;

use super::{Entry, Graph, Origin, Receipt, Resource, ResourceId};

/// A resource with parts that other resources of its kind may have too.
struct Taker<R> {
    id: ResourceId,
    resource: R,
    /// Whether it is in the desired state.
    desired: bool,
    after: Vec<ResourceId>,
}

/// Hands over the records of parts that another resource made. Returns whether there were any.
pub(super) fn inherit<R: Resource>(graph: &Graph<R>, receipt: &mut Receipt) -> bool {
    let desired = graph.ids();
    let nodes = graph.nodes().iter().map(|node| Taker {
        id: node.resource.id(),
        resource: node.resource.clone(),
        desired: true,
        after: node.after.clone(),
    });
    let entries = receipt
        .entries
        .iter()
        .filter(|it| !desired.contains(&it.id));
    let entries = entries.filter_map(|entry| {
        Some(Taker {
            id: entry.id.clone(),
            resource: entry.resource().ok()?,
            desired: false,
            after: entry.after.clone(),
        })
    });
    let takers = nodes.chain(entries);
    let takers: Vec<Taker<R>> = takers
        .filter(|it| !it.resource.parts().is_empty())
        .collect();
    let mut any = false;
    for taker in &takers {
        // A resource that changed something itself has its own prior state.
        let made_some = |entry: &Entry| entry.id == taker.id && entry.origin != Origin::Adopted;
        if receipt.entries.iter().any(made_some) {
            continue;
        }
        for giver in takers.iter().filter(|it| it.id != taker.id) {
            let keeps = match (giver.desired, taker.desired) {
                // The giver is a leftover, and the taker stays.
                (false, true) => BTreeSet::new(),
                _ => giver.resource.parts(),
            };
            let parts = taker.resource.parts();
            let parts: BTreeSet<_> = parts.difference(&keeps).cloned().collect();
            any |= hand_over(giver, taker, &parts, receipt);
        }
    }
    any
}

fn hand_over<R: Resource>(
    giver: &Taker<R>,
    taker: &Taker<R>,
    parts: &BTreeSet<String>,
    receipt: &mut Receipt,
) -> bool {
    let by_giver = |entry: &&mut Entry| entry.id == giver.id && entry.origin != Origin::Adopted;
    let Some(from) = receipt.entries.iter_mut().find(by_giver) else {
        return false;
    };
    let Some((taken, rest)) = giver.resource.divided(&from.prior, parts) else {
        return false;
    };
    from.prior = rest;
    let known = receipt.entries.iter_mut().find(|it| it.id == taker.id);
    match (known, serde_json::to_value(&taker.resource)) {
        (Some(to), _) => (to.origin, to.prior) = (Origin::Changed, taken),
        (None, Ok(spec)) => receipt.entries.push(Entry {
            id: taker.id.clone(),
            spec,
            origin: Origin::Changed,
            prior: taken,
            memory: None,
            open: false,
            after: taker.after.clone(),
        }),
        (None, Err(_)) => return false,
    }
    true
}
