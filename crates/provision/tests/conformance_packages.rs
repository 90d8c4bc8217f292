//! Packages that cannot be beside each other: one goes when the other comes, and comes back when that one goes.

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
