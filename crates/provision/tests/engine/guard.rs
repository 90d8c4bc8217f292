//! A change that can lock out the operator: armed before it is made, and rolled back unless it is confirmed.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use provision::Fault;
use provision::engine::{
    Action, Applied, Apply, ApplyCx, Consent, Cx, Diff, Event, Graph, Journal, Kind, MemoryJournal,
    Outcome, Plan, Progress, Receipt, ResourceId, Reverted, Stop, Unconfirmed, confirm, due,
    roll_back,
};
use provision::host::fake::FakeHost;
use provision::host::{FileType, HostMut};
use provision::kills::{self, Kill, all, dying};
use provision::kinds::{File, Owner};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::common::{self, KIT, STATE};

/// A file that decides who can log in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct CommitConfirmed<const BLOCKED: bool>(File);

impl<const BLOCKED: bool> Kind for CommitConfirmed<BLOCKED> {
    type Seen = <File as Kind>::Seen;
    type Prior = <File as Kind>::Prior;

    fn id(&self) -> ResourceId {
        self.0.id()
    }
    fn is_commit_confirmed(&self) -> bool {
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
    fn memory(&self, seen: &Self::Seen) -> Option<Value> {
        self.0.memory(seen)
    }
    fn absent(&self, seen: &Self::Seen) -> bool {
        self.0.absent(seen)
    }
    fn keep(&self, seen: &Self::Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        self.0.keep(seen, host_mut)
    }
    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        self.0.apply(seen, cx)
    }
    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        if BLOCKED && cx.host_mut.meta(Path::new(OBSTACLE))?.is_some() {
            return Err(Fault::new("something stands before the door"));
        }
        self.0.revert(prior, cx)
    }
}

type Door = CommitConfirmed<false>;
/// Another door, which cannot be opened again while an obstacle exists.
type Blocked = CommitConfirmed<true>;

provision::resources! {
    /// A host of doors and their hinges.
    enum Host {
        Door(Door),
        Hinge(File),
        Blocked(Blocked),
    }
}

const OBSTACLE: &str = "/etc/obstacle";
const GATE: &str = "/etc/gate";

const DOOR: &str = "/etc/door";
const TIMER: &str = "aztec-kit-take-back.timer";

pub fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    host.plant(KIT, FileType::File, b"program", 0o755);
    host.plant(DOOR, FileType::File, b"open\n", 0o600);
    host
}

fn graph(text: &str) -> Graph<Host> {
    let mut graph = Graph::default();
    graph.add(
        CommitConfirmed::<false>(File::new(DOOR, text, Owner::root(0o644))),
        [],
    );
    graph
}

pub fn run(host: &mut FakeHost, journal: &mut MemoryJournal, text: &str) -> Result<Outcome, Stop> {
    common::run_commit_confirmed(host, journal, &graph(text))
}

fn back(host: &mut FakeHost, journal: &mut MemoryJournal) -> Result<Vec<String>, Fault> {
    let all = roll_back::<Host>(Path::new(STATE), host, journal).whole()?;
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
fn an_unconfirmed_change_is_rolled_back_and_pending_again() {
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
    assert_eq!(receipt.rolled_back.len(), 1, "status has nothing to report");
    assert!(
        !Plan::make(&graph("shut\n"), &receipt, &host)
            .unwrap()
            .is_empty()
    );
    // After it was made again and confirmed, it no longer counts as rolled back.
    run(&mut host, &mut journal, "shut\n").unwrap();
    assert_eq!(keep(&mut host, &mut journal), 1);
    assert!(journal.receipt().unwrap().rolled_back.is_empty());
}

#[test]
fn a_confirmed_change_stays_and_leaves_nothing_behind() {
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
    // The prior state is still on record: the removal of the door restores it.
    assert_eq!(journal.receipt().unwrap().entries, confirmed.entries);
}

#[test]
fn who_has_another_way_in_needs_no_guard() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    common::run(&mut host, &mut journal, &graph("shut\n")).unwrap();
    assert!(!armed(&host) && journal.receipt().unwrap().unconfirmed.is_empty());
}

