//! Packages that cannot be beside each other: one goes when the other comes, and comes back when that one goes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use common::run;
use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kinds::Packages;

provision::resources! {
    /// The one kind.
    enum Host {
        Packages(Packages),
    }
}

const STATUS: &str = "/var/lib/dpkg/status";
const BEFORE: &str = "Package: old-clock\nStatus: install ok installed\nVersion: 1\n\n";

fn wanted() -> Graph<Host> {
    let mut graph = Graph::default();
    let names = ["new-clock", "old-clock-", "other-clock-"];
    graph.add(
        Packages {
            purpose: "clock".into(),
            names: names.map(String::from).into(),
        },
        [],
    );
    graph
}

#[test]
fn one_takes_the_place_of_another_and_gives_it_back() {
    let mut host = FakeHost::debian();
    host.plant(STATUS, FileType::File, BEFORE.as_bytes(), 0o644);
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &wanted()).unwrap();
    let status = host.text(STATUS).unwrap();
    assert!(
        status.contains("new-clock") && !status.contains("old-clock"),
        "{status}"
    );
    // What is not there is not asked of apt, which may not know it.
    assert!(
        host.told
            .iter()
            .flatten()
            .all(|word| word != "other-clock-")
    );
    let plan = Plan::make(&wanted(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty());
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(host.text(STATUS).unwrap(), BEFORE);
}

/// A host with a package that an operator installed, one that was for something that is gone, and a client that brings
/// packages along.
fn client() -> (FakeHost, Graph<Host>) {
    let mut host = FakeHost::debian();
    let status = ["tool", "old-kernel", "shared"]
        .map(|name| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n"));
    host.plant(STATUS, FileType::File, status.concat().as_bytes(), 0o644);
    host.auto = ["old-kernel", "shared"].map(String::from).into();
    let depends = [
        ("client", &["library", "shared", "wanted-later"][..]),
        ("library", &["deep"]),
        ("tool", &["shared"]),
        ("new-tool", &["client"]),
    ];
    host.depends = depends
        .map(|(name, needs)| {
            (
                name.to_owned(),
                needs.iter().map(ToString::to_string).collect(),
            )
        })
        .into();
    let mut graph = Graph::default();
    let packages = Packages {
        purpose: "client".into(),
        names: vec!["client".into()],
    };
    graph.add(packages, []);
    (host, graph)
}

fn installed(host: &FakeHost) -> Vec<String> {
    let status = host.text(STATUS).unwrap();
    let names = status
        .lines()
        .filter_map(|line| line.strip_prefix("Package: "));
    names.map(str::to_owned).collect()
}

#[test]
fn what_came_along_goes_along_and_nothing_else() {
    let (mut host, graph) = client();
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph).unwrap();
    assert_eq!(
        installed(&host),
        [
            "tool",
            "old-kernel",
            "shared",
            "client",
            "library",
            "deep",
            "wanted-later"
        ]
    );
    // The operator wants one of them for itself.
    host.auto.remove("wanted-later");
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(
        installed(&host),
        ["tool", "old-kernel", "shared", "wanted-later"]
    );
}

#[test]
fn a_removal_that_is_killed_at_any_write_is_ended_by_the_next_run() {
    for n in 0.. {
        let (mut host, graph) = client();
        let mut journal = MemoryJournal::default();
        run(&mut host, &mut journal, &graph).unwrap();
        host.dies_at = Some(host.writes + n);
        let died = run(&mut host, &mut journal, &Graph::<Host>::default()).is_err();
        host.dies_at = None;
        run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
        assert_eq!(
            installed(&host),
            ["tool", "old-kernel", "shared"],
            "at write {n}"
        );
        if !died {
            break;
        }
    }
}

#[test]
fn what_something_else_needs_stays() {
    let (mut host, graph) = client();
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &graph).unwrap();
    let status = host.text(STATUS).unwrap()
        + "Package: new-tool\nStatus: install ok installed\nVersion: 1\n\n";
    host.plant(STATUS, FileType::File, status.as_bytes(), 0o644);
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    for name in ["client", "library", "deep", "new-tool"] {
        assert!(installed(&host).contains(&name.to_owned()), "{name}");
    }
    // It is apt's from now on: it goes with what needs it.
    assert!(host.auto.contains("client"));
}

#[test]
fn what_was_there_before_us_stays() {
    let (mut host, graph) = client();
    let mut journal = MemoryJournal::default();
    let status = host.text(STATUS).unwrap()
        + "Package: client\nStatus: install ok installed\nVersion: 1\n\n";
    host.plant(STATUS, FileType::File, status.as_bytes(), 0o644);
    run(&mut host, &mut journal, &graph).unwrap();
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert!(installed(&host).contains(&"client".to_owned()));
    assert!(host.told.is_empty());
}
