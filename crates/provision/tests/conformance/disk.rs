//! If a disk is on record and missing, a run stops before it creates anything in its place.

use std::path::Path;

use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kills::{State, Walk};
use provision::kinds::{Directory, Disk, Owner, gone};

use crate::common::run;

provision::resources! {
    /// The content of the disk.
    pub enum Host {
        /// A directory.
        Directory(Directory),
        /// The name of a disk.
        Disk(Disk),
    }
}

const ROOT: &str = "28 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n";
const MOUNTED: &str = "90 28 8:17 / /srv/data rw shared:50 - ext4 /dev/sdb1 rw\n";
const MARK: &str = "/srv/data/.aztec-kit-disk";

fn graph() -> Graph<Host> {
    let mut graph = Graph::default();
    let directory = |path: &str| Directory {
        path: path.into(),
        owner: Owner::root(0o755),
    };
    let data = graph.add(directory("/srv/data"), []);
    let disk = Disk {
        path: "/srv/data".into(),
    };
    let disk = graph.add(disk, [data]);
    graph.add(directory("/srv/data/node"), [disk]);
    graph
}

struct Tried {
    host: FakeHost,
    journal: MemoryJournal,
}

impl Tried {
    /// A host with a run behind it.
    fn new(mounted: bool) -> Self {
        let mut tried = Self {
            host: FakeHost::debian(),
            journal: MemoryJournal::default(),
        };
        tried.host.plant("/srv", FileType::Directory, b"", 0o755);
        tried
            .host
            .plant("/srv/data", FileType::Directory, b"", 0o755);
        tried
            .host
            .plant("/proc/self", FileType::Directory, b"", 0o555);
        tried.mount(mounted);
        tried.apply();
        tried
    }

    fn mount(&mut self, mounted: bool) {
        let text = format!("{ROOT}{}", if mounted { MOUNTED } else { "" });
        let path = "/proc/self/mountinfo";
        self.host
            .plant(path, FileType::File, text.as_bytes(), 0o444);
    }

    /// The content of the disk, saved while it is not mounted.
    fn empty(&mut self) {
        let dir = Path::new("/srv/data");
        self.host
            .tree
            .retain(|path, _| path == dir || !path.starts_with(dir));
    }

    fn apply(&mut self) {
        run(&mut self.host, &mut self.journal, &graph()).unwrap();
        assert!(self.gone().is_empty());
        let plan = Plan::make(&graph(), &self.journal.receipt().unwrap(), &self.host).unwrap();
        assert!(plan.is_empty(), "{plan:?}");
    }

    /// The reason and the fix that are reported before a plan is made.
    fn gone(&self) -> Vec<String> {
        let gone = gone(&self.journal.receipt().unwrap(), &self.host).unwrap();
        gone.into_iter()
            .map(|gone| format!("{}. {}", gone.why, gone.fix))
            .collect()
    }

    /// Fails with a refusal, and makes nothing.
    fn refused(&mut self, says: &[&str]) {
        let gone = self.gone();
        assert_eq!(gone.len(), 1, "{gone:?}");
        for part in says.iter().chain(&["aztec-kit forget 'disk[/srv/data]'"]) {
            assert!(gone[0].contains(part), "{part}: {gone:?}");
        }
        let before = self.host.tree.clone();
        let stop = run(&mut self.host, &mut self.journal, &graph()).unwrap_err();
        assert!(stop.fault.is_refusal(), "{stop:?}");
        assert_eq!(self.host.tree, before);
    }

    fn forget(&mut self) {
        let id = self
            .journal
            .receipt()
            .unwrap()
            .entries
            .iter()
            .find(|entry| entry.id.to_string() == "disk[/srv/data]")
            .unwrap()
            .id
            .clone();
        self.journal
            .append(&provision::engine::Event::Released { id })
            .unwrap();
    }
}

#[test]
fn a_disk_that_is_not_mounted_is_missed() {
    let mut tried = Tried::new(true);
    tried.mount(false);
    // With an older copy of it below the mount point, including its name.
    tried.refused(&[
        "the directory below it contains an older copy",
        "systemctl start srv-data.mount",
    ]);
    tried.empty();
    tried.refused(&["nothing is mounted on /srv/data"]);
    tried.forget();
    tried.apply();
    assert!(tried.host.text(MARK).is_some());
}

#[test]
fn another_disk_in_its_place_is_noticed() {
    let mut tried = Tried::new(true);
    tried.host.plant(MARK, FileType::File, b"0123\n", 0o444);
    tried.refused(&["another disk is in its place"]);
    tried.empty();
    tried.refused(&["another disk is mounted on /srv/data"]);
    let mut tried = Tried::new(false);
    tried.empty();
    tried.mount(true);
    tried.refused(&["another disk is mounted on /srv/data"]);
}

#[test]
fn what_was_copied_to_a_new_disk_is_the_same_from_then_on() {
    let mut tried = Tried::new(false);
    let name = tried.host.text(MARK);
    tried.mount(true);
    tried.apply();
    assert_eq!(tried.host.text(MARK), name);
    tried.mount(false);
    tried.refused(&["nothing is mounted on /srv/data"]);
}

#[test]
fn what_was_deleted_of_the_root_disk_gets_its_name_back() {
    let mut tried = Tried::new(false);
    let name = tried.host.text(MARK);
    tried.empty();
    tried.apply();
    assert_eq!(tried.host.text(MARK), name);
}

#[test]
fn a_disk_that_others_have_named_is_taken_as_it_is() {
    let mut host = Tried::new(true).host;
    let before = host.shape();
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph()).unwrap();
    assert_eq!(host.shape(), before);
}

#[test]
fn the_name_stays_as_long_as_something_is_on_the_disk() {
    let mut tried = Tried::new(true);
    tried
        .host
        .plant("/srv/data/node/db", FileType::File, b"", 0o600);
    run(
        &mut tried.host,
        &mut tried.journal,
        &Graph::<Host>::default(),
    )
    .unwrap();
    assert!(tried.host.text(MARK).is_some());
    tried.host.tree.remove(Path::new("/srv/data/node/db"));
    tried.apply();
    tried.host.tree.remove(Path::new("/srv/data/node"));
    run(
        &mut tried.host,
        &mut tried.journal,
        &Graph::<Host>::default(),
    )
    .unwrap();
    // It existed before it was in this journal.
    assert!(tried.host.text(MARK).is_some());
}

#[test]
fn a_name_survives_a_kill_at_every_place() {
    let graph = graph();
    let walk = Walk {
        graph: &graph,
        secrets: &[],
        loose: &[],
        derived: &[MARK],
    };
    let mut host = FakeHost::debian();
    host.plant("/srv", FileType::Directory, b"", 0o755);
    let from = State::new(host);
    walk.apply(&from).unwrap();
    walk.abandon(&from).unwrap();
    walk.remove(&from).unwrap();
}
