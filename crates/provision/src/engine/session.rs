//! The right to change a host: its run lock, its journal, and what changes it, in one.
//!
//! What changes the real machine ([`HostMut`]) is made here and nowhere else, and is lent by whoever has lock and journal.
//! Three may do without the lock, each for one thing: see [`BesideARun`], [`InsteadOfARun`] and [`NewFiles`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;

use super::{
    Apply, Back, Consent, Event, FileJournal, Graph, Guard, Journal, NewFiles, Outcome, Progress,
    Receipt, Resource, ResourceId, RunLock, Stop, guard,
};
use crate::Fault;
use crate::host::{HostMut, Invocation, RealHostMut};

/// Where the state of a host is.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The directory of the journal, and of what takes changes back.
    pub state: PathBuf,
    /// The lock of the one run that may change the host.
    pub lock: PathBuf,
}

/// Makes another one for whoever asks.
type Makes<T> = Arc<dyn Fn() -> Box<T>>;

/// What was done to a host, to read.
#[derive(Clone)]
pub struct Records(Makes<dyn Journal>);

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Records")
    }
}

impl Records {
    /// The fold of the journal, as it is now.
    pub fn receipt(&self) -> Result<Receipt, Fault> {
        (self.0)().receipt()
    }
}

/// Who gives the right to change a host, and tells what was done to it.
pub struct Access {
    paths: Paths,
    host_mut: Makes<dyn HostMut>,
    journal: Makes<dyn Journal>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({:?})", self.paths)
    }
}

impl Access {
    /// To this machine.
    pub fn here(paths: Paths) -> Self {
        let state = paths.state.clone();
        Self {
            paths,
            host_mut: Arc::new(|| Box::new(RealHostMut::new())),
            journal: Arc::new(move || Box::new(FileJournal::new(&state))),
        }
    }

    /// To another host, which the caller can change anyway: one in memory.
    pub fn elsewhere<H: HostMut + 'static, J: Journal + 'static>(
        paths: Paths,
        host_mut: impl Fn() -> H + 'static,
        journal: impl Fn() -> J + 'static,
    ) -> Self {
        Self {
            paths,
            host_mut: Arc::new(move || Box::new(host_mut())),
            journal: Arc::new(move || Box::new(journal())),
        }
    }

    /// Where the state of the host is.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// What was done to the host, for whoever only looks.
    pub fn records(&self) -> Records {
        Records(Arc::clone(&self.journal))
    }

    /// Begins a run. There is one at a time: while another one goes on, this says who has the lock.
    pub fn begin(&self, note: &mut dyn FnMut(&str)) -> Result<Session, Fault> {
        Ok(Session {
            _lock: RunLock::take(&self.paths.lock, note)?,
            parts: self.parts(),
        })
    }

    /// For what must not wait for a run that goes on, and is ordered by the journal instead.
    pub fn beside_a_run(&self) -> BesideARun {
        BesideARun(self.parts())
    }

    /// For what must be done whatever a run does: with patience it waits that long for the run that goes on to end,
    /// then, or without, the lock is taken from it. Where a program that it left behind holds on to the lock, it is done
    /// without: to be locked out is worse than to race that.
    pub fn instead_of_a_run(
        &self,
        patience: Option<Duration>,
        note: &mut dyn FnMut(&str),
    ) -> Result<InsteadOfARun, Fault> {
        let path = &self.paths.lock;
        let ended = patience.map(|within| RunLock::after_the_run(path, within));
        let lock = match ended.transpose()?.flatten() {
            Some(lock) => Some(lock),
            None => RunLock::take_over(path, note)?,
        };
        Ok(InsteadOfARun {
            _lock: lock,
            parts: self.parts(),
        })
    }

    /// For whoever keeps files of their own on the host, root or not: see [`NewFiles`].
    pub fn new_files(&self) -> NewFiles {
        NewFiles::unrecorded((self.host_mut)())
    }

    fn parts(&self) -> Parts {
        Parts {
            state: self.paths.state.clone(),
            host_mut: (self.host_mut)(),
            journal: (self.journal)(),
        }
    }
}

