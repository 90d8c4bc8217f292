//! Kills in memory, for tests. A run dies at every write of the host and around every record of the journal, and the
//! next run must continue from the state that it left.
//!
//! For a reader of the journal, a kill in the middle of a record equals one before it: `tests/journal.rs` tests that on
//! real bytes, at each of them.

mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use fastrand::Rng;

use crate::Fault;
use crate::engine::{
    Apply, Consent, Event, Graph, Guard, Journal, MemoryJournal, Origin, Plan, Quiet, Receipt,
    Resource, ResourceId, Stop,
};
use crate::host::FileType;
use crate::host::fake::{Errno, Failing, FakeHost};
use crate::kinds::prune;

pub use tally::Tally;

/// The place where a run dies, counted from 0 at the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// Before that write of the host.
    Write(usize),
    /// The run is not killed: that write fails, and the run must end by itself.
    Fails(usize, Errno),
    /// Before that record of the journal.
    Record(usize),
    /// After that record, before its writer knows.
    Recorded(usize),
    /// The run is not killed: that record cannot be written.
    Unrecorded(usize, Errno),
}

/// A journal that dies with its process at a record.
struct Mortal<'a> {
    journal: &'a mut dyn Journal,
    records: usize,
    failed: bool,
    dies_at: Option<Kill>,
}

impl<'a> Mortal<'a> {
    fn new(journal: &'a mut dyn Journal, dies_at: Option<Kill>) -> Self {
        Self {
            journal,
            records: 0,
            failed: false,
            dies_at,
        }
    }

    /// Whether the next record fails: once, or from now on.
    fn fails(&self, at: usize, errno: Errno) -> bool {
        self.records >= at && (!self.failed || errno == Errno::ReadOnly)
    }
}

impl Journal for Mortal<'_> {
    fn receipt(&self) -> Result<Receipt, Fault> {
        self.journal.receipt()
    }

    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        let died = || Err(Fault::new("the run died here"));
        // A dead process does not continue.
        match self.dies_at {
            Some(Kill::Record(at)) if self.records >= at => return died(),
            Some(Kill::Recorded(at)) if self.records > at => return died(),
            Some(Kill::Unrecorded(at, errno)) if self.fails(at, errno) => {
                self.failed = true;
                return Err(errno.fault());
            }
            _ => {}
        }
        if !self.journal.append_if(event, when)? {
            return Ok(false);
        }
        self.records += 1;
        match self.dies_at {
            Some(Kill::Recorded(at)) if self.records > at => died(),
            _ => Ok(true),
        }
    }
}

/// A host with its journal.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The host.
    pub host: FakeHost,
    /// Its journal.
    pub journal: MemoryJournal,
}

/// The result of a run.
#[derive(Debug)]
pub struct Ran {
    /// Success, or the place and the reason of the failure.
    pub ended: Result<(), String>,
    /// Writes of the host.
    pub writes: usize,
    /// Records of the journal.
    pub records: usize,
    /// Whether the failure of a write or a record happened.
    pub failed: bool,
}

impl Ran {
    /// Whether it reached that place. A run may continue after a write fails that it does not need, but never after a
    /// kill.
    pub fn met(&self, kill: Kill) -> bool {
        match kill {
            Kill::Fails(..) | Kill::Unrecorded(..) => self.failed,
            Kill::Write(_) | Kill::Record(_) | Kill::Recorded(_) => self.ended.is_err(),
        }
    }
}

impl State {
    /// A host without changes by aztec-kit, whose systemd has loaded its units.
    pub fn new(mut host: FakeHost) -> Self {
        host.read_units();
        Self {
            host,
            journal: MemoryJournal::default(),
        }
    }

    /// Converges the host, and dies on the way if asked to.
    pub fn run<R: Resource>(&mut self, graph: &Graph<R>, dies_at: Option<Kill>) -> Ran {
        run(&mut self.host, &mut self.journal, graph, None, dies_at)
    }
}

/// Converges a host with any journal, and dies on the way if asked to.
pub fn run<R: Resource>(
    host: &mut FakeHost,
    journal: &mut dyn Journal,
    graph: &Graph<R>,
    guard: Option<&Guard>,
    dies_at: Option<Kill>,
) -> Ran {
    dying(host, journal, dies_at, |host, journal| {
        Apply {
            host_mut: host,
            journal,
            consent: Consent::Configuration(None),
            cancel: &AtomicBool::new(false),
            progress: &mut Quiet,
        }
        .run_guarded(graph, guard)
        .map_err(|stop| told(&stop))?;
        let pruned = journal.receipt().and_then(|receipt| prune(&receipt, host));
        pruned.map_err(|fault| fault.chain())
    })
}

