//! What loads tables of nftables: several bundles need it, and it leaves with the last of them.

use provision::engine::{Graph, ResourceId};
use provision::kinds::{Directory, DropIn, Owner, Packages};

use crate::Kinds;

/// Loads what Debian's `/etc/nftables.conf` and its like say, which begins by flushing every table.
const UNIT: &str = "nftables.service";

/// Our units are part of that one (`NftTable`), so that a restart and a reload of it load their tables again, and a stop
/// stops them. A start is none of these: it takes along what is stopped, and tells what is active.
const AGAIN: &str = "\
# Written by aztec-kit; changes here are undone by its next run.
[Unit]
Wants=aztec-kit-private-ports.service aztec-kit-published-ports.service

[Service]
ExecStartPost=-/usr/bin/systemctl --no-block try-reload-or-restart aztec-kit-*-ports.service
";

/// Adds the package, and what brings our tables back, unless another bundle has.
pub(crate) fn add<K: Kinds>(graph: &mut Graph<K>) -> ResourceId {
    let packages = Packages {
        purpose: "packet filter".into(),
        names: vec!["nftables".into()],
    };
    let resource = K::from(packages);
    let id = resource.id();
    if graph.get(&id).is_some() {
        return id;
    }
    graph.add(resource, []);
    let dir = Directory {
        path: DropIn::dir(UNIT),
        owner: Owner::root(0o755),
    };
    graph.add(dir, [id.clone()]);
    follow(graph, "50-aztec-kit", AGAIN);
    id
}

/// Adds what happens besides when that service is started, reloaded or stopped. After [`add`].
pub(crate) fn follow<K: Kinds>(graph: &mut Graph<K>, name: &str, text: &str) {
    let drop_in = DropIn {
        unit: UNIT.into(),
        name: name.into(),
        text: text.into(),
    };
    let dir = ResourceId::new("directory", DropIn::dir(UNIT).display());
    graph.add(drop_in, [dir]);
}

#[cfg(test)]
mod tests {
    use super::AGAIN;

    #[test]
    fn every_table_comes_back() {
        for table in [crate::firewall::table(&[]), crate::private::table(&[], &[])] {
            assert!(AGAIN.contains(&table.unit), "{}", table.unit);
            let name = table.unit.strip_prefix("aztec-kit-");
            assert!(name.is_some_and(|name| name.ends_with("-ports.service")));
        }
    }
}
