//! A host in memory with several owners, like the processes that read and change a real one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::host::FakeHost;
use crate::Fault;
use crate::host::{
    Clock, Held, HostMut, Invocation, Meta, NewFile, Output, Probe, Query, RandomReads, Space,
};

/// The time between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);
/// The number of tries: much longer than any action in memory.
const PATIENCE: usize = 20_000;

type Turn = Box<dyn FnOnce() + Send>;

/// Counts the steps of one owner, and gives another one its turn before one of them.
#[derive(Clone, Default)]
pub struct Steps(Arc<Mutex<Made>>);

/// The number of steps so far, and the action before one of them.
#[derive(Default)]
struct Made {
    count: usize,
    before: Option<(usize, Turn)>,
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Steps")
    }
}

impl Steps {
    /// Runs an action before the step of this number, counted from 0.
    pub fn before(at: usize, turn: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Made {
            count: 0,
            before: Some((at, Box::new(turn))),
        })))
    }

    /// Whether the action has run.
    pub fn had_its_turn(&self) -> bool {
        self.now().before.is_none()
    }

    fn now(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a step.
    pub fn step(&self) {
        let turn = {
            let mut now = self.now();
            now.count += 1;
            let due = matches!(&now.before, Some((at, _)) if *at + 1 == now.count);
            if due { now.before.take() } else { None }
        };
        if let Some((_, turn)) = turn {
            turn();
        }
    }
}

/// One of the owners.
#[derive(Debug, Clone, Default)]
pub struct SharedHost {
    host: Arc<Mutex<FakeHost>>,
    steps: Steps,
}

impl SharedHost {
    /// A host with one owner so far.
    pub fn new(host: FakeHost) -> Self {
        Self {
            host: Arc::new(Mutex::new(host)),
            steps: Steps::default(),
        }
    }

    /// Another owner whose changes count as steps.
    pub fn in_steps(&self, steps: &Steps) -> Self {
        Self {
            host: self.host.clone(),
            steps: steps.clone(),
        }
    }

    fn step(&self) -> MutexGuard<'_, FakeHost> {
        self.steps.step();
        self.lock()
    }

    /// Locks the host. Other owners wait meanwhile.
    ///
    /// # Panics
    ///
    /// When the lock is not released: a guard in the middle of a statement lives to its end.
    pub fn lock(&self) -> MutexGuard<'_, FakeHost> {
        for _ in 0..PATIENCE {
            match self.host.try_lock() {
                Ok(host) => return host,
                Err(TryLockError::Poisoned(host)) => return host.into_inner(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY_INTERVAL),
            }
        }
        panic!("the host is held, perhaps by this statement itself");
    }
}

impl Probe for SharedHost {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.lock().read_up_to(path, limit)
    }
    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        self.lock().meta(path)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        self.lock().list(path)
    }
    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        self.lock().link(path)
    }
    fn writable(&self, path: &Path) -> bool {
        self.lock().writable(path)
    }
    fn space(&self, path: &Path) -> Result<Space, Fault> {
        self.lock().space(path)
    }
    fn random_reads(&self, dir: &Path) -> Result<Option<RandomReads>, Fault> {
        self.lock().random_reads(dir)
    }
    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        self.lock().ask(query)
    }
    fn clock(&self) -> Clock {
        self.lock().clock()
    }
}

impl HostMut for SharedHost {
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
    fn hold(&self, dir: &Path) -> Result<Held, Fault> {
        self.lock().hold(dir)
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
    fn tell(&mut self, order: &Invocation) -> Result<Output, Fault> {
        self.step().tell(order)
    }
}
