//! `cargo xtask test`: every check of the project, beside each other as far as the machine goes.

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::cargo::{self, Haste};
use crate::cases::{BINARY, CASES, Case, Context, PREPARATIONS, PREREQUISITES};
use crate::report::Report;
use crate::runner::{self, Job};
use crate::schedule::{Capacity, Cost, Task};
use crate::{cache, dist, fuzz, prerequisites, tidy};

/// Tasks do not take their average all the time: this many times the cores that there are, as tried on two. With 1.3
/// a dozen were at work at once, and what a host does in a second took a minute.
const OVERBOOKED: f64 = 1.1;

/// The part of the memory that tasks may take; the rest is for the page cache.
const MEMORY: f64 = 0.8;

/// More tasks than these do not fail by chance together.
const SECOND_TRIES: usize = 3;

/// No second try begins later than this after the start, so that the run ends within CI's 90 minutes.
const SECOND_TRIES_UNTIL: Duration = Duration::from_secs(75 * 60);

/// And nothing is waited for later than this, also if it hangs.
const CI_UNTIL: Duration = Duration::from_secs(85 * 60);

/// What to run, as the command line says.
#[derive(Debug, Default)]
pub struct Selection {
    fast: bool,
    list: bool,
    keep: bool,
    second_try: bool,
    cases: Vec<String>,
}

