//! `cargo xtask fuzz`: libFuzzer on the parsers of foreign text, by hand and for as long as one likes.
//!
//! What CI does for a minute is the task `fuzzers` of [`mod@crate::test`]: the same targets, and no coverage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use lexopt::prelude::*;

use crate::cargo::{self, Haste};
use crate::{cache, prerequisites, sh};

/// Runs of each target where nobody says how many.
const RUNS: u64 = 10_000_000;
/// Longer inputs find nothing that shorter ones do not, and slower.
const LONGEST: &str = "-max_len=4096";
/// An input that takes longer hangs, seconds.
const HANGS: &str = "-timeout=60";

/// What to run, as the command line says.
#[derive(Debug, Default)]
pub struct Wanted {
    targets: Vec<String>,
    runs: Option<u64>,
    seconds: Option<u64>,
    input: Option<PathBuf>,
    again: Option<String>,
    list: bool,
}

impl Wanted {
    /// Reads the arguments after `fuzz`.
    pub fn parse(mut args: lexopt::Parser) -> Result<Self> {
        let mut wanted = Self::default();
        while let Some(arg) = args.next()? {
            match arg {
                Long("runs") => wanted.runs = Some(args.value()?.parse()?),
                Long("seconds") => wanted.seconds = Some(args.value()?.parse()?),
                Long("input") => wanted.input = Some(args.value()?.into()),
                Long("again") => wanted.again = Some(args.value()?.string()?),
                Long("list") => wanted.list = true,
                Value(name) => wanted.targets.push(name.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        let one = wanted.input.is_some() || wanted.again.is_some();
        ensure!(
            !one || wanted.targets.len() == 1,
            "--input and --again are for one target: name it"
        );
        Ok(wanted)
    }
}

/// Runs the targets one after the other, and says how often each was tried.
pub fn run(wanted: &Wanted) -> Result<ExitCode> {
    if let (Some(again), [target]) = (&wanted.again, &wanted.targets[..]) {
        let variables = [("FUZZ_TARGET", target.as_str()), ("FUZZ_AGAIN", again)];
        cargo::run(&TEST, Haste::Usual, &variables)?;
        println!("{target} holds");
        return Ok(ExitCode::SUCCESS);
    }
    let program = build()?;
    let place = place();
    let known = seeds(&program, &place)?;
    if wanted.list {
        known.iter().for_each(|name| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = wanted.targets.iter().find(|name| !known.contains(name)) {
        bail!("there is no target `{unknown}`; `cargo xtask fuzz --list` names them");
    }
    let chosen = match wanted.targets.is_empty() {
        true => &known,
        false => &wanted.targets,
    };
    let mut broken = 0;
    for target in chosen {
        let ended = match &wanted.input {
            Some(input) => once(&program, target, input)?,
            None => tried(&program, target, wanted, &place)?,
        };
        broken += usize::from(!ended);
    }
    println!("{} of {} targets hold", chosen.len() - broken, chosen.len());
    Ok(match broken {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The test that tries every target with what a mutator makes.
pub const TEST: [&str; 6] = [
    "test",
    "--workspace",
    "--test",
    "parsers",
    "--",
    "every_parser_holds_for_whatever_it_reads",
];

/// Where inputs are kept from one run to the next, and those that broke something.
fn place() -> PathBuf {
    cache::target().join("fuzz")
}

fn build() -> Result<PathBuf> {
    prerequisites::for_fuzzers()?;
    let wrapper = sh::workspace().join("fuzz/rustc").display().to_string();
    let target = place().join("build");
    let variables = [
        ("RUSTC_WRAPPER", wrapper.as_str()),
        ("CARGO_TARGET_DIR", target.to_str().unwrap_or_default()),
    ];
    let args = [
        "build",
        "--profile",
        "fuzz",
        "--locked",
        "--package",
        "fuzz",
        "--features",
        "libfuzzer",
        "--bin",
        "libfuzzer",
    ];
    cargo::run(&args, Haste::Usual, &variables)?;
    Ok(target.join("fuzz/libfuzzer"))
}

/// Has the seeds of every target written to its directory, and gives their names.
fn seeds(program: &Path, place: &Path) -> Result<Vec<String>> {
    let mut command = sh::command(&program.display().to_string());
    let output = command
        .env("FUZZ_SEEDS", place.join("corpus"))
        .output()
        .context("cannot start libFuzzer")?;
    ensure!(output.status.success(), "the seeds cannot be written");
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(names.lines().map(str::to_owned).collect())
}

fn tried(program: &Path, target: &str, wanted: &Wanted, place: &Path) -> Result<bool> {
    let name = target.replace('/', "-");
    let (corpus, found) = (place.join("corpus").join(&name), place.join("found"));
    fs::create_dir_all(&found)?;
    let until = match (wanted.runs, wanted.seconds) {
        (None, Some(seconds)) => format!("-max_total_time={seconds}"),
        (runs, _) => format!("-runs={}", runs.unwrap_or(RUNS)),
    };
    let log = found.join(format!("{name}.log"));
    let status = sh::command(&program.display().to_string())
        .args([&until, LONGEST, HANGS, "-print_final_stats=1"])
        .arg(format!("-dict={}.dict", corpus.display()))
        .arg(format!("-artifact_prefix={}/{name}-", found.display()))
        .arg(&corpus)
        .env("FUZZ_TARGET", target)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?)
        .status()
        .context("cannot start libFuzzer")?;
    let said = fs::read(&log)?;
    let said = String::from_utf8_lossy(&said);
    let last = |mark: &str| said.lines().rev().find_map(|line| line.split_once(mark));
    let number =
        |name: &str| last(name).map_or("?", |(_, rest)| rest.trim_start_matches(':').trim());
    println!(
        "{target:<24} {:>12} runs, {:>6} per second",
        number("stat::number_of_executed_units"),
        number("stat::average_exec_per_sec")
    );
    if status.success() {
        return Ok(true);
    }
    let panic = said
        .lines()
        .skip_while(|line| !line.contains("panicked at"));
    panic.take(4).for_each(|line| println!("    {line}"));
    if let Some((_, input)) = last("Test unit written to ") {
        let bytes = fs::read(input.trim())?;
        println!("    b\"{}\"", bytes.escape_ascii());
        println!(
            "    once more: cargo xtask fuzz {target} --input {}",
            input.trim()
        );
    }
    Ok(false)
}

/// One input that was kept.
fn once(program: &Path, target: &str, input: &Path) -> Result<bool> {
    let status = sh::command(&program.display().to_string())
        .arg(input)
        .env("FUZZ_TARGET", target)
        .status()
        .context("cannot start libFuzzer")?;
    Ok(status.success())
}