/// A browser uses such a name for a second download. In a unit, a blank ends a word, and a `%` begins a specifier.
#[test]
fn whatever_the_program_is_called_its_copy_starts() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let dir = "/root/100% new";
    let program = format!("{dir}/aztec-kit (1)");
    host.plant("/root", FileType::Directory, b"", 0o700);
    host.plant(dir, FileType::Directory, b"", 0o700);
    host.plant(&program, FileType::File, b"another", 0o755);
    let guard = provision::engine::Guard {
        program: program.into(),
        ..common::guard()
    };
    Apply {
        host_mut: &mut host,
        journal: &mut journal,
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(false),
        progress: &mut provision::engine::Quiet,
    }
    .run_commit_confirmed(&graph("shut\n"), Some(&guard))
    .unwrap();
    let service = "/etc/systemd/system/aztec-kit-take-back.service";
    let service = host.text(service).unwrap();
    let start = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let program = start.unwrap().strip_suffix(" take-back --due").unwrap();
    assert_eq!(program, format!("{STATE}/take-back/aztec-kit"));
    assert_eq!(host.text(program).unwrap(), "another");
}

#[test]
fn without_its_program_nothing_is_changed() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    host.tree.remove(Path::new(KIT));
    let stop = run(&mut host, &mut journal, "shut\n").unwrap_err();
    assert!(stop.fault.remedy().is_some());
    assert_eq!(host.text(DOOR).unwrap(), "open\n");
}

/// The host and the journal after each kill, on a host that `begin` has made.
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
        assert!(ran.met(kill), "{kill:?} was never reached");
        (kill, host, journal)
    };
    all(&whole).into_iter().map(died).collect()
}

fn shut() -> (FakeHost, MemoryJournal) {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    run(&mut host, &mut journal, "shut\n").unwrap();
    (host, journal)
}

/// The number of files that the guard itself left behind.
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
fn wherever_a_rollback_dies_the_next_one_completes_it() {
    let all = killed(shut, |host, journal| {
        let all = roll_back::<Host>(Path::new(STATE), host, journal).whole();
        all.map(drop).map_err(|fault| fault.chain())
    });
    assert!(all.len() > 5, "only {} places were tried", all.len());
    for (kill, mut host, mut journal) in all {
        back(&mut host, &mut journal).unwrap();
        assert_eq!(host.text(DOOR).unwrap(), "open\n", "died at {kill:?}");
        assert_eq!(left(&host), 0, "died at {kill:?}");
        let receipt = journal.receipt().unwrap();
        assert!(receipt.entries.is_empty() && receipt.unconfirmed.is_empty());
        assert_eq!(receipt.rolled_back.len(), 1, "died at {kill:?}");
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
        // The time is up, and then somebody confirms again.
        let (mut late, mut record) = (host.clone(), journal.clone());
        assert_eq!(back(&mut late, &mut record).unwrap().len(), waiting);
        let door = ["shut\n", "open\n"][waiting];
        assert_eq!(late.text(DOOR).unwrap(), door, "died at {kill:?}");
        assert_eq!(keep(&mut host, &mut journal), waiting);
        assert_eq!(host.text(DOOR).unwrap(), "shut\n", "died at {kill:?}");
        assert_eq!((left(&late), left(&host)), (0, 0), "died at {kill:?}");
    }
}

fn nothing() -> Graph<Host> {
    Graph::default()
}

/// A host whose door was shut and confirmed.
fn shut_for_good() -> (FakeHost, MemoryJournal) {
    let (mut host, mut journal) = shut();
    keep(&mut host, &mut journal);
    (host, journal)
}

/// The rollback of a firewall needs its program.
#[test]
fn the_means_to_roll_back_a_removal_stay_until_it_is_confirmed() {
    const HINGE: &str = "/etc/hinge";
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let mut desired = graph("shut\n");
    let screw = desired.add(File::new("/etc/screw", "s\n", Owner::root(0o644)), []);
    let hinge = desired.add(File::new(HINGE, "h\n", Owner::root(0o644)), [screw]);
    desired.add(
        CommitConfirmed::<false>(File::new(GATE, "shut\n", Owner::root(0o644))),
        [hinge],
    );
    desired.add(File::new("/etc/bell", "b\n", Owner::root(0o644)), []);
    common::run_commit_confirmed(&mut host, &mut journal, &desired).unwrap();
    keep(&mut host, &mut journal);
    let removed = common::run_commit_confirmed(&mut host, &mut journal, &nothing()).unwrap();
    let kept = removed.applied.iter().filter(|step| step.kept.is_some());
    let kept: Vec<_> = kept.map(|step| step.id.to_string()).collect();
    assert_eq!(kept, ["file[/etc/hinge]", "file[/etc/screw]"]);
    assert!(host.text(GATE).is_none() && host.text("/etc/bell").is_none());
    // The next run does not remove it either, as long as nobody has confirmed.
    let (mut confirmed, mut its_journal) = (host.clone(), journal.clone());
    common::run_commit_confirmed(&mut host, &mut journal, &nothing()).unwrap();
    assert!(host.text(HINGE).is_some());
    back(&mut host, &mut journal).unwrap();
    let plan = Plan::make(&desired, &journal.receipt().unwrap(), &host).unwrap();
    let pending: Vec<_> = plan.pending().map(|step| step.id.to_string()).collect();
    assert_eq!(
        pending,
        ["file[/etc/bell]"],
        "as it was, except for the bell, which nothing needs"
    );
    keep(&mut confirmed, &mut its_journal);
    common::run_commit_confirmed(&mut confirmed, &mut its_journal, &nothing()).unwrap();
    assert!(confirmed.text(HINGE).is_none());
    assert!(its_journal.receipt().unwrap().entries.is_empty());
}