impl Selection {
    /// Reads the arguments after `test`.
    pub fn parse(mut args: lexopt::Parser) -> Result<Selection> {
        let mut selection = Selection::default();
        while let Some(arg) = args.next()? {
            match arg {
                Long("fast") => selection.fast = true,
                Long("list") => selection.list = true,
                Long("keep") => selection.keep = true,
                Long("second-try") => selection.second_try = true,
                Long("machine") => selection.cases.push(args.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(selection)
    }

    /// The machine cases to run.
    fn cases(&self) -> Result<Vec<Case>> {
        if self.cases.is_empty() {
            return Ok(if self.fast {
                Vec::new()
            } else {
                CASES.to_vec()
            });
        }
        let find = |name: &String| match CASES.iter().find(|case| case.name == *name) {
            Some(case) => Ok(*case),
            None => bail!("there is no case `{name}`; `cargo xtask test --list` names them"),
        };
        self.cases.iter().map(find).collect()
    }

    /// Whether the code is checked as well, and not only the cases that were asked for.
    fn code(&self) -> bool {
        self.cases.is_empty()
    }
}

/// What is said about the code without a machine: name, and what it says.
const ABOUT_CODE: &[(&str, &str)] = &[
    ("formatting", "every file is formatted as rustfmt does it"),
    (
        "textual rules",
        "no file breaks a rule that no compiler knows",
    ),
    ("lints", "clippy has nothing to say"),
    ("unit tests", "every unit and conformance test holds"),
    (
        "fuzzers",
        "for a minute of inputs that are the same each time, no parser fails",
    ),
    (BINARY, "it compiles, and asks for no dynamic loader"),
    (PREREQUISITES, "the outer machine has what machines need"),
];

/// Runs the selected checks; the last line printed is `N passed, N failed`.
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
    Ok(if report.all_held() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What failed gets one more try, with the machine for itself, and then what needs it: decision 0017.
fn second_tries(report: &mut Report, jobs: &Arc<Vec<Job>>, begin: Instant) {
    if report.failed().len() > SECOND_TRIES {
        return;
    }
    let until = Some(begin + CI_UNTIL);
    for job in report.failed_by_chance() {
        if begin.elapsed() < SECOND_TRIES_UNTIL {
            println!("\n== once more, alone");
            report.add(runner::run(jobs, &[job], capacity(), until));
        }
    }
    if report.failed().is_empty() && begin.elapsed() < SECOND_TRIES_UNTIL {
        report.add(runner::run(jobs, &report.untried(), capacity(), until));
    }
}

/// What this machine has for tasks.
fn capacity() -> Capacity {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = meminfo.lines().find_map(|line| {
        let rest = line.strip_prefix("MemAvailable:")?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    });
    // Without the file, as if there were enough: a task more than fits is slow, and none at all is worse.
    let memory = available.map_or(f64::INFINITY, |kib| kib / 1024.0);
    Capacity {
        cores: cores as f64 * OVERBOOKED,
        memory: memory * MEMORY,
    }
}

/// The tasks of a selection, each behind what it needs.
fn jobs(selection: &Selection) -> Result<Vec<Job>> {
    let cases = selection.cases()?;
    let context = Context {
        binary: dist::path(),
        keep: selection.keep,
    };
    let needed = needed(&cases);
    let mut jobs = Vec::new();
    if selection.code() {
        about_code(&mut jobs, !cases.is_empty());
    }
    if needed.contains(&PREREQUISITES) {
        let run = Box::new(prerequisites::for_machines);
        add(
            &mut jobs,
            PREREQUISITES,
            &[],
            Cost {
                wall: 15,
                cpu: 8,
                memory: 50,
            },
            run,
        )
        .chancy = true;
    }
    if needed.contains(&BINARY) {
        let run = Box::new(|| dist::build().map(drop));
        let cost = Cost {
            wall: 170,
            cpu: 287,
            memory: 1500,
        };
        add(&mut jobs, BINARY, &[], cost, run).task.filler = true;
    }
    for preparation in PREPARATIONS.iter().filter(|it| needed.contains(&it.name)) {
        let (context, make) = (context.clone(), preparation.run);
        let run = Box::new(move || make(&context));
        let job = add(
            &mut jobs,
            preparation.name,
            preparation.needs,
            preparation.cost,
            run,
        );
        (job.chancy, job.statement) = (true, false);
    }
    for case in cases {
        let context = context.clone();
        let run = Box::new(move || (case.run)(&context));
        add(&mut jobs, case.name, case.needs, case.cost, run).chancy = true;
    }
    Ok(jobs)
}

/// What the cases need, and what that needs.
fn needed(cases: &[Case]) -> Vec<&'static str> {
    let mut needed: Vec<_> = cases.iter().flat_map(|case| case.needs).copied().collect();
    // Each preparation stands behind what it needs.
    for preparation in PREPARATIONS.iter().rev() {
        if needed.contains(&preparation.name) {
            needed.extend(preparation.needs);
        }
    }
    needed
}

fn add<'a>(
    jobs: &'a mut Vec<Job>,
    name: &'static str,
    needs: &[&str],
    cost: Cost,
    run: Box<dyn Fn() -> Result<()> + Send + Sync>,
) -> &'a mut Job {
    let place = |need: &&str| jobs.iter().position(|job| job.name == *need);
    let task = Task {
        cost,
        needs: needs.iter().filter_map(place).collect(),
        filler: false,
    };
    let job = Job {
        name,
        task,
        statement: true,
        chancy: false,
        run,
    };
    jobs.push(job);
    let last = jobs.len() - 1;
    &mut jobs[last]
}

/// The checks of the code. Beside machines, compilers take what these leave.
fn about_code(jobs: &mut Vec<Job>, beside_machines: bool) {
    let haste = if beside_machines {
        Haste::Last
    } else {
        Haste::Usual
    };
    let cost = |wall, cpu, memory| Cost { wall, cpu, memory };
    let linted = |args: &'static [&'static str]| -> Box<dyn Fn() -> Result<()> + Send + Sync> {
        Box::new(move || cargo::run(args, haste, &cargo::LINTED))
    };
    let format = || cargo::run(&["fmt", "--all", "--check"], Haste::Usual, &[]);
    add(jobs, "formatting", &[], cost(2, 1, 20), Box::new(format));
    add(
        jobs,
        "textual rules",
        &[],
        cost(1, 0, 10),
        Box::new(tidy::check),
    );
    let lints = linted(&["test", "--workspace", "--no-run"]);
    add(jobs, "lints", &[], cost(180, 290, 900), lints)
        .task
        .filler = beside_machines;
    let tests = linted(&["test", "--workspace", "--", "--quiet"]);
    add(jobs, "unit tests", &["lints"], cost(82, 112, 340), tests)
        .task
        .filler = beside_machines;
    if beside_machines {
        // What it runs is compiled by then. With a seed of its own each run would be another test: what one finds by
        // chance has to be found by who looks for it.
        let minute = [
            ("FUZZ_SECONDS", "60"),
            ("FUZZ_RUNS", "8000"),
            ("FUZZ_SEED", "20261129"),
        ];
        let variables = [&cargo::LINTED[..], &minute].concat();
        let run = move || cargo::run(&fuzz::TEST, haste, &variables);
        add(
            jobs,
            "fuzzers",
            &["unit tests"],
            cost(20, 20, 300),
            Box::new(run),
        )
        .task
        .filler = true;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use anyhow::ensure;

    use super::{ABOUT_CODE, Selection, add, capacity, jobs, second_tries};
    use crate::cases::{CASES, PREPARATIONS};
    use crate::report::Report;
    use crate::runner;
    use crate::schedule::{Capacity, Cost, Schedule};

    fn names(selection: &Selection) -> Vec<&'static str> {
        let jobs = jobs(selection).unwrap();
        jobs.iter().map(|job| job.name).collect()
    }

