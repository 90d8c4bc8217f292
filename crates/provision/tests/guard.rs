//! A change that can cut the operator off: armed before it is made, taken back unless confirmed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::path::Path;

use common::{KIT, STATE};
use provision::Fault;
use provision::engine::{
    ApplyCx, Cx, Diff, Graph, Journal, Kind, MemoryJournal, Outcome, Plan, ResourceId, Reverted,
    Stop, confirm, take_back,
};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kills::{self, Kill, all, dying};
use provision::kinds::{File, Owner};
use serde::{Deserialize, Serialize};

/// A file that decides who gets in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Door(File);

impl Kind for Door {
    type Seen = <File as Kind>::Seen;
    type Prior = <File as Kind>::Prior;

    fn id(&self) -> ResourceId {
        self.0.id()
    }
    fn guarded(&self) -> bool {
        true
    }
    fn observe(&self, cx: &Cx<'_>) -> Result<Self::Seen, Fault> {
        self.0.observe(cx)
    }
    fn diff(&self, seen: &Self::Seen) -> Diff {
        self.0.diff(seen)
    }
    fn prior(&self, seen: &Self::Seen) -> Self::Prior {
        self.0.prior(seen)
    }
    fn absent(&self, seen: &Self::Seen) -> bool {
        self.0.absent(seen)
    }
    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        self.0.apply(seen, cx)
    }
    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        self.0.revert(prior, cx)
    }
}

provision::resources! {
    /// A host that is all doors.
    enum Host {
        Door(Door),
    }
}

const DOOR: &str = "/etc/door";
const TIMER: &str = "aztec-kit-take-back.timer";

fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    host.plant(KIT, FileType::File, b"program", 0o755);
    host.plant(DOOR, FileType::File, b"open\n", 0o600);
    host
}

fn graph(text: &str) -> Graph<Host> {
    let mut graph = Graph::default();
    graph.add(Door(File::new(DOOR, text, Owner::root(0o644))), []);
    graph
}

fn run(host: &mut FakeHost, journal: &mut MemoryJournal, text: &str) -> Result<Outcome, Stop> {
    common::run_guarded(host, journal, &graph(text))
}

fn back(host: &mut FakeHost, journal: &mut MemoryJournal) -> Result<Vec<String>, Fault> {
    let all = take_back::<Host>(Path::new(STATE), host, journal)?;
    Ok(all.into_iter().map(|what| what.id.to_string()).collect())
}

fn keep(host: &mut FakeHost, journal: &mut MemoryJournal) -> usize {
    confirm(Path::new(STATE), host, journal).unwrap().len()
}

fn armed(host: &FakeHost) -> bool {
    let at_boot = "/etc/systemd/system/multi-user.target.wants/aztec-kit-take-back.timer";
    host.units
        .get(TIMER)
        .is_some_and(|unit| unit.active == "active")
        && host.text(&format!("/etc/systemd/system/{TIMER}")).is_some()
        && host.tree.contains_key(Path::new(at_boot))
}

#[test]
fn what_nobody_confirms_is_as_it_was_and_pending_again() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let before = host.shape();
    run(&mut host, &mut journal, "shut\n").unwrap();
    assert!(armed(&host));
    assert_eq!(back(&mut host, &mut journal).unwrap(), ["file[/etc/door]"]);
    let mut after = host.shape();
    after.retain(|path, _| !path.starts_with(STATE));
    assert_eq!(after, before, "the host is not as it was");
    let receipt = journal.receipt().unwrap();
    assert!(receipt.entries.is_empty() && receipt.unconfirmed.is_empty());
    assert_eq!(receipt.taken_back.len(), 1, "status has nothing to tell");
    assert!(
        !Plan::make(&graph("shut\n"), &receipt, &host)
            .unwrap()
            .is_empty()
    );
    // Made again and confirmed, it is no longer one that was taken back.
    run(&mut host, &mut journal, "shut\n").unwrap();
    assert_eq!(keep(&mut host, &mut journal), 1);
    assert!(journal.receipt().unwrap().taken_back.is_empty());
}

#[test]
fn what_is_confirmed_stays_and_leaves_nothing_behind() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    run(&mut host, &mut journal, "shut\n").unwrap();
    assert_eq!(keep(&mut host, &mut journal), 1);
    assert_eq!(keep(&mut host, &mut journal), 0, "confirming twice");
    assert!(back(&mut host, &mut journal).unwrap().is_empty());
    assert_eq!(host.text(DOOR).unwrap(), "shut\n");
    assert_eq!(left(&host), 0);
}

#[test]
fn a_later_change_goes_back_to_the_earlier_one_that_was_confirmed() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    run(&mut host, &mut journal, "one\n").unwrap();
    keep(&mut host, &mut journal);
    let confirmed = journal.receipt().unwrap();
    run(&mut host, &mut journal, "two\n").unwrap();
    run(&mut host, &mut journal, "three\n").unwrap();
    back(&mut host, &mut journal).unwrap();
    assert_eq!(host.text(DOOR).unwrap(), "one\n");
    // What was there before us is still on record: removing the door brings it back.
    assert_eq!(journal.receipt().unwrap().entries, confirmed.entries);
}

