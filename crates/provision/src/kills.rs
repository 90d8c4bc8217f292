//! Kills in memory, for tests: a run dies at every write of the host and around every record of the journal, and
//! whatever it left must be good enough for the next one.
//!
//! A kill in the middle of a record is one before it, for whoever reads the journal: `tests/journal.rs` tries that on
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

/// Where a run dies; counted from 0, from the beginning of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// Before that write of the host.
    Write(usize),
    /// Not at all: that write fails, and the run has to end by itself.
    Fails(usize, Errno),
    /// Before that record of the journal.
    Record(usize),
    /// After that record, and before whoever wrote it hears of it.
    Recorded(usize),
    /// Not at all: that record cannot be written.
    Unrecorded(usize, Errno),
}

/// A journal whose process dies at a record.
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

    /// Whether the next record cannot be written: once, or never again.
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
        // Whoever has died does not come back.
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
    /// What was done to it.
    pub journal: MemoryJournal,
}

/// What a run did.
#[derive(Debug)]
pub struct Ran {
    /// How it ended: well, or why and where it did not.
    pub ended: Result<(), String>,
    /// Writes of the host.
    pub writes: usize,
    /// Records of the journal.
    pub records: usize,
    /// Whether a write or a record failed that was to fail.
    pub failed: bool,
}

impl Ran {
    /// Whether it came as far as that. One may go on where a write fails that it can do without, and never where it dies.
    pub fn met(&self, kill: Kill) -> bool {
        match kill {
            Kill::Fails(..) | Kill::Unrecorded(..) => self.failed,
            Kill::Write(_) | Kill::Record(_) | Kill::Recorded(_) => self.ended.is_err(),
        }
    }
}

impl State {
    /// A host that we have not touched, whose systemd has read its units.
    pub fn new(mut host: FakeHost) -> Self {
        host.read_units();
        Self {
            host,
            journal: MemoryJournal::default(),
        }
    }

    /// Brings the host to what a graph wants, and dies on the way when asked.
    pub fn run<R: Resource>(&mut self, graph: &Graph<R>, dies_at: Option<Kill>) -> Ran {
        run(&mut self.host, &mut self.journal, graph, None, dies_at)
    }
}

/// Brings a host to what a graph wants, with whatever journal, and dies on the way when asked.
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

/// Does anything to a host that can be killed, and says how far it came.
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

/// What is left by each place where that can die on this host.
///
/// # Errors
///
/// Where it ends by itself, or was never reached.
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

/// How many writes of a long run are made to fail: one that fails ends a run as a kill before it does, but for what the
/// program itself clears away. In a short run it is every write, with every error.
const FAILURES: usize = 128;

/// Every place where a run that did this much can die, and writes and records that can fail.
pub fn all(ran: &Ran) -> Vec<Kill> {
    let records = (0..ran.records).flat_map(|at| [Kill::Record(at), Kill::Recorded(at)]);
    let fails = failing(ran.writes, FAILURES).map(|(at, errno)| Kill::Fails(at, errno));
    let unrecorded = failing(ran.records, FAILURES / 2);
    let unrecorded = unrecorded.map(|(at, errno)| Kill::Unrecorded(at, errno));
    let writes = (0..ran.writes).map(Kill::Write);
    let failures = fails.chain(unrecorded);
    writes.chain(failures).chain(records).collect()
}

/// Up to about so many of all, with each error equally often.
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

/// What must hold whatever is killed.
#[derive(Debug)]
pub struct Walk<'a, R> {
    /// What is wanted.
    pub graph: &'a Graph<R>,
    /// Files that are made once: they never change, and a removal leaves them.
    pub secrets: &'a [&'a str],
    /// Files that may be there after one kill and not after another.
    pub loose: &'a [&'a str],
    /// Files whose content follows from a secret, and so differs from one host to the next.
    pub derived: &'a [&'a str],
}

impl<R: Resource> Walk<'_, R> {
    /// From a host that is as wanted or not: kills a run at every place, each time on a host of its own, and after
    /// each runs again. Gives what was tried.
    ///
    /// # Errors
    ///
    /// What did not hold, and after which kill.
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

    /// The same of the removal of all, which is ended, or taken back.
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
                // An image that its engine does not let go of stays, and is no longer ours; that is told.
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

    /// The same of a run that is killed and then no longer wanted.
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

    /// Kills a run and then the one that goes on, at places that the dice choose.
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

    /// The wall clock jumps at each write of a run, so far: the run ends all the same, and leaves a host as without
    /// that. Gives the number of jumps.
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

    /// The host after a run that nobody kills.
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

    /// Runs again, and looks whether the host is now as one where nothing was killed.
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
            return Err(format!("{path} is another one now"));
        }
        self.rests(state, graph, like)
    }

    /// Looks whether a host is as one where all went well, and stays so.
    ///
    /// # Errors
    ///
    /// What is otherwise.
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

    /// What was removed and is wanted again has a new history. It begins with what the removal left of it: a secret
    /// is found, and a service whose unit is still there is changed and not made.
    fn wanted_again(&self, id: &ResourceId) -> Origin {
        let name = id.to_string();
        let mut left = self.secrets.iter().chain(self.loose);
        if left.any(|path| name.ends_with(&format!("[{path}]"))) {
            return Origin::Adopted;
        }
        Origin::Changed
    }

    /// The secrets that a host has.
    pub fn secrets(&self, host: &FakeHost) -> BTreeMap<String, String> {
        let there = |path: &&str| Some(((*path).to_owned(), host.text(path)?));
        self.secrets.iter().filter_map(there).collect()
    }

    /// Nothing is missing, and nothing is left over.
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

/// The same units run, and the same images are there.
fn same_units(is: &FakeHost, wanted: &FakeHost) -> Result<(), String> {
    let units = |host: &FakeHost| -> BTreeMap<String, (String, bool)> {
        // systemd forgets by itself what has no file and does not run.
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

/// As if nothing had been killed: the same on record, and no service was started more often.
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

/// How a resource may have come to be looked after, when it is not as without a kill.
type Otherwise<'a> = &'a dyn Fn(&ResourceId) -> Origin;

/// The same resources in the same order, with what was there before us. What is remembered of them has times in it.
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
