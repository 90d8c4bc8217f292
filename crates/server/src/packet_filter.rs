//! What loads tables of nftables: several bundles need it, and it leaves with the last of them.

use provision::engine::{Graph, Kind as _, ResourceId};
use provision::kinds::{Directory, DropIn, Owner, Packages};
use provision::systemd::{Section, UnitFile};

use crate::Kinds;

/// Loads what Debian's `/etc/nftables.conf` and its like say, which begins by flushing every table.
const UNIT: &str = "nftables.service";

/// Our units are part of that one (`NftTable`), so that a restart and a reload of it load their tables again, and a stop
/// stops them. A start is none of these: it takes along what is stopped, and tells what is active.
fn again() -> UnitFile {
    UnitFile::drop_in()
        .section(Section::unit().set(
            "Wants",
            "aztec-kit-private-ports.service aztec-kit-published-ports.service",
        ))
        .section(Section::service().set(
            "ExecStartPost",
            "-/usr/bin/systemctl --no-block try-reload-or-restart aztec-kit-*-ports.service",
        ))
}

/// Adds the package, and what brings our tables back, unless another bundle has: what a table comes after.
pub(crate) fn add<K: Kinds>(graph: &mut Graph<K>) -> ResourceId {
    let packages = Packages {
        purpose: "packet filter".into(),
        names: vec!["nftables".into()],
    };
    let again = drop_in("50-aztec-kit", &again());
    if graph.get(&again.id()).is_some() {
        return again.id();
    }
    let packages = graph.add(packages, []);
    let dir = Directory {
        path: DropIn::dir(UNIT),
        owner: Owner::root(0o755),
    };
    let dir = graph.add(dir, [packages]);
    graph.add(again, [dir])
}

/// Adds what happens besides when that service is started, reloaded or stopped. After [`add`].
pub(crate) fn follow<K: Kinds>(graph: &mut Graph<K>, name: &str, text: &UnitFile) {
    let dir = ResourceId::new("directory", DropIn::dir(UNIT).display());
    graph.add(drop_in(name, text), [dir]);
}

fn drop_in(name: &str, text: &UnitFile) -> DropIn {
    DropIn {
        unit: UNIT.into(),
        name: name.into(),
        text: text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::again;

    #[test]
    fn every_table_comes_back() {
        let again = again().to_string();
        for table in [crate::firewall::table(&[]), crate::private::table(&[], &[])] {
            assert!(again.contains(&table.unit), "{}", table.unit);
            let name = table.unit.strip_prefix("aztec-kit-");
            assert!(name.is_some_and(|name| name.ends_with("-ports.service")));
        }
    }
}
