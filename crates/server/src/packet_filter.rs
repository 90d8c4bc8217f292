//! What loads tables of nftables: several bundles need it, and it leaves with the last of them.

use provision::engine::{Graph, ResourceId};
use provision::kinds::Packages;

use crate::Kinds;

/// Adds the package, unless another bundle has.
pub(crate) fn add<K: Kinds>(graph: &mut Graph<K>) -> ResourceId {
    let packages = Packages {
        purpose: "packet filter".into(),
        names: vec!["nftables".into()],
    };
    let resource = K::from(packages);
    let id = resource.id();
    match graph.get(&id) {
        Some(_) => id,
        None => graph.add(resource, []),
    }
}
