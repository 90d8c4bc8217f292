//! Two processes at once on one state directory. Nothing is lost, one wins, and the other reports which process works.
//!
//! Everything that is allowed during a run (observations, a confirmation) gets its turn before every step of one. The
//! lock excludes everything else, which threads that race for it test; `take_over.rs` takes it from a process.

#[path = "../common/beside.rs"]
mod beside;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use beside::InSteps;
use provision::engine::{
    Apply, Consent, Event, FileJournal, Graph, Guard, Journal, Plan, Quiet, Resource, ResourceId,
    RunLock, Stop, confirm, roll_back,
};
use provision::host::FileType;
use provision::host::fake::{Errno, Failing, FakeHost, SharedHost, Steps};
use provision::kinds::{File, NftTable, Owner};

use crate::common::cases::{Host, graph, secret};
use crate::common::{KIT, STATE, guard};

provision::resources! {
    /// A kind that closes a host.
    enum Wall {
        NftTable(NftTable),
    }
}

const TIMER: &str = "aztec-kit-take-back.timer";

fn run<R: Resource>(
    host: &mut SharedHost,
    journal: &mut dyn Journal,
    graph: &Graph<R>,
    guard: Option<&Guard>,
) -> Result<(), Stop> {
    let done = Apply {
        host_mut: host,
        journal,
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run_commit_confirmed(graph, guard);
    done.map(drop)
}

fn files(text: &str) -> Graph<Host> {
    let file = File::new("/etc/a.conf", text, Owner::root(0o644));
    graph(vec![secret().into(), file.into()])
}

fn wall(name: &str) -> NftTable {
    NftTable {
        table: format!("inet {name}"),
        chains: "\tchain input {\n\t}\n".into(),
        path: format!("/etc/{name}.nft").into(),
        unit: format!("{name}.service"),
        about: "A test".into(),
        commit_confirmed: true,
        routed: false,
    }
}

fn walls() -> (FakeHost, Graph<Wall>) {
    let mut host = FakeHost::debian();
    host.plant(KIT, FileType::File, b"program", 0o755);
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    let mut graph = Graph::default();
    let first = graph.add(wall("first"), []);
    graph.add(wall("second"), [first]);
    (host, graph)
}

/// Whether the waiting changes will be rolled back.
fn armed(host: &FakeHost) -> bool {
    let unit = host.units.get(TIMER);
    unit.is_some_and(|unit| unit.active == "active" && unit.loaded.is_some())
        && host.text(&format!("/etc/systemd/system/{TIMER}")).is_some()
        && host.text(&format!("{STATE}/take-back/aztec-kit")).is_some()
}

/// Somebody confirms before step `at` of a run with these walls, on a host that has others. The disk may be full at
/// that moment. Returns whether the run has that many steps. No change may be kept that had not been made by then:
/// whoever confirmed cannot have seen it.
fn confirmed_before(at: usize, full: bool, has: &Graph<Wall>, wants: &Graph<Wall>) -> bool {
    let (shared, dir) = (SharedHost::new(walls().0), tempfile::tempdir().unwrap());
    run(
        &mut shared.clone(),
        &mut FileJournal::new(dir.path()),
        has,
        None,
    )
    .unwrap();
    let desired = wants.ids();
    let undone = Arc::new(Mutex::new(Vec::new()));
    let turn = {
        let (mut host, state, undone) = (shared.clone(), dir.path().to_owned(), undone.clone());
        move || {
            let mut journal = FileJournal::new(&state);
            let before = journal.receipt().unwrap();
            let done = |id: &ResourceId| match before.get(id) {
                Some(entry) => desired.contains(id) && !entry.open,
                None => !desired.contains(id),
            };
            let kept = confirm(Path::new(STATE), &mut host, &mut journal).unwrap();
            let kept = kept.into_iter().filter(|id| !done(id));
            undone.lock().unwrap().extend(kept);
            let mut host = host.lock();
            let (at, errno) = (host.writes, Errno::NoSpace);
            host.failing = full.then_some(Failing { at, errno });
        }
    };
    let steps = Steps::before(at, turn);
    let mut journal = InSteps {
        journal: FileJournal::new(dir.path()),
        steps: steps.clone(),
    };
    let mut host = shared.in_steps(&steps);
    let ended = run(&mut host, &mut journal, wants, Some(&guard()));
    assert!(full || ended.is_ok(), "{ended:?}");
    let receipt = journal.receipt().unwrap();
    let waiting = &receipt.unconfirmed;
    // A run that ended before it began a change has left the resource alone.
    let begun = |id: &ResourceId| match receipt.get(id) {
        Some(entry) => entry.open || wants.ids().contains(id),
        None => !wants.ids().contains(id),
    };
    for id in undone.lock().unwrap().iter() {
        let waits = !begun(id) || waiting.iter().any(|change| change.id == *id);
        assert!(waits, "{id} was kept before it was done, at {at}");
    }
    if full {
        let begun = waiting.iter().any(|change| begun(&change.id));
        assert!(!begun || armed(&shared.lock()), "at {at}");
        return steps.had_its_turn();
    }
    assert_eq!(!waiting.is_empty(), armed(&shared.lock()), "at {at}");
    let made = shared.lock().nft.len();
    let mut late = shared.clone();
    let mut journal = journal.journal;
    let back = roll_back::<Wall>(Path::new(STATE), &mut late, &mut journal).whole();
    assert_eq!(back.unwrap().len(), waiting.len(), "at {at}");
    let apart = made.abs_diff(shared.lock().nft.len());
    assert_eq!(apart, waiting.len(), "at {at}");
    steps.had_its_turn()
}

#[test]
fn a_confirmation_before_any_step_of_a_run_leaves_no_change_without_leave_or_a_timer() {
    let (all, none) = (walls().1, Graph::default());
    for (has, wants) in [(&none, &all), (&all, &none)] {
        for full in [false, true] {
            let places = (0..).take_while(|at| confirmed_before(*at, full, has, wants));
            let places = places.count();
            assert!(places > 20, "only {places} places");
        }
    }
}

/// A confirmation gets its turn before any step of a rollback, and the other way round. One of the two counts, and both
/// report which.
#[test]
fn of_a_confirmation_and_a_rollback_one_is_too_late() {
    type Does = fn(&mut SharedHost, &mut dyn Journal) -> Result<usize, String>;
    let back: Does = |host, journal| {
        let back = roll_back::<Wall>(Path::new(STATE), host, journal).whole();
        back.map(|all| all.len()).map_err(|fault| fault.chain())
    };
    let keep: Does = |host, journal| {
        let kept = confirm(Path::new(STATE), host, journal);
        kept.map(|all| all.len()).map_err(|fault| fault.chain())
    };
    for (name, works, beside) in [("back", back, keep), ("keep", keep, back)] {
        for at in 0.. {
            let ((host, graph), dir) = (walls(), tempfile::tempdir().unwrap());
            let shared = SharedHost::new(host);
            let mut journal = FileJournal::new(dir.path());
            run(&mut shared.clone(), &mut journal, &graph, Some(&guard())).unwrap();
            let outcome = Arc::new(Mutex::new(None));
            let turn = {
                let (mut host, state, outcome) =
                    (shared.clone(), dir.path().to_owned(), outcome.clone());
                move || {
                    let done = beside(&mut host, &mut FileJournal::new(&state));
                    *outcome.lock().unwrap() = Some(done);
                }
            };
            let steps = Steps::before(at, turn);
            let mut journal = InSteps {
                journal,
                steps: steps.clone(),
            };
            let mine = works(&mut shared.in_steps(&steps), &mut journal);
            let Some(theirs) = outcome.lock().unwrap().take() else {
                assert!(at > 5, "{name}: only {at} places");
                break;
            };
            let (kept, back) = match name {
                "back" => (&theirs, &mine),
                _ => (&mine, &theirs),
            };
            let tables = shared.lock().nft.len();
            let (kept, back) = (kept.clone().unwrap_or(0), back.clone().unwrap_or(0));
            let one = [(2, 0, 2), (0, 2, 0)].contains(&(kept, back, tables));
            assert!(one, "{name} at {at}: {mine:?}, {theirs:?}, {tables} tables");
            let receipt = journal.receipt().unwrap();
            assert!(receipt.unconfirmed.is_empty() && !receipt.rolling_back);
            assert!(!armed(&shared.lock()));
        }
    }
}

#[test]
fn who_looks_before_any_step_of_a_run_sees_a_host_and_changes_nothing() {
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let shared = SharedHost::new(FakeHost::debian());
        let turn = {
            let (host, state) = (shared.clone(), dir.path().to_owned());
            move || {
                let bytes = || fs::read(state.join("journal.jsonl")).ok();
                let before = (host.lock().tree.clone(), bytes());
                let receipt = FileJournal::new(&state).receipt().unwrap();
                let plan = Plan::make(&files("one"), &receipt, &host).unwrap();
                assert_eq!(plan.steps.len(), 2);
                assert_eq!(before, (host.lock().tree.clone(), bytes()));
            }
        };
        let steps = Steps::before(at, turn);
        let mut journal = InSteps {
            journal: FileJournal::new(dir.path()),
            steps: steps.clone(),
        };
        run(
            &mut shared.in_steps(&steps),
            &mut journal,
            &files("one"),
            None,
        )
        .unwrap();
        if !steps.had_its_turn() {
            assert!(at > 5, "only {at} places");
            break;
        }
    }
}

