//! The tasks of a run: the checks of the code, the preparations, and the machine cases.

use anyhow::Result;

use super::selection::Selection;
use crate::cargo::{self, Haste};
use crate::cases::{BINARY, Case, Context, PREPARATIONS, PREREQUISITES};
use crate::job::Job;
use crate::schedule::{Cost, Task};
use crate::{dist, fuzz, prerequisites, tidy};

/// The checks of the code, which need no machine: name and statement.
pub(super) const ABOUT_CODE: &[(&str, &str)] = &[
    ("formatting", "every file is formatted as rustfmt does it"),
    (
        "textual rules",
        "every file follows the rules that no compiler knows",
    ),
    ("lints", "clippy finds nothing"),
    ("unit tests", "every unit and conformance test passes"),
    (
        "fuzzers",
        "no parser fails for a minute of inputs, which are the same in every run",
    ),
    (BINARY, "it compiles, and needs no dynamic loader"),
    (
        PREREQUISITES,
        "the outer machine has all prerequisites of machines",
    ),
];

/// The tasks of a selection. Each comes after the tasks that it needs.
pub(super) fn jobs(selection: &Selection) -> Result<Vec<Job>> {
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
        .flaky = true;
    }
    if needed.contains(&BINARY) {
        let run = Box::new(|| dist::build().map(drop));
        let cost = Cost {
            wall: 100,
            cpu: 187,
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
        (job.flaky, job.statement) = (true, false);
    }
    for case in cases {
        let context = context.clone();
        let run = Box::new(move || (case.run)(&context));
        add(&mut jobs, case.name, case.needs, case.cost, run).flaky = true;
    }
    Ok(jobs)
}

/// The tasks that the cases need, directly or through others.
fn needed(cases: &[Case]) -> Vec<&'static str> {
    let mut needed: Vec<_> = cases.iter().flat_map(|case| case.needs).copied().collect();
    // Each preparation comes after those that it needs.
    for preparation in PREPARATIONS.iter().rev() {
        if needed.contains(&preparation.name) {
            needed.extend(preparation.needs);
        }
    }
    needed
}

/// Adds a task, which needs the earlier tasks of these names.
pub(super) fn add<'a>(
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
        flaky: false,
        run,
    };
    jobs.push(job);
    let last = jobs.len() - 1;
    &mut jobs[last]
}

/// The checks of the code. Beside machines, compilers have the lowest priority.
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
    add(jobs, "lints", &[], cost(180, 250, 970), lints)
        .task
        .filler = beside_machines;
    let tests = linted(&["test", "--workspace", "--", "--quiet"]);
    add(jobs, "unit tests", &["lints"], cost(60, 60, 340), tests)
        .task
        .filler = beside_machines;
    if beside_machines {
        // The fuzzers are compiled by then. The seed is fixed, since a random one would make each run another test.
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