/// What every right comes down to.
struct Parts {
    state: PathBuf,
    host_mut: Box<dyn HostMut>,
    journal: Box<dyn Journal>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({})", self.state.display())
    }
}

/// A run: the run lock, held until this is dropped, and the journal.
#[derive(Debug)]
pub struct Session {
    parts: Parts,
    _lock: RunLock,
}

impl Session {
    /// What was done to the host, this run included.
    pub fn receipt(&self) -> Result<Receipt, Fault> {
        self.parts.journal.receipt()
    }

    /// Brings the host to the desired state: see [`Apply::run_guarded`].
    pub fn apply<R: Resource>(
        &mut self,
        graph: &Graph<R>,
        consent: Consent<'_>,
        guard: Option<&Guard>,
        cancel: &AtomicBool,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, Stop> {
        Apply {
            host_mut: &mut *self.parts.host_mut,
            journal: &mut *self.parts.journal,
            consent,
            cancel,
            progress,
        }
        .run_guarded(graph, guard)
    }

    /// Remembers a value under a name.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) -> Result<(), Fault> {
        self.parts.journal.append(&noted(name, value))
    }

    /// Takes a resource off the record; the host is not touched.
    pub fn forget(&mut self, id: &ResourceId) -> Result<(), Fault> {
        let released = Event::Released { id: id.clone() };
        self.parts.journal.append(&released)
    }

    /// Gives an order that changes no resource, such as to start a unit, once it is on record under a name.
    pub fn order(
        &mut self,
        name: &str,
        value: impl Into<Value>,
        order: &Invocation,
    ) -> Result<(), Fault> {
        self.note(name, value)?;
        self.parts.host_mut.run(order)
    }

    /// Ends a run in which all went well: a journal that has become long is folded, and what is on record no more is
    /// cleared away.
    pub fn settle(
        &mut self,
        clear: impl FnOnce(&Receipt, &mut dyn HostMut) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.parts.journal.compact()?;
        clear(&self.parts.journal.receipt()?, &mut *self.parts.host_mut)
    }

    /// What changes the host, for the tests that hold it to what every host does.
    #[cfg(feature = "fake")]
    pub fn host_mut(&mut self) -> &mut dyn HostMut {
        &mut *self.parts.host_mut
    }

    /// The same as [`Access::new_files`] in a place of the host's own: each is on record under this name before it is made.
    pub fn new_files(self, name: &str) -> NewFiles {
        NewFiles::recorded(self.parts.host_mut, self.parts.journal, self._lock, name)
    }
}

/// What is safe while a run goes on, without its lock: what the journal decides in one record, whoever comes first.
#[derive(Debug)]
pub struct BesideARun(Parts);

impl BesideARun {
    /// Keeps every change that waits, and says which: see [`guard::confirm`]. Whoever confirms must not wait for the run
    /// that made the change.
    pub fn confirm(mut self) -> Result<Vec<ResourceId>, Fault> {
        guard::confirm(&self.0.state, &mut *self.0.host_mut, &mut *self.0.journal)
    }

    /// Remembers a value if what was done to the host is as this demands, and whether it was.
    pub fn note_if(
        mut self,
        name: &str,
        value: impl Into<Value>,
        when: &dyn Fn(&Receipt) -> bool,
    ) -> Result<bool, Fault> {
        self.0.journal.append_if(&noted(name, value), when)
    }
}

/// What must be done even if a run hangs: nobody may be able to log in.
#[derive(Debug)]
pub struct InsteadOfARun {
    parts: Parts,
    _lock: Option<RunLock>,
}

impl InsteadOfARun {
    /// Takes every change back that waits: see [`guard::roll_back`].
    pub fn roll_back<R: Resource>(mut self) -> Back {
        let parts = &mut self.parts;
        guard::roll_back::<R>(&parts.state, &mut *parts.host_mut, &mut *parts.journal)
    }
}

fn noted(name: &str, value: impl Into<Value>) -> Event {
    Event::Noted {
        name: name.into(),
        value: value.into(),
    }
}
