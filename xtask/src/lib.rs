//! The project's own tasks, started as `cargo xtask <command>`.
//!
//! The centre is [`machine`]: disposable Debian hosts with a real systemd that boot in seconds on the developer's
//! machine. [`mod@test`] runs every check of the project, among them the [`cases`] on such machines, as tasks that
//! [`runner`] starts in the order of [`schedule`]. [`demo`] leaves a machine running for a visitor.

pub mod ahead;
pub mod bench;
pub mod cache;
pub mod cargo;
pub mod cases;
pub mod demo;
pub mod dist;
pub mod fuzz;
pub mod job;
mod layers;
pub mod links;
pub mod machine;
pub mod meter;
pub mod prerequisites;
pub mod report;
pub mod runner;
pub mod schedule;
pub mod sh;
pub mod test;
pub mod tidy;
pub mod vm;
pub mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

const HELP: &str = "\
Usage: cargo xtask <command>

  test [--fast] [--machine CASE]... [--list] [--keep] [--second-try]
                      every check; --fast is for every commit: lints, unit and conformance tests;
                      --machine runs these cases alone, --list names every statement, --keep
                      leaves the machines running, --second-try tries failed cases once more,
                      and reports it
  tidy                the textual rules alone
  fuzz [TARGET]... [--runs N | --seconds S] [--list]
  fuzz TARGET --input FILE | --again SEED:RUN
                      libFuzzer on the parsers of foreign text, by default ten million runs of
                      each; or one input again, from a file or from a run in CI
  bench [--keys]      run times of aztec-kit, beside those of alternatives; or those of commands for
                      the keys of 500 validators
  dist                the static release binary, in dist/aztec-kit
  demo [--remove]     a running Debian machine set up by this checkout's aztec-kit
  enter [--machine NAME] [-- COMMAND...]
                      a shell (or one command) in the demo or another kept machine
  machines [--remove [NAME]]
                      the kept machines; --remove removes all of them, or only the named one
";

/// Runs the command named by the process's arguments.
pub fn run() -> Result<ExitCode> {
    let mut args = lexopt::Parser::from_env();
    let command = match args.next()? {
        Some(Value(command)) => command.string()?,
        Some(Short('h') | Long("help")) | None => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "test" => test::run(&test::Selection::parse(args)?),
        "tidy" => {
            no_more(args)?;
            tidy::check()?;
            Ok(ExitCode::SUCCESS)
        }
        "fuzz" => fuzz::run(&fuzz::Wanted::parse(args)?),
        "bench" => {
            bench::run(flag(args, "keys")?)?;
            Ok(ExitCode::SUCCESS)
        }
        "dist" => {
            no_more(args)?;
            dist::build()?;
            Ok(ExitCode::SUCCESS)
        }
        "demo" => {
            if flag(args, "remove")? {
                demo::remove()?;
            } else {
                demo::run()?;
            }
            Ok(ExitCode::SUCCESS)
        }
        "enter" => enter(args),
        "machines" => {
            machines(args)?;
            Ok(ExitCode::SUCCESS)
        }
        "help" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}

fn enter(mut args: lexopt::Parser) -> Result<ExitCode> {
    let mut name = None;
    let mut argv: Vec<OsString> = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("machine") => name = Some(args.value()?.string()?),
            // Everything after the first word belongs to the command, also options.
            Value(word) => {
                argv.push(word);
                argv.extend(args.raw_args()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let machine = machine::Machine::find(name.as_deref().unwrap_or(demo::NAME))?;
    let argv = argv
        .into_iter()
        .map(|word| word.string())
        .collect::<Result<Vec<_>, _>>()?;
    let argv: Vec<&str> = if argv.is_empty() {
        vec!["bash", "--login"]
    } else {
        argv.iter().map(String::as_str).collect()
    };
    let status = machine.exec_stream(&argv)?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

fn machines(mut args: lexopt::Parser) -> Result<()> {
    let mut remove = false;
    let mut name = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("remove") => remove = true,
            Value(word) if remove && name.is_none() => name = Some(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(name) = name {
        return machine::Machine::find(&name)?.remove();
    }
    for machine in machine::Machine::kept()? {
        println!("{}  {}", machine.name(), machine.ip());
        if remove {
            machine.remove()?;
        }
    }
    Ok(())
}

fn flag(mut args: lexopt::Parser, name: &str) -> Result<bool> {
    let mut seen = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long(long) if long == name => seen = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(seen)
}

fn no_more(mut args: lexopt::Parser) -> Result<()> {
    match args.next()? {
        None => Ok(()),
        Some(other) => Err(other.unexpected().into()),
    }
}
