//! The same work for many items, on several processors, with progress reports.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::printer::Printer;

/// One thread may need up to a GiB of memory to open a file.
const MOST_THREADS: usize = 4;

/// Time between two progress reports.
pub const EVERY: Duration = Duration::from_secs(3);

/// The result of `one` for each item, in the order of the items. If it takes long, it reports "N of M `what`".
///
/// # Errors
///
/// The first error, with its item. No further item is started after it.
pub fn each<'a, T: Sync, R: Send, E: Send>(
    items: &'a [T],
    what: &str,
    printer: &mut Printer,
    one: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, (&'a T, E)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, one) = (AtomicUsize::new(0), &one);
    let (sender, done) = mpsc::channel();
    let mut results: Vec<_> = items.iter().map(|_| None).collect();
    // The first item runs alone: the others can use its cached results.
    let mut count = 0;
    if let Some(item) = items.first() {
        next.store(1, Ordering::Relaxed);
        results[0] = Some(one(item).map_err(|error| (item, error))?);
        count = 1;
    }
    let mut failed = None;
    let mut reported = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..cores.min(MOST_THREADS).min(items.len().saturating_sub(1)) {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    if sender.send((at, one(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match done.recv_timeout(EVERY.saturating_sub(reported.elapsed())) {
                Ok((at, Ok(result))) => {
                    results[at] = Some(result);
                    count += 1;
                }
                Ok((at, Err(error))) => {
                    next.store(items.len(), Ordering::Relaxed);
                    failed.get_or_insert((&items[at], error));
                }
                Err(RecvTimeoutError::Timeout) => {
                    printer.say(&format!("{count} of {} {what}", items.len()));
                    reported = Instant::now();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    match failed {
        Some(failed) => Err(failed),
        None => Ok(results.into_iter().flatten().collect()),
    }
}
