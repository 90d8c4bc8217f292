//! The right to change a host: its run lock, its journal, and its [`HostMut`], in one.
//!
//! The [`HostMut`] of the real machine is created here and nowhere else. Only a holder of lock and journal can use it.
//! Three types work without the lock, each for one purpose: [`BesideARun`], [`InsteadOfARun`] and [`NewFiles`].

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

/// The paths of the state of a host.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The directory of the journal and of the rollback timer's files.
    pub state: PathBuf,
    /// The lock of the one run that may change the host.
    pub lock: PathBuf,
}

/// Creates a new instance for each caller.
type Makes<T> = Arc<dyn Fn() -> Box<T>>;

/// Read access to the journal of a host.
#[derive(Clone)]
pub struct Records(Makes<dyn Journal>);

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Records")
    }
}

impl Records {
    /// The receipt, as it is now.
    pub fn receipt(&self) -> Result<Receipt, Fault> {
        (self.0)().receipt()
    }
}

/// Grants the right to change a host, and read access to its journal.
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
    /// Access to this machine.
    pub fn here(paths: Paths) -> Self {
        let state = paths.state.clone();
        Self {
            paths,
            host_mut: Arc::new(|| Box::new(RealHostMut::new())),
            journal: Arc::new(move || Box::new(FileJournal::new(&state))),
        }
    }

    /// Access to another host that the caller can change anyway: one in memory.
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

    /// The paths of the state of the host.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Read access to the journal.
    pub fn records(&self) -> Records {
        Records(Arc::clone(&self.journal))
    }

    /// Begins a run. Only one runs at a time: if another one is in progress, the error names its process.
    pub fn begin(&self, note: &mut dyn FnMut(&str)) -> Result<Session, Fault> {
        Ok(Session {
            _lock: RunLock::take(&self.paths.lock, note)?,
            parts: self.parts(),
        })
    }

    /// For changes that must not wait for a run in progress. The journal orders them instead.
    pub fn beside_a_run(&self) -> BesideARun {
        BesideARun(self.parts())
    }

    /// For changes that must be made whatever a run does. With `patience` it waits that long for the run in progress to
    /// end. Then, or without `patience`, it takes the lock from the run. If a process that the run left behind still
    /// holds the lock, it continues without: a lockout is worse than a race with that process.
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

    /// For files that an operator keeps anywhere on the host, root or not: see [`NewFiles`].
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

/// The parts of every right.
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
    /// The receipt of the host, this run included.
    pub fn receipt(&self) -> Result<Receipt, Fault> {
        self.parts.journal.receipt()
    }

    /// Converges the host: see [`Apply::run_commit_confirmed`].
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
        .run_commit_confirmed(graph, guard)
    }

    /// Records a value under a name.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) -> Result<(), Fault> {
        self.parts.journal.append(&noted(name, value))
    }

    /// Takes a resource off the record without changing the host.
    pub fn forget(&mut self, id: &ResourceId) -> Result<(), Fault> {
        let released = Event::Released { id: id.clone() };
        self.parts.journal.append(&released)
    }

    /// Runs a command that changes no resource, such as the start of a unit, after recording it under a name.
    pub fn order(
        &mut self,
        name: &str,
        value: impl Into<Value>,
        order: &Invocation,
    ) -> Result<(), Fault> {
        self.note(name, value)?;
        self.parts.host_mut.run(order)
    }

    /// Ends a successful run: compacts a long journal, and removes data that the receipt no longer needs.
    pub fn settle(
        &mut self,
        clear: impl FnOnce(&Receipt, &mut dyn HostMut) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.parts.journal.compact()?;
        clear(&self.parts.journal.receipt()?, &mut *self.parts.host_mut)
    }

    /// The [`HostMut`] of this session, for the conformance tests of hosts.
    #[cfg(feature = "fake")]
    pub fn host_mut(&mut self) -> &mut dyn HostMut {
        &mut *self.parts.host_mut
    }

    /// As [`Access::new_files`], in a directory of the host's own: each path is recorded under this name before it is
    /// created.
    pub fn new_files(self, name: &str) -> NewFiles {
        NewFiles::recorded(self.parts.host_mut, self.parts.journal, self._lock, name)
    }
}

/// Changes that are safe without the lock while a run is in progress. One record of the journal decides which of two
/// writers wins.
#[derive(Debug)]
pub struct BesideARun(Parts);

impl BesideARun {
    /// Confirms every change that waits and returns their ids: see [`guard::confirm`]. The operator must not have to
    /// wait for the run that made the change.
    pub fn confirm(mut self) -> Result<Vec<ResourceId>, Fault> {
        guard::confirm(&self.0.state, &mut *self.0.host_mut, &mut *self.0.journal)
    }

    /// Records a value if the receipt fulfils a condition, and returns whether it did.
    pub fn note_if(
        mut self,
        name: &str,
        value: impl Into<Value>,
        when: &dyn Fn(&Receipt) -> bool,
    ) -> Result<bool, Fault> {
        self.0.journal.append_if(&noted(name, value), when)
    }
}

/// A change that must be made even if a run hangs, because the operator may be locked out.
#[derive(Debug)]
pub struct InsteadOfARun {
    parts: Parts,
    _lock: Option<RunLock>,
}

impl InsteadOfARun {
    /// Rolls back every change that waits: see [`guard::roll_back`].
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
