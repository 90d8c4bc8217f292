//! A drop-in exists, and systemd has read it, wherever a run is killed.

use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kinds::{Directory, DropIn, Owner};

use crate::common::{self, run};

provision::resources! {
    /// The drop-in and its directory.
    enum Host {
        Directory(Directory),
        DropIn(DropIn),
    }
}

const DIR: &str = "/etc/systemd/system/x.service.d";

fn graph() -> Graph<Host> {
    let mut graph = Graph::default();
    let drop_in = DropIn {
        unit: "x.service".into(),
        name: "50-ours".into(),
        text: "[Service]\nExecStartPost=/bin/true\n".into(),
    };
    let dir = Directory {
        path: DIR.into(),
        owner: Owner::root(0o755),
    };
    let dir = graph.add(dir, []);
    graph.add(drop_in, [dir]);
    graph
}

fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    let unit = "/etc/systemd/system/x.service";
    host.plant(unit, FileType::File, b"[Service]\n", 0o644);
    host.read_units();
    host
}

#[test]
fn a_drop_in_survives_a_kill_at_every_place() {
    common::walked(&graph(), host(), &[]);
}

#[test]
fn one_that_systemd_has_not_read_is_a_difference() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let path = format!("{DIR}/50-ours.conf");
    host.plant(DIR, FileType::Directory, b"", 0o755);
    let text = b"[Service]\nExecStartPost=/bin/true\n";
    host.plant(&path, FileType::File, text, 0o644);
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(format!("{plan:?}").contains("reloaded"), "{plan:?}");
    run(&mut host, &mut journal, &graph()).unwrap();
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
}

#[test]
fn systemd_is_asked_only_about_one_that_was_changed() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    run(&mut host, &mut journal, &graph()).unwrap();
    host.silent = true;
    let receipt = journal.receipt().unwrap();
    let plan = Plan::make(&graph(), &receipt, &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    let path = format!("{DIR}/50-ours.conf");
    let node = host.tree.get_mut(std::path::Path::new(&path)).unwrap();
    node.changed_us += 1;
    Plan::make(&graph(), &receipt, &host).unwrap_err();
}
