//! Packages that conflict: one is removed when the other is installed, and is installed again when that one is removed.

use std::sync::atomic::AtomicBool;

use provision::engine::{
    Action, Applied, Apply, Consent, Event, Graph, Journal, MemoryJournal, Outcome, Plan, Progress,
    ResourceId, Stop,
};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kinds::Packages;

use crate::common::run;

provision::resources! {
    /// The one kind.
    enum Host {
        Packages(Packages),
    }
}

const STATUS: &str = "/var/lib/dpkg/status";
const BEFORE: &str = "Package: old-clock\nStatus: install ok installed\nVersion: 1\n\n";

fn desired() -> Graph<Host> {
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
fn one_replaces_another_which_is_installed_again_after_it() {
    let mut host = FakeHost::debian();
    host.plant(STATUS, FileType::File, BEFORE.as_bytes(), 0o644);
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &desired()).unwrap();
    let status = host.text(STATUS).unwrap();
    assert!(
        status.contains("new-clock") && !status.contains("old-clock"),
        "{status}"
    );
    // apt is not asked about a package that is not installed, because it may not know it.
    assert!(
        host.told
            .iter()
            .flatten()
            .all(|word| word != "other-clock-")
    );
    let plan = Plan::make(&desired(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty());
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(host.text(STATUS).unwrap(), BEFORE);
}

/// A host with a package that an operator installed, one that was a dependency of a removed package, and a client with
/// dependencies.
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
    // The operator installs one of them explicitly.
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
    // It is a dependency from now on: apt removes it with the packages that need it.
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

/// Records the notes of a run.
#[derive(Default)]
struct Heard(Vec<String>);

impl Progress for Heard {
    fn begin(&mut self, _: &ResourceId, _: Action) {}
    fn note(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
    fn end(&mut self, _: &Applied) {}
}

fn heard(host: &mut FakeHost, graph: &Graph<Host>) -> (Result<Outcome, Stop>, Vec<String>) {
    let mut heard = Heard::default();
    let outcome = Apply {
        host_mut: host,
        journal: &mut MemoryJournal::default(),
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(false),
        progress: &mut heard,
    }
    .run(graph);
    (outcome, heard.0)
}

#[test]
fn an_unnamed_removal_stops_the_run() {
    let (mut host, graph) = client();
    host.apt.conflicts = [("client".into(), vec!["tool".into()])].into();
    let before = installed(&host);
    let stop = run(&mut host, &mut MemoryJournal::default(), &graph).unwrap_err();
    let chain = stop.fault.chain();
    assert!(chain.contains("would remove tool"), "{chain}");
    assert!(stop.fault.remedy().unwrap().contains("apt-get remove tool"));
    assert_eq!(installed(&host), before);
}

#[test]
fn an_unnamed_removal_is_not_part_of_a_removal() {
    let mut host = FakeHost::debian();
    host.plant(STATUS, FileType::File, BEFORE.as_bytes(), 0o644);
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &desired()).unwrap();
    // Meanwhile a package is installed that conflicts with the one that would be installed again.
    let status = host.text(STATUS).unwrap()
        + "Package: third-clock\nStatus: install ok installed\nVersion: 1\n\n";
    host.plant(STATUS, FileType::File, status.as_bytes(), 0o644);
    host.apt.conflicts = [("old-clock".into(), vec!["third-clock".into()])].into();
    let outcome = run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(installed(&host), ["new-clock", "third-clock"]);
    let kept = outcome.applied[0].kept.as_deref().unwrap();
    assert!(kept.contains("third-clock"), "{kept}");
}

#[test]
fn a_lock_is_waited_for_and_a_broken_repository_is_reported() {
    let (mut host, graph) = client();
    host.apt.no_lists = true;
    host.apt.locked = 1;
    host.apt.broken = Some("http://10.0.0.1".into());
    let (outcome, notes) = heard(&mut host, &graph);
    outcome.unwrap();
    assert!(installed(&host).contains(&"client".to_owned()));
    let noted = |what: &str| notes.iter().any(|note| note.contains(what));
    assert!(
        noted("waiting for process 77 (python3), which has /var/lib/apt/lists/lock"),
        "{notes:?}"
    );
    assert!(noted("warning: `apt-get update` failed"), "{notes:?}");
    assert!(noted("http://10.0.0.1"), "{notes:?}");
}

fn sets(sets: &[(&str, &[&str])]) -> Graph<Host> {
    let mut graph = Graph::default();
    for (purpose, names) in sets {
        let packages = Packages {
            purpose: (*purpose).into(),
            names: names.iter().map(ToString::to_string).collect(),
        };
        graph.add(packages, []);
    }
    graph
}

/// The packet filter was a part of the firewall in an earlier version, and is a set of its own now.
#[test]
fn what_became_a_set_of_its_own_stays_and_goes_with_that() {
    const FILTER: (&str, &[&str]) = ("packet filter", &["nftables"]);
    const NOW: (&str, &[&str]) = ("firewall", &["ufw"]);
    let before = || {
        let mut host = FakeHost::debian();
        let mut journal = MemoryJournal::default();
        let graph = sets(&[("firewall", &["ufw", "nftables"])]);
        run(&mut host, &mut journal, &graph).unwrap();
        (host, journal)
    };
    let has = |host: &FakeHost, name: &str| host.text(STATUS).unwrap().contains(name);

    // The firewall is removed in the first run with the new set.
    let (mut host, mut journal) = before();
    run(&mut host, &mut journal, &sets(&[FILTER])).unwrap();
    assert_eq!((has(&host, "nftables"), has(&host, "ufw")), (true, false));
    run(&mut host, &mut journal, &sets(&[])).unwrap();
    assert!(!has(&host, "nftables"), "it was not there before us");

    // The new set is removed later.
    let (mut host, mut journal) = before();
    run(&mut host, &mut journal, &sets(&[FILTER, NOW])).unwrap();
    let events = format!("{journal:?}");
    run(&mut host, &mut journal, &sets(&[FILTER, NOW])).unwrap();
    assert_eq!(format!("{journal:?}"), events, "once");
    run(&mut host, &mut journal, &sets(&[])).unwrap();
    assert_eq!((has(&host, "nftables"), has(&host, "ufw")), (false, false));
}

#[test]
fn a_set_that_was_adopted_from_another_goes_with_it() {
    // An intermediate version adopted it, and left the prior state of the other one as it was.
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let graph = sets(&[("firewall", &["ufw", "nftables"])]);
    run(&mut host, &mut journal, &graph).unwrap();
    for (purpose, name) in [("packet filter", "nftables"), ("firewall", "ufw")] {
        let graph = sets(&[(purpose, &[name])]);
        let node = &graph.nodes()[0];
        journal
            .append(&Event::Adopted {
                id: ResourceId::new("packages", purpose),
                spec: serde_json::to_value(&node.resource).unwrap(),
                memory: None,
                after: Vec::new(),
            })
            .unwrap();
    }
    run(&mut host, &mut journal, &sets(&[])).unwrap();
    let status = host.text(STATUS).unwrap();
    assert!(
        !status.contains("nftables") && !status.contains("ufw"),
        "{status}"
    );
}

#[test]
fn what_two_sets_have_is_handed_over_to_neither() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let both: &[(&str, &[&str])] = &[("one", &["shared", "a"]), ("two", &["shared", "b"])];
    run(&mut host, &mut journal, &sets(both)).unwrap();
    let origins = |journal: &MemoryJournal| -> Vec<_> {
        let entries = journal.receipt().unwrap().entries;
        entries
            .into_iter()
            .map(|it| (it.origin, it.prior))
            .collect()
    };
    let before = origins(&journal);
    run(&mut host, &mut journal, &sets(both)).unwrap();
    assert_eq!(origins(&journal), before);
}
