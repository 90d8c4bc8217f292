//! The resources of each task: time, processor time, memory, and its waits.
//!
//! A task is everything within [`measured`]. Its programs on the outer machine are in a control group of its own, and
//! [`watch`] reports the groups of its machines. Both need root. Without root only the time is known.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The resources that a task has used.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// Processor time of its programs and machines.
    pub cpu: Option<Duration>,
    /// MiB of anonymous memory of its programs and machines, the highest sample. The page cache does not count, since
    /// the kernel can reclaim it.
    pub memory: Option<u64>,
    /// Its waits and their times, the longest first.
    pub waits: Vec<(String, Duration)>,
}

/// The meter of one task.
#[derive(Debug)]
pub struct Meter {
    name: String,
    begin: Instant,
    /// The control group of its programs on the outer machine.
    group: Option<PathBuf>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// The usage of groups that are gone.
    cpu: Duration,
    /// The groups that exist.
    groups: Vec<PathBuf>,
    memory: u64,
    waits: BTreeMap<String, Duration>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Meter>>> = const { RefCell::new(None) };
    /// Whether a wait is being measured. Waits within it do not count again.
    static WAITING: Cell<bool> = const { Cell::new(false) };
}

impl Meter {
    /// A meter for the task of this name. `group` is the control group of its programs on the outer machine, if it can
    /// have one.
    pub fn new(name: &str, group: Option<PathBuf>) -> Arc<Meter> {
        let counts = Counts {
            groups: group.iter().cloned().collect(),
            ..Counts::default()
        };
        Arc::new(Meter {
            name: name.to_owned(),
            begin: Instant::now(),
            group,
            counts: Mutex::new(counts),
        })
    }

    /// The time since its start.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Takes a sample of the used memory. It has to be called regularly.
    pub fn sample(&self) {
        let groups = self.counts().groups.clone();
        let memory = groups.iter().map(|group| anonymous(group)).sum();
        let mut counts = self.counts();
        counts.memory = counts.memory.max(memory);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usage(&self) -> Usage {
        let mut counts = self.counts();
        for group in std::mem::take(&mut counts.groups) {
            counts.cpu += cpu(&group);
        }
        if let Some(group) = &self.group {
            // A remaining process is being ended, or belongs to a machine that is kept.
            let _ = fs::remove_dir(group);
        }
        let mut waits: Vec<_> = std::mem::take(&mut counts.waits).into_iter().collect();
        waits.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let known = self.group.is_some();
        Usage {
            wall: self.begin.elapsed(),
            cpu: known.then_some(counts.cpu),
            memory: known.then_some(counts.memory / 1024),
            waits,
        }
    }
}

/// Does work as the task of a meter, on this thread, and returns the resources that it used.
pub fn measured<T>(meter: &Arc<Meter>, work: impl FnOnce() -> T) -> (T, Usage) {
    CURRENT.set(Some(Arc::clone(meter)));
    let result = work();
    CURRENT.set(None);
    (result, meter.usage())
}

/// The control group for programs of the task of this thread.
pub fn group() -> Option<PathBuf> {
    current(|meter| meter.group.clone()).flatten()
}

/// Counts what a control group takes for the task of this thread.
pub fn watch(group: &Path) {
    current(|meter| meter.counts().groups.push(group.to_owned()));
}

/// Records the usage of a control group that is about to be removed.
pub fn unwatch(group: &Path) {
    current(|meter| {
        let mut counts = meter.counts();
        let before = counts.groups.len();
        counts.groups.retain(|watched| watched != group);
        if counts.groups.len() < before {
            counts.cpu += cpu(group);
        }
    });
}

/// Does work that mostly waits, and records its time under this name.
pub fn waiting<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if WAITING.replace(true) {
        return work();
    }
    let begin = Instant::now();
    let result = work();
    WAITING.set(false);
    current(|meter| {
        *meter.counts().waits.entry(what.to_owned()).or_default() += begin.elapsed();
    });
    result
}

/// Prints lines, each with the name of the task of this thread.
pub fn say(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    let printed = current(|meter| {
        let lines = text.lines().map(str::trim_start);
        let lines: Vec<_> = lines
            .map(|line| format!("   {}: {line}\n", meter.name))
            .collect();
        print!("{}", lines.concat());
    });
    if printed.is_none() {
        println!("{text}");
    }
}

/// Prints lines as `println!` does, with the name of the task that prints them.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::meter::say(format_args!($($arg)*)) };
}

fn current<T>(with: impl FnOnce(&Meter) -> T) -> Option<T> {
    CURRENT.with_borrow(|meter| meter.as_deref().map(with))
}

/// The processor time of all processes that are or were in a control group.
fn cpu(group: &Path) -> Duration {
    let text = fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
    let micros = field(&text, "usage_usec").unwrap_or(0);
    Duration::from_micros(micros)
}

/// KiB of anonymous memory of all processes in a control group. It is summed over the processes, since not every outer
/// machine has the memory controller in its cgroup2 tree.
fn anonymous(group: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sum += anonymous(&entry.path());
        }
    }
    let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines() {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        sum += field(&status, "RssAnon:").unwrap_or(0);
    }
    sum
}

/// The number after this word at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Meter, field, measured, waiting};

    #[test]
    fn fields_of_the_kernels_files() {
        let stat = "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n";
        assert_eq!(field(stat, "usage_usec"), Some(1234));
        let status = "Name:\tnode\nRssAnon:\t  204800 kB\nRssFile:\t 1 kB\n";
        assert_eq!(field(status, "RssAnon:"), Some(204_800));
        assert_eq!(field(status, "VmSwap:"), None);
    }

    #[test]
    fn only_the_outermost_wait_counts_and_the_longest_comes_first() {
        let nap = |millis| std::thread::sleep(Duration::from_millis(millis));
        let (_, usage) = measured(&Meter::new("a task", None), || {
            waiting("short", || nap(1));
            waiting("long", || waiting("within it", || nap(40)));
            waiting("short", || nap(1));
        });
        let names: Vec<_> = usage.waits.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["long", "short"]);
        assert!(usage.waits[0].1 >= Duration::from_millis(40));
        assert!(usage.wall >= usage.waits[0].1);
    }

    #[test]
    fn without_a_task_a_wait_is_only_a_wait() {
        assert_eq!(waiting("nothing", || 5), 5);
    }
}