#[test]
fn a_removal_can_be_rolled_back_and_confirmed_too() {
    let (mut host, mut journal) = shut_for_good();
    let on_record = journal.receipt().unwrap().entries;
    common::run_commit_confirmed(&mut host, &mut journal, &nothing()).unwrap();
    assert_eq!(host.text(DOOR).unwrap(), "open\n");
    assert!(armed(&host) && journal.receipt().unwrap().entries.is_empty());
    let (mut kept, mut kept_journal) = (host.clone(), journal.clone());
    assert_eq!(back(&mut host, &mut journal).unwrap(), ["file[/etc/door]"]);
    assert_eq!(host.text(DOOR).unwrap(), "shut\n");
    assert_eq!(journal.receipt().unwrap().entries, on_record);
    // It is still a leftover, and the next run removes it again.
    let plan = Plan::make(&nothing(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(!plan.is_empty());
    assert_eq!(keep(&mut kept, &mut kept_journal), 1);
    assert_eq!(kept.text(DOOR).unwrap(), "open\n");
    assert_eq!(left(&kept), 0);
}

#[test]
fn wherever_a_removal_dies_the_door_has_its_timer_and_goes_back() {
    let guard = common::guard();
    let all = killed(shut_for_good, |host, journal| {
        kills::run(host, journal, &nothing(), Some(&guard), None).ended
    });
    assert!(all.len() > 15, "only {} places were tried", all.len());
    for (kill, mut host, mut journal) in all {
        if host.text(DOOR).unwrap() != "shut\n" {
            assert!(armed(&host), "no timer when the removal dies at {kill:?}");
        }
        back(&mut host, &mut journal).unwrap();
        assert_eq!(host.text(DOOR).unwrap(), "shut\n", "died at {kill:?}");
        let receipt = journal.receipt().unwrap();
        assert_eq!((receipt.entries.len(), left(&host)), (1, 0), "{kill:?}");
    }
}

/// Two doors, of which the second cannot be opened for now.
fn two_doors() -> (FakeHost, MemoryJournal) {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    host.plant(GATE, FileType::File, b"open\n", 0o600);
    let mut graph = graph("shut\n");
    let gate = File::new(GATE, "shut\n", Owner::root(0o644));
    graph.add(CommitConfirmed::<true>(gate), []);
    common::run_commit_confirmed(&mut host, &mut journal, &graph).unwrap();
    host.plant(OBSTACLE, FileType::File, b"", 0o600);
    (host, journal)
}

#[test]
fn one_that_cannot_be_rolled_back_does_not_stop_the_others() {
    let (mut host, mut journal) = two_doors();
    let fault = back(&mut host, &mut journal).unwrap_err();
    assert!(fault.chain().contains(GATE), "{}", fault.chain());
    assert_eq!(host.text(DOOR).unwrap(), "open\n");
    let receipt = journal.receipt().unwrap();
    assert_eq!(
        receipt.unconfirmed.len(),
        1,
        "the first is no longer waited for"
    );
    assert!(armed(&host), "nothing tries again");
    let late = confirm(Path::new(STATE), &mut host, &mut journal).unwrap_err();
    assert!(late.chain().contains("too late"));
    host.tree.remove(Path::new(OBSTACLE));
    assert_eq!(back(&mut host, &mut journal).unwrap(), ["file[/etc/gate]"]);
    assert_eq!(host.text(GATE).unwrap(), "open\n");
    assert!(!journal.receipt().unwrap().rolling_back && left(&host) == 0);
}

/// A damaged journal.
#[derive(Debug)]
struct Damaged;

impl Journal for Damaged {
    fn receipt(&self) -> Result<Receipt, Fault> {
        Err(Fault::new("line 7 is damaged"))
    }
    fn append_if(&mut self, _: &Event, _: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        Err(Fault::new("line 7 is damaged"))
    }
}

#[test]
fn without_its_journal_everything_can_be_rolled_back_or_confirmed() {
    let (mut host, _) = two_doors();
    let fault = roll_back::<Host>(Path::new(STATE), &mut host, &mut Damaged).faults;
    assert_eq!(fault.len(), 2, "the journal and the gate: {fault:?}");
    assert_eq!(host.text(DOOR).unwrap(), "open\n");
    assert!(armed(&host));
    host.tree.remove(Path::new(OBSTACLE));
    let back = roll_back::<Host>(Path::new(STATE), &mut host, &mut Damaged);
    assert_eq!(back.all.len(), 1, "what was taken back before is not again");
    assert_eq!(
        (host.text(GATE).unwrap().as_str(), left(&host)),
        ("open\n", 0)
    );
    let (mut host, _) = two_doors();
    let kept = confirm(Path::new(STATE), &mut host, &mut Damaged).unwrap();
    assert_eq!((kept.len(), left(&host)), (2, 0));
    assert!(confirm(Path::new(STATE), &mut host, &mut Damaged).is_err());
}

/// A full disk: the change is rolled back, and a record that could not be written is written later.
#[test]
fn a_journal_that_takes_no_record_leaves_nobody_out() {
    let (mut host, mut journal) = shut();
    let died = Some(Kill::Record(0));
    let ran = dying(&mut host, &mut journal, died, |host, journal| {
        let all = roll_back::<Host>(Path::new(STATE), host, journal).whole();
        all.map(drop).map_err(|fault| fault.chain())
    });
    ran.ended.unwrap_err();
    assert_eq!(host.text(DOOR).unwrap(), "open\n");
    assert!(armed(&host), "nothing tries again");
    assert_eq!(back(&mut host, &mut journal).unwrap(), ["file[/etc/door]"]);
    assert_eq!(left(&host), 0);
}

#[test]
fn the_time_begins_when_the_run_ends() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let mut armed_at = Vec::new();
    let guard = common::guard();
    let mut watch = Watch(&mut armed_at);
    Apply {
        host_mut: &mut host,
        journal: &mut journal,
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(false),
        progress: &mut watch,
    }
    .run_commit_confirmed(&graph("shut\n"), Some(&guard))
    .unwrap();
    let until = journal.receipt().unwrap().unconfirmed[0].until_us;
    assert_eq!(armed_at.len(), 1, "told once, when it is armed");
    assert!(until > armed_at[0], "the run's own time counts");
    assert_eq!(host.units[TIMER].starts, 2);
    // The service of a timer that elapsed during the run finds that it waits again.
    assert!(!due(&host));
    host.units.get_mut(TIMER).unwrap().elapsed = true;
    assert!(due(&host));
    host.silent = true;
    assert!(due(&host), "where nobody can tell");
}

/// The clock of systemd decides, and its time starts again at boot, whatever the wall clock says.
#[test]
fn a_clock_that_jumps_neither_ends_the_time_nor_keeps_it_from_ending() {
    for us in common::JUMPS {
        let (host, mut journal) = (common::of_our_days(host()), MemoryJournal::default());
        let mut host = host;
        run(&mut host, &mut journal, "shut\n").unwrap();
        host.jump(us);
        assert!(armed(&host) && !due(&host), "{us}");
        host.boot();
        assert!(armed(&host) && !due(&host), "{us}, after a boot");
        let (mut kept, mut record) = (host.clone(), journal.clone());
        assert_eq!(keep(&mut kept, &mut record), 1);
        host.units.get_mut(TIMER).unwrap().elapsed = true;
        assert!(due(&host), "{us}");
        assert_eq!(back(&mut host, &mut journal).unwrap(), ["file[/etc/door]"]);
        assert_eq!((left(&kept), left(&host)), (0, 0));
    }
}

/// Records the deadline of each change.
struct Watch<'a>(&'a mut Vec<i64>);

impl Progress for Watch<'_> {
    fn begin(&mut self, _: &ResourceId, _: Action) {}
    fn note(&mut self, _: &str) {}
    fn armed(&mut self, waiting: &[Unconfirmed]) {
        self.0.extend(waiting.iter().map(|change| change.until_us));
    }
    fn end(&mut self, _: &Applied) {}
}

#[test]
fn a_run_that_fails_begins_the_time_as_well() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let mut graph = graph("shut\n");
    let file = File::new("/etc/none/file", "", Owner::root(0o644));
    graph.add(
        CommitConfirmed::<false>(file),
        [ResourceId::new("file", DOOR)],
    );
    let stop = common::run_commit_confirmed(&mut host, &mut journal, &graph).unwrap_err();
    assert!(stop.at.is_some());
    assert!(armed(&host) && host.units[TIMER].starts > 2);
}