/// Changes a host that can be killed, and returns how far it came.
pub fn dying(
    host: &mut FakeHost,
    journal: &mut dyn Journal,
    dies_at: Option<Kill>,
    what: impl FnOnce(&mut FakeHost, &mut dyn Journal) -> Result<(), String>,
) -> Ran {
    let before = host.writes;
    match dies_at {
        Some(Kill::Write(at)) => host.dies_at = Some(before + at),
        Some(Kill::Fails(at, errno)) => {
            let at = before + at;
            host.failing = Some(Failing { at, errno });
        }
        _ => {}
    }
    let mut journal = Mortal::new(journal, dies_at);
    let ended = what(host, &mut journal);
    let writes = host.writes - before;
    let failed = journal.failed || matches!(dies_at, Some(Kill::Fails(at, _)) if writes > at);
    (host.dies_at, host.failing) = (None, None);
    Ran {
        ended,
        writes,
        records: journal.records,
        failed,
    }
}

/// The states that are left after a kill at each place.
///
/// # Errors
///
/// When it ends by itself, or does not reach a place.
pub fn each(
    from: &State,
    what: impl Fn(&mut FakeHost, &mut dyn Journal) -> Result<(), String>,
) -> impl Iterator<Item = Result<(Kill, State), String>> {
    let mut whole = from.clone();
    let ran = dying(&mut whole.host, &mut whole.journal, None, &what);
    let places = ran.ended.as_ref().map_or(Vec::new(), |()| all(&ran));
    let why = ran.ended.err().map(Err);
    why.into_iter().chain(places.into_iter().map(move |kill| {
        let mut state = from.clone();
        let ran = dying(&mut state.host, &mut state.journal, Some(kill), &what);
        match ran.met(kill) {
            true => Ok((kill, state)),
            false => Err(format!("{kill:?} was never reached")),
        }
    }))
}

/// The number of writes that are made to fail in a long run. A failed write ends a run like a kill before it, except
/// for the cleanup of aztec-kit itself. In a short run every write fails with every error.
const FAILURES: usize = 128;

/// Every place where such a run can die, and every write and record that can fail.
pub fn all(ran: &Ran) -> Vec<Kill> {
    let records = (0..ran.records).flat_map(|at| [Kill::Record(at), Kill::Recorded(at)]);
    let fails = failing(ran.writes, FAILURES).map(|(at, errno)| Kill::Fails(at, errno));
    let unrecorded = failing(ran.records, FAILURES / 2);
    let unrecorded = unrecorded.map(|(at, errno)| Kill::Unrecorded(at, errno));
    let writes = (0..ran.writes).map(Kill::Write);
    let failures = fails.chain(unrecorded);
    writes.chain(failures).chain(records).collect()
}

/// Up to that many failures, with each error equally often.
fn failing(all: usize, most: usize) -> impl Iterator<Item = (usize, Errno)> {
    let errors = Errno::ALL.len();
    let step = 1 + all * errors / most;
    let step = if step.is_multiple_of(errors) {
        step + 1
    } else {
        step
    };
    let places = (0..all * errors).step_by(step);
    places.map(move |at| (at / errors, Errno::ALL[at % errors]))
}

/// The invariants after every kill.
#[derive(Debug)]
pub struct Walk<'a, R> {
    /// The desired state.
    pub graph: &'a Graph<R>,
    /// Files that are created once: they never change, and a removal leaves them.
    pub secrets: &'a [&'a str],
    /// Files that may exist after one kill and not after another.
    pub loose: &'a [&'a str],
    /// Files whose content is derived from a secret, and so differs from host to host.
    pub derived: &'a [&'a str],
}

