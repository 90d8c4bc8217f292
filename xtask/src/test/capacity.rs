//! The cores and the memory that tasks may take together.

use std::fs;

use crate::schedule::Capacity;

/// Tasks may take this many times the cores of the machine, since they do not take their average all the time. It was tried
/// on two cores: with 1.3, a dozen tasks ran at once, and work of a second took a minute.
pub(super) const OVERBOOKED: f64 = 1.1;

/// The part of the memory that tasks may take. The rest is for the page cache.
const MEMORY: f64 = 0.8;

/// The capacity of this machine.
pub(super) fn capacity() -> Capacity {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = meminfo.lines().find_map(|line| {
        let rest = line.strip_prefix("MemAvailable:")?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    });
    // Without the file the memory counts as enough: one task too many is slow, and none at all is worse.
    let memory = available.map_or(f64::INFINITY, |kib| kib / 1024.0);
    Capacity {
        cores: cores as f64 * OVERBOOKED,
        memory: memory * MEMORY,
    }
}
