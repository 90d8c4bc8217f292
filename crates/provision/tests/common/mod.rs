//! The helpers of every conformance test.

#![allow(dead_code, reason = "each test needs a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot continue panics")]

pub mod cases;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use provision::engine::{
    Apply, Consent, Graph, Guard, Journal, MemoryJournal, Outcome, Quiet, Resource, Stop, confirm,
    roll_back,
};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kills::{State, Walk};
use provision::kinds::prune;

/// The path of the journal of a host.
pub const STATE: &str = "/var/lib/aztec-kit";
/// The program that rolls back unconfirmed changes; a test plants it in the host.
pub const KIT: &str = "/usr/local/bin/kit";

/// Kills everywhere: the apply of a graph, its removal, and a run that is killed and whose resources then become
/// leftovers. `loose` are files that may exist after one kill and not after another.
pub fn walked<R: Resource>(graph: &Graph<R>, host: FakeHost, loose: &[&str]) {
    let walk = Walk {
        graph,
        secrets: &[],
        loose,
        derived: &[],
    };
    let from = State::new(host);
    for (what, kills) in [
        ("apply", walk.apply(&from)),
        ("abandon", walk.abandon(&from)),
        ("remove", walk.remove(&from)),
    ] {
        let kills = kills.unwrap_or_else(|why| panic!("{what}: {why}"));
        assert!(kills.all() >= 4, "{what}: only {kills}");
    }
}

pub const DAY: i64 = 86_400_000_000;
pub const YEAR: i64 = 365 * DAY;
/// The date of tests of the clock, years after 1970.
pub const NOW: i64 = 56 * YEAR;
/// Back by a day, forward by a year, and back to 1970. Real jumps are not round numbers.
pub const JUMPS: [i64; 3] = [-DAY - 7, YEAR + 7, -NOW];

/// A host with a present date.
pub fn of_our_days(mut host: FakeHost) -> FakeHost {
    for node in host.tree.values_mut() {
        node.changed_us += NOW;
        node.modified_us += NOW;
    }
    host.jump(NOW);
    host
}

/// The clock jumps at every write of a run, in each direction. Returns the number of jumps.
pub fn jumped<R: Resource>(walk: &Walk<'_, R>, host: FakeHost) -> usize {
    let from = State::new(of_our_days(host));
    let jumps = JUMPS.map(|us| walk.jump(&from, us).unwrap_or_else(|why| panic!("{why}")));
    jumps.into_iter().sum()
}

/// A file was changed while the clock was ahead by a year. The consequence happens once, and not in every run.
pub fn stamped_in_the_future<R: Resource>(graph: &Graph<R>, host: FakeHost, path: &str) {
    let mut state = State::new(of_our_days(host));
    state.run(graph, None).ended.unwrap();
    let node = state.host.tree.get_mut(Path::new(path)).unwrap();
    node.changed_us += YEAR;
    let ran = state.run(graph, None);
    ran.ended.unwrap();
    assert!(ran.writes > 0, "it could have been changed just now");
    let again = state.run(graph, None);
    again.ended.unwrap();
    assert_eq!((again.writes, again.records), (0, 0));
}

/// Converges a host.
pub fn run<R: Resource>(
    host: &mut FakeHost,
    journal: &mut MemoryJournal,
    graph: &Graph<R>,
) -> Result<Outcome, Stop> {
    apply(host, journal, graph, None)
}

/// The same; a change that can lock out the operator is rolled back after five minutes.
pub fn run_commit_confirmed<R: Resource>(
    host: &mut FakeHost,
    journal: &mut MemoryJournal,
    graph: &Graph<R>,
) -> Result<Outcome, Stop> {
    apply(host, journal, graph, Some(&guard()))
}

/// The guard with a window of five minutes.
pub fn guard() -> Guard {
    Guard {
        state: STATE.into(),
        program: KIT.into(),
        window: Duration::from_secs(300),
    }
}

fn apply<R: Resource>(
    host: &mut FakeHost,
    journal: &mut MemoryJournal,
    graph: &Graph<R>,
    guard: Option<&Guard>,
) -> Result<Outcome, Stop> {
    let outcome = Apply {
        host_mut: host,
        journal,
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run_commit_confirmed(graph, guard)?;
    // As the command line does it. A run that dies after this is not tested here.
    if host.dies_at.is_none() {
        prune(&journal.receipt().expect("a journal in memory"), host).expect("a whole host");
    }
    Ok(outcome)
}

/// The removal of a graph with commit-confirmed changes that nobody confirms is rolled back, on the host and on record.
/// Afterwards the prior state of the host can still be restored.
pub fn removal_rolled_back<R: Resource>(graph: &Graph<R>, mut host: FakeHost) {
    host.plant(KIT, FileType::File, b"program", 0o755);
    let shape = |host: &FakeHost| {
        let mut shape = host.shape();
        shape.retain(|path, _| !path.starts_with(STATE) && path != Path::new("/var/lib/aztec-kit"));
        shape
    };
    let (nothing, mut journal) = (Graph::<R>::default(), MemoryJournal::default());
    let before = shape(&host);
    run(&mut host, &mut journal, graph).unwrap();
    let (made, entries) = (shape(&host), journal.receipt().unwrap().entries);
    for _ in 0..2 {
        run_commit_confirmed(&mut host, &mut journal, &nothing).unwrap();
        assert!(
            !journal.receipt().unwrap().unconfirmed.is_empty(),
            "no guard"
        );
        let back = roll_back::<R>(Path::new(STATE), &mut host, &mut journal);
        back.whole().unwrap();
        assert_eq!(shape(&host), made, "after the removal was taken back");
        let mut now = journal.receipt().unwrap().entries;
        now.sort_by_key(|entry| entries.iter().position(|other| other.id == entry.id));
        assert_eq!(now, entries);
    }
    run_commit_confirmed(&mut host, &mut journal, &nothing).unwrap();
    confirm(Path::new(STATE), &mut host, &mut journal).unwrap();
    assert_eq!(shape(&host), before, "after the removal");
}
