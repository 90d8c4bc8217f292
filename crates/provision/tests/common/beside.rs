//! A host in memory that two have at once: one of them works, and the other gets its turn before a step that was chosen.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use provision::Fault;
use provision::engine::{Event, FileJournal, Journal, Receipt};
use provision::host::fake::FakeHost;
use provision::host::{Clock, Hands, Meta, NewFile, Order, Output, Probe, Query, Space};

type Turn = Box<dyn FnOnce() + Send>;

/// Counts the steps of whoever works, and gives the other one its turn.
#[derive(Clone, Default)]
pub struct Steps(Arc<Mutex<Count>>);

#[derive(Default)]
struct Count {
    steps: usize,
    /// Before which step, and what.
    waits: Option<(usize, Turn)>,
}

impl Steps {
    /// Before the step of this number, counted from 0, this happens.
    pub fn before(at: usize, turn: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Count {
            steps: 0,
            waits: Some((at, Box::new(turn))),
        })))
    }

    /// Whether that has happened.
    pub fn had_its_turn(&self) -> bool {
        self.0.lock().unwrap().waits.is_none()
    }

    fn step(&self) {
        let turn = {
            let mut count = self.0.lock().unwrap();
            let now = count.steps;
            count.steps += 1;
            count.waits.take_if(|(at, _)| *at == now)
        };
        if let Some((_, turn)) = turn {
            turn();
        }
    }
}

/// A host that several have.
#[derive(Clone)]
pub struct Shared {
    host: Arc<Mutex<FakeHost>>,
    steps: Steps,
}

impl Shared {
    /// The only one so far.
    pub fn new(host: FakeHost) -> Self {
        Self {
            host: Arc::new(Mutex::new(host)),
            steps: Steps::default(),
        }
    }

    /// For whoever works in these steps.
    pub fn in_steps(&self, steps: &Steps) -> Self {
        Self {
            host: self.host.clone(),
            steps: steps.clone(),
        }
    }

    /// As it is now; the others wait meanwhile.
    pub fn now(&self) -> MutexGuard<'_, FakeHost> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self) -> MutexGuard<'_, FakeHost> {
        self.steps.step();
        self.now()
    }
}

impl Probe for Shared {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.now().read_up_to(path, limit)
    }
    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        self.now().meta(path)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        self.now().list(path)
    }
    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        self.now().link(path)
    }
    fn writable(&self, path: &Path) -> bool {
        self.now().writable(path)
    }
    fn space(&self, path: &Path) -> Result<Space, Fault> {
        self.now().space(path)
    }
    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        self.now().ask(query)
    }
    fn clock(&self) -> Clock {
        self.now().clock()
    }
}

impl Hands for Shared {
    fn probe(&self) -> &dyn Probe {
        self
    }
    fn put(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        self.step().put(file)
    }
    fn put_new(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        self.step().put_new(file)
    }
    fn own(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        self.step().own(path, uid, gid, mode)
    }
    fn mkdir(&mut self, path: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Fault> {
        self.step().mkdir(path, uid, gid, mode)
    }
    fn symlink(&mut self, path: &Path, target: &Path) -> Result<(), Fault> {
        self.step().symlink(path, target)
    }
    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        self.step().rename(from, to)
    }
    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        self.step().remove(path)
    }
    fn remove_tree(&mut self, path: &Path) -> Result<(), Fault> {
        self.step().remove_tree(path)
    }
    fn set_kernel(&mut self, path: &Path, value: &str) -> Result<(), Fault> {
        self.step().set_kernel(path, value)
    }
    fn unpack(
        &mut self,
        packages: &[npm::Package],
        tree: &Path,
        omit: &npm::Omit,
        note: &mut dyn FnMut(&str),
    ) -> Result<(), Fault> {
        self.step().unpack(packages, tree, omit, note)
    }
    fn tell(&mut self, order: &Order) -> Result<Output, Fault> {
        self.step().tell(order)
    }
}

/// The journal of whoever works in steps: a file, which others have open as well.
pub struct InSteps {
    /// The file.
    pub journal: FileJournal,
    /// The steps.
    pub steps: Steps,
}

impl Journal for InSteps {
    fn receipt(&self) -> Result<Receipt, Fault> {
        self.journal.receipt()
    }
    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        self.steps.step();
        self.journal.append_if(event, when)
    }
}
