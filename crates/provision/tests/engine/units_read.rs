//! systemd reads all units once in a run, which takes a tenth of a second: when a changed one is needed, or at the end.

use provision::engine::{Graph, MemoryJournal};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kinds::{Directory, DropIn, NftTable, Owner, Service, Unit};

use crate::common::run;

provision::resources! {
    /// The kinds that make systemd read units.
    enum Host {
        Unit(Unit),
        Service(Service),
        Directory(Directory),
        DropIn(DropIn),
        NftTable(NftTable),
    }
}

const FIRST: &str = "a.service";
const SECOND: &str = "b.service";
const FOREIGN: &str = "foreign.service";

fn unit(name: &str, graph: &mut Graph<Host>) {
    let unit = Unit {
        name: name.into(),
        text: "[Service]\nExecStart=/bin/true\n".into(),
        instances: Vec::new(),
    };
    graph.add(unit, []);
}

fn service(name: &str, graph: &mut Graph<Host>) {
    let service = Service {
        unit: name.into(),
        active: true,
        at_boot: false,
        inputs: Vec::new(),
    };
    graph.add(service, []);
}

fn drop_in(graph: &mut Graph<Host>) {
    let dir = Directory {
        path: DropIn::dir(FOREIGN),
        owner: Owner::root(0o755),
    };
    let dir = graph.add(dir, []);
    let drop_in = DropIn {
        unit: FOREIGN.into(),
        name: "test".into(),
        text: "[Unit]\nWants=a.service\n".into(),
    };
    graph.add(drop_in, [dir]);
}

fn table(chains: &str, graph: &mut Graph<Host>) {
    let table = NftTable {
        table: "inet test".into(),
        chains: chains.into(),
        path: "/etc/test.nft".into(),
        unit: "test-table.service".into(),
        about: "A test".into(),
        commit_confirmed: false,
        routed: false,
    };
    graph.add(table, []);
}

fn debian() -> FakeHost {
    let mut host = FakeHost::debian().with_ufw();
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    host
}

/// How often systemd reads its units in a run of a graph. A second run does nothing.
fn reads(graph: &Graph<Host>, host: &mut FakeHost, journal: &mut MemoryJournal) -> usize {
    let before = host.told.len();
    run(host, journal, graph).unwrap();
    let told = host.told[before..].iter();
    let reads = told.filter(|argv| argv[..] == ["systemctl", "daemon-reload"]);
    let reads = reads.count();
    let before = host.told.len();
    assert!(run(host, journal, graph).unwrap().applied.is_empty());
    assert_eq!(host.told[before..], [] as [Vec<String>; 0]);
    reads
}

#[test]
fn one_run_has_systemd_read_its_units_once() {
    let (mut host, mut journal) = (debian(), MemoryJournal::default());
    let mut graph = Graph::default();
    drop_in(&mut graph);
    table("\tchain c {\n\t}\n", &mut graph);
    unit(FIRST, &mut graph);
    unit(SECOND, &mut graph);
    assert_eq!(reads(&graph, &mut host, &mut journal), 1, "at its end");
    service(FIRST, &mut graph);
    service(SECOND, &mut graph);
    assert_eq!(reads(&graph, &mut host, &mut journal), 0);
    let (mut host, mut journal) = (debian(), MemoryJournal::default());
    assert_eq!(
        reads(&graph, &mut host, &mut journal),
        1,
        "before a service"
    );
}

#[test]
fn a_unit_that_systemd_knows_is_read_before_it_is_needed() {
    let (mut host, mut journal) = (debian(), MemoryJournal::default());
    let path = format!("/etc/systemd/system/{FOREIGN}");
    host.plant(&path, FileType::File, b"[Service]\n", 0o644);
    host.read_units();
    let mut graph = Graph::default();
    drop_in(&mut graph);
    assert_eq!(reads(&graph, &mut host, &mut journal), 1);
    let mut graph = Graph::default();
    table("\tchain c {\n\t}\n", &mut graph);
    reads(&graph, &mut host, &mut journal);
    let mut graph = Graph::default();
    table("\tchain d {\n\t}\n", &mut graph);
    reads(&graph, &mut host, &mut journal);
    assert!(host.nft.values().any(|table| table.contains("chain d")));
}
