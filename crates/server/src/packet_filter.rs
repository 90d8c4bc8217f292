//! The package that loads tables of nftables. Several bundles need it, and it is removed with the last of them.

use provision::engine::{Graph, Kind as _, ResourceId};
use provision::kinds::{Directory, DropIn, Owner, Packages};
use provision::systemd::{Section, UnitFile};

use crate::Kinds;

/// Loads Debian's `/etc/nftables.conf` or a similar file, which begins by flushing every table.
const UNIT: &str = "nftables.service";

/// Reloads the tables of aztec-kit. Their units are part of `nftables.service` (`NftTable`), so its restart and reload
/// also load them again, and its stop stops them. Its start does not: it starts the stopped units, and reloads the
/// active ones.
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

/// Adds the package and the drop-in that reloads the tables, unless another bundle has. Returns the dependency of a
/// table.
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

/// Adds a drop-in with more actions when that service is started, reloaded or stopped. Call it after [`add`].
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