impl<R: Resource> Walk<'_, R> {
    /// Kills a run at every place, each time on a copy of a host that is in sync or not, and runs again after each
    /// kill. Returns the tally.
    ///
    /// # Errors
    ///
    /// The invariant that did not hold, and the kill.
    pub fn apply(&self, from: &State) -> Result<Tally, String> {
        let (like, ran) = self.unkilled(from, self.graph)?;
        for kill in all(&ran) {
            let mut state = self.killed(from, self.graph, kill)?;
            self.heals(&mut state, self.graph, &like)
                .and_then(|()| same_history(&state, &like))
                .map_err(|why| format!("killed at {kill:?}: {why}"))?;
        }
        Ok(Tally::of(&all(&ran)))
    }

    /// The same for the removal of everything, which is then completed or cancelled.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn remove(&self, from: &State) -> Result<Tally, String> {
        let nothing = Graph::default();
        let (there, _) = self.unkilled(from, self.graph)?;
        let (gone, ran) = self.unkilled(&there, &nothing)?;
        for kill in all(&ran) {
            for (graph, like) in [(&nothing, &gone), (self.graph, &there)] {
                let mut state = self.killed(&there, &nothing, kill)?;
                // An image that its engine cannot remove stays and is no longer managed, which is reported.
                let mut entries = receipt(&state)?.entries.into_iter();
                let ours = entries.any(|entry| entry.id.to_string().starts_with("image["));
                if !ours && state.host.engine != gone.host.engine {
                    continue;
                }
                self.heals(&mut state, graph, like)
                    .and_then(|()| same_record(&state, like, Some(&|id| self.wanted_again(id))))
                    .map_err(|why| format!("removal killed at {kill:?}: {why}"))?;
            }
        }
        Ok(Tally::of(&all(&ran)))
    }

    /// The same for a run that is killed, after which its resources become leftovers.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn abandon(&self, from: &State) -> Result<Tally, String> {
        let nothing = Graph::default();
        let (there, ran) = self.unkilled(from, self.graph)?;
        let (gone, _) = self.unkilled(&there, &nothing)?;
        for kill in all(&ran) {
            let mut state = self.killed(from, self.graph, kill)?;
            self.heals(&mut state, &nothing, &gone)
                .and_then(|()| same_record(&state, &gone, None))
                .map_err(|why| format!("killed at {kill:?} and abandoned: {why}"))?;
        }
        Ok(Tally::of(&all(&ran)))
    }

    /// Kills a run and then the next one, at random places.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn twice(&self, from: &State, times: usize, dice: &mut Rng) -> Result<Tally, String> {
        let (like, ran) = self.unkilled(from, self.graph)?;
        let places = all(&ran);
        let mut tally = Tally::default();
        for _ in 0..times {
            let Some(&first) = dice.choice(&places) else {
                break;
            };
            let state = self.killed(from, self.graph, first)?;
            let (_, rest) = self.unkilled(&state, self.graph)?;
            let Some(second) = dice.choice(all(&rest)) else {
                continue;
            };
            let mut state = self.killed(&state, self.graph, second)?;
            self.heals(&mut state, self.graph, &like)
                .and_then(|()| same_history(&state, &like))
                .map_err(|why| format!("killed at {first:?} and then at {second:?}: {why}"))?;
            tally.count(first);
            tally.count(second);
        }
        Ok(tally)
    }

    /// The wall clock jumps by that much at each write of a run. The run must still succeed, and leave the same host as
    /// without the jump. Returns the number of jumps.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn jump(&self, from: &State, us: i64) -> Result<usize, String> {
        let (like, ran) = self.unkilled(from, self.graph)?;
        for at in 0..ran.writes {
            let mut state = from.clone();
            state.host.jumps_at = Some((state.host.writes + at, us));
            let ended = state.run(self.graph, None).ended;
            ended
                .and_then(|()| self.rests(&mut state, self.graph, &like))
                .and_then(|()| same_history(&state, &like))
                .map_err(|why| format!("the clock jumps by {us} us at write {at}: {why}"))?;
        }
        Ok(ran.writes)
    }

    /// The host after a run without a kill.
    fn unkilled(&self, from: &State, graph: &Graph<R>) -> Result<(State, Ran), String> {
        let mut state = from.clone();
        let ran = state.run(graph, None);
        match &ran.ended {
            Ok(()) => Ok((state, ran)),
            Err(why) => Err(format!("without a kill: {why}")),
        }
    }

    fn killed(&self, from: &State, graph: &Graph<R>, kill: Kill) -> Result<State, String> {
        let mut state = from.clone();
        match state.run(graph, Some(kill)).met(kill) {
            true => Ok(state),
            false => Err(format!("{kill:?} was never reached")),
        }
    }

    /// Runs again, and checks that the host equals one without a kill.
    fn heals(&self, state: &mut State, graph: &Graph<R>, like: &State) -> Result<(), String> {
        let secrets = self.secrets(&state.host);
        if let Err(why) = state.run(graph, None).ended {
            return Err(format!("the next run stops: {why}"));
        }
        let now = self.secrets(&state.host);
        if let Some(path) = secrets
            .keys()
            .find(|path| now.get(*path) != secrets.get(*path))
        {
            return Err(format!("{path} was replaced"));
        }
        self.rests(state, graph, like)
    }

    /// Checks that a host equals one on which every run succeeded, and stays so.
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn rests(&self, state: &mut State, graph: &Graph<R>, like: &State) -> Result<(), String> {
        let before = state.clone();
        let ran = state.run(graph, None);
        if ran.ended.is_err() || (ran.writes, ran.records) != (0, 0) {
            let plan = receipt(&before).map(|receipt| Plan::make(graph, &receipt, &before.host));
            return Err(format!(
                "the second run does something: {ran:?}, as in {plan:?}"
            ));
        }
        self.same_tree(&state.host, &like.host)?;
        same_units(&state.host, &like.host)
    }

    /// A resource that was removed and is desired again has a new history. It starts from the remains of the removal: a
    /// secret is adopted, and a service whose unit still exists is changed, not created.
    fn wanted_again(&self, id: &ResourceId) -> Origin {
        let name = id.to_string();
        let mut left = self.secrets.iter().chain(self.loose);
        if left.any(|path| name.ends_with(&format!("[{path}]"))) {
            return Origin::Adopted;
        }
        Origin::Changed
    }

    /// The secrets of a host.
    pub fn secrets(&self, host: &FakeHost) -> BTreeMap<String, String> {
        let there = |path: &&str| Some(((*path).to_owned(), host.text(path)?));
        self.secrets.iter().filter_map(there).collect()
    }

    /// No file is missing, and none is left over.
    fn same_tree(&self, host: &FakeHost, like: &FakeHost) -> Result<(), String> {
        let (is, wanted) = (self.shape(host), self.shape(like));
        let differ = |path: &&PathBuf| is.get(*path) != wanted.get(*path);
        if let Some(path) = is.keys().chain(wanted.keys()).find(differ) {
            let shown = |node: Option<&Node>| match node {
                None => "nothing".to_owned(),
                Some((kind, bytes, uid, gid, mode)) => format!(
                    "{} {uid}:{gid} {mode:o} {:?}",
                    kind.word(),
                    String::from_utf8_lossy(bytes)
                ),
            };
            return Err(format!(
                "{}: {} instead of {}",
                path.display(),
                shown(is.get(path)),
                shown(wanted.get(path))
            ));
        }
        Ok(())
    }

    fn shape(&self, host: &FakeHost) -> BTreeMap<PathBuf, Node> {
        let mut shape = host.shape();
        let loose = self.secrets.iter().chain(self.loose);
        shape.retain(|path, _| loose.clone().all(|loose| path != Path::new(loose)));
        for path in self.derived {
            if let Some((_, bytes, ..)) = shape.get_mut(Path::new(path)) {
                bytes.clear();
            }
        }
        shape
    }
}

