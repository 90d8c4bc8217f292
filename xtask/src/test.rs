//! `cargo xtask test`: every check of the project, from the cheapest to the dearest.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use lexopt::prelude::*;

use crate::cases::{CASES, Case, Context};
use crate::{dist, prerequisites, sh, tidy};

/// How many light cases run beside each other.
const ABREAST: usize = 2;

/// What to run, as the command line says.
#[derive(Debug, Default)]
pub struct Selection {
    fast: bool,
    list: bool,
    keep: bool,
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
        machine_cases(
            &mut tally,
            &cases,
            binary.map(|binary| Context {
                binary,
                keep: selection.keep,
            }),
        );
    }
    println!();
    for name in &tally.failed {
        println!("failed: {name}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed.len());
    Ok(if tally.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Light cases first, some beside each other; the others have the machine for themselves.
fn machine_cases(tally: &mut Tally, cases: &[Case], context: Option<Context>) {
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
                .map(|case| scope.spawn(|| (case.run)(&context)))
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
        tally.check(case.name, || (case.run)(&context));
    }
}

fn cargo(args: &[&str]) -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    sh::loud(sh::command(&cargo).args(args).current_dir(sh::workspace()))
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
}

impl Tally {
    fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let begin = Instant::now();
        let outcome = check();
        self.count(name, begin, outcome);
    }

    fn count(&mut self, name: &str, begin: Instant, outcome: Result<()>) {
        let time = begin.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("   ok: {name} ({time:.1} s)");
            }
            Err(error) => {
                self.failed.push(name.to_owned());
                println!("   FAILED: {name} ({time:.1} s)");
                // One cause a line, and no backtrace: it would only show this program's insides.
                for cause in error.chain() {
                    println!("   {cause}");
                }
            }
        }
    }
}
