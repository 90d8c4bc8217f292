//! A run that is killed on the way.

use std::sync::atomic::AtomicBool;

use super::mortal::Mortal;
use super::place::{Kill, places};
use crate::engine::{
    Apply, Consent, Graph, Guard, Journal, MemoryJournal, Quiet, Receipt, Resource, Stop,
};
use crate::host::fake::{Failing, FakeHost};
use crate::kinds::prune;

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

    pub(super) fn receipt(&self) -> Result<Receipt, String> {
        self.journal.receipt().map_err(|fault| fault.chain())
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
        .run_commit_confirmed(graph, guard)
        .map_err(|stop| described(&stop))?;
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

/// Every place where such a run can die, and every write and record that can fail.
pub fn all(ran: &Ran) -> Vec<Kill> {
    places(ran.writes, ran.records)
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
    let mut unkilled = from.clone();
    let ran = dying(&mut unkilled.host, &mut unkilled.journal, None, &what);
    let kills = ran.ended.as_ref().map_or(Vec::new(), |()| all(&ran));
    let why = ran.ended.err().map(Err);
    why.into_iter().chain(kills.into_iter().map(move |kill| {
        let mut state = from.clone();
        let ran = dying(&mut state.host, &mut state.journal, Some(kill), &what);
        match ran.met(kill) {
            true => Ok((kill, state)),
            false => Err(format!("{kill:?} was never reached")),
        }
    }))
}

fn described(stop: &Stop) -> String {
    let at = stop.at.as_ref().map(ToString::to_string);
    format!("{}: {}", at.unwrap_or_default(), stop.fault.chain())
}
