//! A service that reads a directory of keys at its start: another key requires a restart, a repaired mode does not, and
//! nothing of a key gets into the journal.

use std::path::Path;

use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::fake::FakeHost;
use provision::host::{FileType, Probe};
use provision::kinds::{Directory, Input, Owner, Service, Unit};

use crate::common;

provision::resources! {
    /// The resources of the service.
    enum Host {
        Directory(Directory),
        Unit(Unit),
        Service(Service),
    }
}

const KEYS: &str = "/etc/keys";
const SECRET: &str = "0123456789abcdef-the-secret";

fn graph() -> Graph<Host> {
    graph_with(true)
}

fn graph_with(listed: bool) -> Graph<Host> {
    let mut graph: Graph<Host> = Graph::default();
    let directory = Directory {
        path: KEYS.into(),
        owner: Owner::root(0o700),
    };
    let directory = graph.add(directory, []);
    let unit = Unit {
        name: "x.service".into(),
        text: "[Service]\n".into(),
        instances: Vec::new(),
    };
    let unit = graph.add(unit, []);
    let service = Service {
        unit: "x.service".into(),
        active: true,
        at_boot: false,
        inputs: listed
            .then(|| Input {
                id: directory.clone(),
                path: KEYS.into(),
                wanted: None,
            })
            .into_iter()
            .collect(),
    };
    graph.add(service, [directory, unit]);
    graph
}

struct Tried {
    host: FakeHost,
    journal: MemoryJournal,
}

impl Tried {
    fn new() -> Self {
        let mut host = FakeHost::debian();
        host.plant(KEYS, FileType::Directory, b"", 0o700);
        let mut tried = Self {
            host,
            journal: MemoryJournal::default(),
        };
        tried.plant("one.json");
        tried.apply();
        tried
    }

    fn plant(&mut self, name: &str) {
        let path = format!("{KEYS}/{name}");
        self.host
            .plant(&path, FileType::File, SECRET.as_bytes(), 0o600);
    }

    fn pending(&self) -> Vec<String> {
        let plan = Plan::make(&graph(), &self.journal.receipt().unwrap(), &self.host).unwrap();
        plan.pending()
            .map(|step| format!("{} {:?}", step.id, step.changes))
            .collect()
    }

    fn apply(&mut self) {
        self.run(&graph());
        assert_eq!(self.pending(), Vec::<String>::new());
    }

    fn run(&mut self, graph: &Graph<Host>) {
        common::run(&mut self.host, &mut self.journal, graph).unwrap();
    }

    fn starts(&self) -> u32 {
        self.host.units["x.service"].starts
    }

    /// A change must show this restart in the plan, and make it once.
    fn restarts(&mut self, what: &str) {
        let (pending, starts) = (self.pending(), self.starts());
        assert_eq!(pending.len(), 1, "{what}: {pending:?}");
        assert!(
            pending[0].contains("started before directory[/etc/keys] changed"),
            "{what}: {pending:?}"
        );
        self.apply();
        assert_eq!(self.starts(), starts + 1, "{what}");
    }
}

#[test]
fn every_change_of_the_files_is_a_pending_restart() {
    let mut tried = Tried::new();
    tried.plant("two.json");
    tried.restarts("a file came");
    tried.plant("two.json");
    tried.restarts("a file was written with the same bytes");
    tried.host.tree.remove(Path::new("/etc/keys/one.json"));
    tried.restarts("a file went");
    tried.plant(".three.json.aztec-kit-new");
    assert!(tried.pending().is_empty(), "a hidden file is none");
}

#[test]
fn a_repaired_mode_restarts_nothing() {
    let mut tried = Tried::new();
    let key = tried
        .host
        .tree
        .get_mut(Path::new("/etc/keys/one.json"))
        .unwrap();
    (key.mode, key.changed_us) = (0o644, key.changed_us + 1);
    assert!(tried.pending().is_empty());
}

#[test]
fn a_process_that_someone_else_started_counts_by_what_it_could_read() {
    let mut tried = Tried::new();
    let started = |host: &mut FakeHost| {
        let now = host.clock().monotonic_us;
        let unit = host.units.get_mut("x.service").unwrap();
        (unit.starts, unit.started_us) = (unit.starts + 1, now);
    };
    tried.plant("two.json");
    started(&mut tried.host);
    assert!(
        tried.pending().is_empty(),
        "it was started after the change"
    );
    tried.apply();
    started(&mut tried.host);
    tried.plant("one.json");
    tried.restarts("a file inside changed after the start");
}

#[test]
fn a_directory_that_an_earlier_version_did_not_list_restarts_only_what_is_older() {
    let mut tried = Tried::new();
    tried.run(&graph_with(false));
    let starts = tried.starts();
    assert!(
        tried.pending().is_empty(),
        "it was started with these files"
    );
    tried.apply();
    assert_eq!(tried.starts(), starts);
    tried.run(&graph_with(false));
    tried.plant("two.json");
    tried.restarts("a file came after the start");
}

#[test]
fn nothing_of_a_key_is_journaled() {
    let mut tried = Tried::new();
    tried.plant("two.json");
    tried.apply();
    let digest = const_hex::encode(<sha2::Sha256 as sha2::Digest>::digest(SECRET));
    let receipt = serde_json::to_string(&tried.journal.receipt().unwrap()).unwrap();
    assert!(receipt.contains("directory[/etc/keys]"));
    assert!(
        !receipt.contains("secret") && !receipt.contains(&digest),
        "{receipt}"
    );
}
