//! `cargo xtask test`: every check of the project, as many at once as the machine has room for.

mod capacity;
mod jobs;
mod selection;
#[cfg(test)]
mod tests;

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cache;
use crate::cases::CASES;
use crate::job::Job;
use crate::report::Report;
use crate::runner;
use capacity::capacity;
use jobs::{ABOUT_CODE, jobs};
pub use selection::Selection;

/// If more tasks than these fail, it is not by chance.
const SECOND_TRIES: usize = 3;

/// No second try begins later than this after the start, so that the run ends within CI's 90 minutes.
const SECOND_TRIES_UNTIL: Duration = Duration::from_secs(75 * 60);

/// The end of all waiting, also for tasks that hang.
const CI_UNTIL: Duration = Duration::from_secs(85 * 60);

/// Runs the selected checks. The last printed line is `N passed, N failed`.
pub fn run(selection: &Selection) -> Result<ExitCode> {
    if selection.list {
        let cases = CASES.iter().map(|case| (case.name, case.about));
        for (name, about) in ABOUT_CODE.iter().copied().chain(cases) {
            println!("{name:<22} {about}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let begin = Instant::now();
    let jobs = Arc::new(jobs(selection)?);
    let all: Vec<_> = (0..jobs.len()).collect();
    let until = selection.second_try.then(|| begin + CI_UNTIL);
    let mut report = Report::default();
    report.add(runner::run(&jobs, &all, capacity(), until));
    if selection.second_try {
        second_tries(&mut report, &jobs, begin);
    }
    let took = begin.elapsed();
    print!("\n{}\n{}", report.table(took), report.drift(&jobs));
    fs::create_dir_all(cache::target())?;
    report.write(&cache::target().join("test-run.json"), took)?;
    print!("\n{}", report.summary());
    Ok(if report.all_passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Tries each failed task once more, alone on the machine, and then the tasks that need it: decision 0017.
fn second_tries(report: &mut Report, jobs: &Arc<Vec<Job>>, begin: Instant) {
    if report.failed().len() > SECOND_TRIES {
        return;
    }
    let until = Some(begin + CI_UNTIL);
    for job in report.flaky_failures() {
        if begin.elapsed() < SECOND_TRIES_UNTIL {
            println!("\n== once more, alone");
            report.add(runner::run(jobs, &[job], capacity(), until));
        }
    }
    if report.failed().is_empty() && begin.elapsed() < SECOND_TRIES_UNTIL {
        report.add(runner::run(jobs, &report.not_started(), capacity(), until));
    }
}