#[test]
fn of_two_runs_one_works_and_the_other_reports_which() {
    const ROUNDS: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    let shared = SharedHost::new(FakeHost::debian());
    let (inside, won, refused) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let keys = Mutex::new(None);
    let (dir, shared, keys) = (&dir, &shared, &keys);
    let (inside, won_all, told_all) = (&inside, &won, &refused);
    std::thread::scope(|scope| {
        for text in ["one", "two"] {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let lock = match RunLock::take(&dir.path().join("lock"), &mut |_| {}) {
                        Ok(lock) => lock,
                        Err(fault) => {
                            let me = format!("another run (process {})", std::process::id());
                            assert!(fault.chain().contains(&me), "{}", fault.chain());
                            told_all.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                    };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at work");
                    let mut journal = FileJournal::new(dir.path());
                    run(&mut (*shared).clone(), &mut journal, &files(text), None).unwrap();
                    let receipt = journal.receipt().unwrap();
                    assert!(
                        Plan::make(&files(text), &receipt, shared)
                            .unwrap()
                            .is_empty()
                    );
                    let key = shared.lock().text("/etc/key");
                    let first = keys
                        .lock()
                        .unwrap()
                        .get_or_insert_with(|| key.clone())
                        .clone();
                    assert_eq!(first, key, "another key");
                    inside.fetch_sub(1, Ordering::SeqCst);
                    won_all.fetch_add(1, Ordering::Relaxed);
                    drop(lock);
                }
            });
        }
    });
    let (won, refused) = (won.into_inner(), refused.into_inner());
    println!("{won} runs, {refused} were refused");
    assert!(won > 0 && won + refused == 2 * ROUNDS);
    let receipt = FileJournal::new(dir.path()).receipt().unwrap();
    assert_eq!(receipt.entries.len(), 2);
    assert!(receipt.entries.iter().all(|entry| !entry.open));
}

