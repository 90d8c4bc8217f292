//! `cargo xtask test`: every check of the project, from the cheapest to the dearest.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use lexopt::prelude::*;

use crate::cases::{CASES, Case, Context};
use crate::tally::Tally;
use crate::{dist, prerequisites, sh, tidy};

/// How many light cases run beside each other.
const ABREAST: usize = 2;

/// More cases than these do not fail by chance together.
const SECOND_TRIES: usize = 3;

/// No second try begins later than this after the start, so that the run ends within CI's 90 minutes.
const SECOND_TRIES_UNTIL: Duration = Duration::from_secs(75 * 60);

/// What to run, as the command line says.
#[derive(Debug, Default)]
pub struct Selection {
    fast: bool,
    list: bool,
    keep: bool,
    second_try: bool,
    case: Option<String>,
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
                Long("machine") => selection.case = Some(args.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(selection)
    }
}

/// Runs the selected checks; the last line printed is `N passed, N failed`.
pub fn run(selection: &Selection) -> Result<ExitCode> {
    if selection.list {
        for case in CASES {
            println!("{:<16} {}", case.name, case.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let cases: Vec<Case> = match &selection.case {
        None if selection.fast => Vec::new(),
        None => CASES.to_vec(),
        Some(name) => match CASES.iter().find(|case| case.name == name) {
            Some(case) => vec![*case],
            None => bail!("there is no case `{name}`; `cargo xtask test --list` names them"),
        },
    };
    let start = Instant::now();
    let mut tally = Tally::default();
    if selection.case.is_none() {
        tally.check("formatting", || cargo(&["fmt", "--all", "--check"]));
        tally.check("lints", || {
            cargo(&[
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])
        });
        tally.check("unit tests", || cargo(&["test", "--quiet", "--workspace"]));
        tally.check("textual rules", tidy::check);
    }
    let mut binary = None;
    tally.check("release binary", || {
        binary = Some(dist::build()?);
        Ok(())
    });
    if !cases.is_empty() {
        tally.check("machine prerequisites", prerequisites::for_machines);
        let context = binary.map(|binary| Context {
            binary,
            keep: selection.keep,
        });
        machine_cases(&mut tally, &cases, context.as_ref());
        if let (true, Some(context)) = (selection.second_try, &context) {
            second_tries(&mut tally, &cases, context, start + SECOND_TRIES_UNTIL);
        }
    }
    print!("\n{}", tally.summary());
    Ok(if tally.failed().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What failed gets one more try, with the machine for itself: decision 0017.
fn second_tries(tally: &mut Tally, cases: &[Case], context: &Context, until: Instant) {
    let failed = tally.failed().to_vec();
    if failed.len() > SECOND_TRIES {
        return;
    }
    for case in cases.iter().filter(|case| failed.contains(&case.name)) {
        if Instant::now() < until {
            tally.again(case.name, || (case.run)(context));
        }
    }
}

/// Light cases first, some beside each other; the others have the machine for themselves.
fn machine_cases(tally: &mut Tally, cases: &[Case], context: Option<&Context>) {
    let Some(context) = context else {
        for case in cases {
            tally.check(case.name, || Err(anyhow!("no release binary to try")));
        }
        return;
    };
    let (light, heavy): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.light);
    for abreast in light.chunks(ABREAST) {
        let names: Vec<_> = abreast.iter().map(|case| case.name).collect();
        println!("\n== machine: {}", names.join(" and "));
        let begin = Instant::now();
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = abreast
                .iter()
                .map(|case| scope.spawn(|| (case.run)(context)))
                .collect();
            running
                .into_iter()
                .map(|case| {
                    case.join()
                        .unwrap_or_else(|_| Err(anyhow!("the case panicked")))
                })
                .collect()
        });
        for (case, outcome) in abreast.iter().zip(outcomes) {
            tally.count(case.name, begin, outcome);
        }
    }
    for case in heavy {
        tally.check(case.name, || (case.run)(context));
    }
}

fn cargo(args: &[&str]) -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    sh::loud(sh::command(&cargo).args(args).current_dir(sh::workspace()))
}