#[test]
fn who_has_another_way_in_needs_no_guard() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    common::run(&mut host, &mut journal, &graph("shut\n")).unwrap();
    assert!(!armed(&host) && journal.receipt().unwrap().unconfirmed.is_empty());
}

#[test]
fn without_its_program_nothing_is_changed() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    host.tree.remove(Path::new(KIT));
    let stop = run(&mut host, &mut journal, "shut\n").unwrap_err();
    assert!(stop.fault.remedy().is_some());
    assert_eq!(host.text(DOOR).unwrap(), "open\n");
}

/// Every place where this can die on a host that `begin` has made, and both after each.
fn killed(
    begin: impl Fn() -> (FakeHost, MemoryJournal),
    what: impl Fn(&mut FakeHost, &mut dyn Journal) -> Result<(), String>,
) -> Vec<(Kill, FakeHost, MemoryJournal)> {
    let (mut host, mut journal) = begin();
    let whole = dying(&mut host, &mut journal, None, &what);
    whole.ended.as_ref().unwrap();
    let died = |kill| {
        let (mut host, mut journal) = begin();
        let ran = dying(&mut host, &mut journal, Some(kill), &what);
        assert!(ran.ended.is_err(), "{kill:?} was never reached");
        (kill, host, journal)
    };
    all(&whole).into_iter().map(died).collect()
}

fn shut() -> (FakeHost, MemoryJournal) {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    run(&mut host, &mut journal, "shut\n").unwrap();
    (host, journal)
}

/// What is left of the guard itself.
fn left(host: &FakeHost) -> usize {
    let paths = host.tree.keys();
    paths
        .filter(|path| path.to_string_lossy().contains("take-back"))
        .count()
}

#[test]
fn wherever_the_run_dies_a_changed_door_has_its_timer_and_goes_back() {
    let guard = common::guard();
    let all = killed(
        || (host(), MemoryJournal::default()),
        |host, journal| kills::run(host, journal, &graph("shut\n"), Some(&guard), None).ended,
    );
    assert!(all.len() > 15, "only {} places were tried", all.len());
    for (kill, mut host, mut journal) in all {
        if host.text(DOOR).unwrap() != "open\n" {
            assert!(armed(&host), "no timer when the run dies at {kill:?}");
        }
        back(&mut host, &mut journal).unwrap();
        assert_eq!(host.text(DOOR).unwrap(), "open\n", "died at {kill:?}");
        assert!(journal.receipt().unwrap().entries.is_empty());
        assert_eq!(left(&host), 0, "died at {kill:?}");
    }
}

#[test]
fn wherever_taking_back_dies_the_next_try_ends_it() {
    let all = killed(shut, |host, journal| {
        let all = take_back::<Host>(Path::new(STATE), host, journal);
        all.map(drop).map_err(|fault| fault.chain())
    });
    assert!(all.len() > 5, "only {} places were tried", all.len());
    for (kill, mut host, mut journal) in all {
        back(&mut host, &mut journal).unwrap();
        assert_eq!(host.text(DOOR).unwrap(), "open\n", "died at {kill:?}");
        assert_eq!(left(&host), 0, "died at {kill:?}");
        let receipt = journal.receipt().unwrap();
        assert!(receipt.entries.is_empty() && receipt.unconfirmed.is_empty());
        assert_eq!(receipt.taken_back.len(), 1, "died at {kill:?}");
    }
}

#[test]
fn wherever_a_confirmation_dies_it_counts_or_the_time_runs_on() {
    let all = killed(shut, |host, journal| {
        let all = confirm(Path::new(STATE), host, journal);
        all.map(drop).map_err(|fault| fault.chain())
    });
    assert!(all.len() > 5, "only {} places were tried", all.len());
    for (kill, mut host, mut journal) in all {
        let waiting = journal.receipt().unwrap().unconfirmed.len();
        if waiting > 0 {
            assert!(armed(&host), "no timer when it dies at {kill:?}");
        }
        // The time is over, and then somebody confirms again.
        let (mut late, mut record) = (host.clone(), journal.clone());
        assert_eq!(back(&mut late, &mut record).unwrap().len(), waiting);
        let door = ["shut\n", "open\n"][waiting];
        assert_eq!(late.text(DOOR).unwrap(), door, "died at {kill:?}");
        assert_eq!(keep(&mut host, &mut journal), waiting);
        assert_eq!(host.text(DOOR).unwrap(), "shut\n", "died at {kill:?}");
        assert_eq!((left(&late), left(&host)), (0, 0), "died at {kill:?}");
    }
}