/// Type, content, owner, group and mode.
type Node = (FileType, Vec<u8>, u32, u32, u32);

fn told(stop: &Stop) -> String {
    let at = stop.at.as_ref().map(ToString::to_string);
    format!("{}: {}", at.unwrap_or_default(), stop.fault.chain())
}

fn receipt(state: &State) -> Result<Receipt, String> {
    state.journal.receipt().map_err(|fault| fault.chain())
}

/// The same units run, and the same images exist.
fn same_units(is: &FakeHost, wanted: &FakeHost) -> Result<(), String> {
    let units = |host: &FakeHost| -> BTreeMap<String, (String, bool)> {
        // systemd forgets a unit without a file that does not run.
        let units = host.units.iter().filter(|(name, unit)| {
            let path = Path::new("/etc/systemd/system").join(name);
            host.tree.contains_key(&path) || unit.active == "active"
        });
        units
            .map(|(name, unit)| (name.clone(), (unit.active.clone(), unit.loaded.is_some())))
            .collect()
    };
    let (have, want) = (units(is), units(wanted));
    if have != want {
        return Err(format!("units: {have:?} instead of {want:?}"));
    }
    if is.engine != wanted.engine {
        return Err(format!("images: {:?}", is.engine));
    }
    Ok(())
}

/// The same history as without a kill: the same record, and no additional start of a service.
fn same_history(is: &State, wanted: &State) -> Result<(), String> {
    let starts = |state: &State| -> Vec<(String, u32)> {
        let units = state.host.units.iter();
        units
            .map(|(name, unit)| (name.clone(), unit.starts))
            .collect()
    };
    let (have, want) = (starts(is), starts(wanted));
    if have != want {
        return Err(format!("started {have:?} instead of {want:?}"));
    }
    same_record(is, wanted, None)
}

/// The expected origin of a resource if it differs from that without a kill.
type Otherwise<'a> = &'a dyn Fn(&ResourceId) -> Origin;

/// The same resources in the same order with the same prior states. Their memories contain times, so they are not
/// compared.
fn same_record(is: &State, wanted: &State, otherwise: Option<Otherwise<'_>>) -> Result<(), String> {
    let (is, wanted) = (receipt(is)?.entries, receipt(wanted)?.entries);
    for (is, wanted) in is.iter().zip(&wanted) {
        let same = is.id == wanted.id
            && is.spec == wanted.spec
            && (is.origin == wanted.origin || otherwise.is_some_and(|of| of(&is.id) == is.origin))
            && is.prior == wanted.prior
            && is.open == wanted.open
            && is.memory.is_some() == wanted.memory.is_some();
        if !same {
            return Err(format!("on record is {is:?} instead of {wanted:?}"));
        }
    }
    if is.len() != wanted.len() {
        return Err(format!("{} on record, not {}", is.len(), wanted.len()));
    }
    Ok(())
}