fn noted(name: &str) -> Event {
    Event::Noted {
        name: name.into(),
        value: 1.into(),
    }
}

#[test]
fn a_journal_that_is_folded_beside_two_writers_loses_no_record() {
    for round in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        FileJournal::new(dir.path()).append(&noted("old")).unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        let line = text.lines().next_back().unwrap().to_owned() + "\n";
        text.push_str(&line.repeat(4100));
        fs::write(&path, text).unwrap();
        let writes = |who: &str| {
            let mut journal = FileJournal::new(dir.path());
            for at in 0..20 {
                journal.append(&noted(&format!("{who} {at}"))).unwrap();
                // An observer sees the complete journal at any time.
                let notes = FileJournal::new(dir.path()).receipt().unwrap().notes;
                assert!(notes.contains_key("old") && notes.contains_key(&format!("{who} {at}")));
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| writes("one"));
            scope.spawn(|| writes("two"));
            let mut journal = FileJournal::new(dir.path());
            journal.compact().unwrap();
            journal.append(&noted("folded")).unwrap();
        });
        let notes = FileJournal::new(dir.path()).receipt().unwrap().notes;
        assert_eq!(notes.len(), 42, "round {round}");
        assert!(fs::read_to_string(&path).unwrap().lines().count() < 100);
    }
}