    #[test]
    fn everything_that_is_needed_stands_before_who_needs_it() {
        let jobs = jobs(&Selection::default()).unwrap();
        let needs = PREPARATIONS
            .iter()
            .map(|it| (it.name, it.needs))
            .chain(CASES.iter().map(|it| (it.name, it.needs)));
        for (name, needs) in needs {
            let at = jobs.iter().position(|job| job.name == name).unwrap();
            assert_eq!(jobs[at].task.needs.len(), needs.len(), "{name}");
            assert!(jobs[at].task.needs.iter().all(|need| *need < at), "{name}");
        }
    }

    #[test]
    fn no_name_is_used_twice_and_every_statement_is_listed() {
        let jobs = jobs(&Selection::default()).unwrap();
        let names: BTreeSet<_> = jobs.iter().map(|job| job.name).collect();
        assert_eq!(names.len(), jobs.len());
        let statements = jobs.iter().filter(|job| job.statement).count();
        assert_eq!(statements, ABOUT_CODE.len() + CASES.len());
    }

    #[test]
    fn only_what_is_needed_is_made() {
        let fast = Selection {
            fast: true,
            ..Selection::default()
        };
        let code = ["formatting", "textual rules", "lints", "unit tests"];
        assert_eq!(names(&fast), code);
        let chosen = Selection {
            cases: vec!["boot".into(), "bookworm".into()],
            ..Selection::default()
        };
        let made = ["machine prerequisites", "root trixie", "root bookworm"];
        assert_eq!(names(&chosen), [&made[..], &["boot", "bookworm"]].concat());
        let unknown = Selection {
            cases: vec!["nothing".into()],
            ..Selection::default()
        };
        assert!(jobs(&unknown).is_err());
    }

    /// What CI promises, as far as the costs beside the tasks are right.
    #[test]
    fn as_planned_two_cores_are_done_within_25_minutes() {
        let jobs = jobs(&Selection::default()).unwrap();
        let capacity = Capacity {
            cores: 2.0 * super::OVERBOOKED,
            memory: 6000.0,
        };
        let tasks = jobs.iter().map(|job| job.task.clone()).collect();
        let mut schedule = Schedule::new(tasks, capacity);
        let mut ends = Vec::new();
        let mut now = 0.0;
        while schedule.left() > 0 {
            while let Some(task) = schedule.start(now) {
                ends.push((now + f64::from(jobs[task].task.cost.wall), task));
            }
            ends.sort_by(|a, b| b.0.total_cmp(&a.0));
            let (end, task) = ends.pop().unwrap();
            now = end;
            schedule.end(task, true, None);
        }
        let cpu: u32 = jobs.iter().map(|job| job.task.cost.cpu).sum();
        println!("{now} s; {cpu} s of CPU");
        assert!(now < 1500.0 && f64::from(cpu) / 2.0 < 1200.0);
    }

    #[test]
    fn what_failed_by_chance_is_tried_again_and_then_what_needs_it() {
        static TRIES: AtomicU32 = AtomicU32::new(0);
        let cost = Cost {
            wall: 1,
            cpu: 1,
            memory: 1,
        };
        let mut jobs = Vec::new();
        let shaky = || {
            ensure!(TRIES.fetch_add(1, Ordering::Relaxed) > 0, "as it must");
            Ok(())
        };
        add(&mut jobs, "shaky", &[], cost, Box::new(shaky)).chancy = true;
        add(&mut jobs, "needs it", &["shaky"], cost, Box::new(|| Ok(())));
        let jobs = Arc::new(jobs);
        let mut report = Report::default();
        report.add(runner::run(&jobs, &[0, 1], capacity(), None));
        assert_eq!((report.failed(), report.untried()), (vec![0], vec![1]));
        second_tries(&mut report, &jobs, Instant::now());
        let wanted = "unsteady: shaky failed and then held; find out why\n  as it must\n\
                      second tries: 1\n2 passed, 0 failed\n";
        assert_eq!(report.summary(), wanted);
    }

    #[test]
    fn this_machine_has_room_for_something() {
        let capacity = capacity();
        assert!(capacity.cores >= 1.0 && capacity.memory > 100.0);
    }
}
