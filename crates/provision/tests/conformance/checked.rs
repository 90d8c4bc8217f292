//! A program checks a file before it is put in place. A rejected file never replaces the old one, and the next run
//! completes after a crash at any write.

use provision::engine::{Graph, MemoryJournal, Outcome, Stop};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kinds::{File, Owner};

use crate::common;

provision::resources! {
    /// The one kind.
    enum Host {
        File(File),
    }
}

const PATH: &str = "/etc/app.conf";
const JUDGE: &str = "/usr/bin/judge";

fn run(host: &mut FakeHost, journal: &mut MemoryJournal, check: &str) -> Result<Outcome, Stop> {
    common::run(host, journal, &graph(check))
}

fn graph(check: &str) -> Graph<Host> {
    let file = File::new(PATH, "new\n", Owner::root(0o644)).checked_by([check, "--check"]);
    let mut graph = Graph::default();
    graph.add(file, []);
    graph
}

fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    host.plant(PATH, FileType::File, b"old\n", 0o644);
    // The host in memory runs every program that exists, and exits with 0.
    host.plant(JUDGE, FileType::File, b"", 0o755);
    host
}

fn candidates(host: &FakeHost) -> usize {
    let names = host.tree.keys();
    names
        .filter(|path| path.to_string_lossy().contains("candidate"))
        .count()
}

#[test]
fn what_the_program_accepts_goes_live() {
    let mut host = host();
    run(&mut host, &mut MemoryJournal::default(), JUDGE).unwrap();
    assert_eq!(host.text(PATH).as_deref(), Some("new\n"));
    let asked = [JUDGE, "--check", "/etc/app.conf.candidate"].map(String::from);
    assert_eq!(host.told, [asked.to_vec()]);
    assert_eq!(candidates(&host), 0);
}

#[test]
fn what_the_program_refuses_does_not() {
    let mut host = host();
    // The host in memory exits with another code for a program that does not exist.
    let stop = run(&mut host, &mut MemoryJournal::default(), "/usr/bin/no-such").unwrap_err();
    assert!(
        stop.fault.chain().contains("rejects the new /etc/app.conf"),
        "{}",
        stop.fault.chain()
    );
    assert_eq!(host.text(PATH).as_deref(), Some("old\n"));
    assert_eq!(candidates(&host), 0);
}

#[test]
fn whatever_is_killed_is_healed() {
    common::walked(&graph(JUDGE), host(), &[]);
}
