//! Tests every target on its seeds and on some inputs made from them. `FUZZ_SECONDS` sets the time, `FUZZ_RUNS` the
//! number of inputs, and `FUZZ_TARGET` names targets, with commas between them.

use std::env;
use std::time::{Duration, Instant};

use fuzz::{Broken, Trial, targets};

/// Inputs of each target by default: a test of the targets, not a search.
const FEW: u64 = 40;
/// Inputs between two checks of the time.
const BATCH: u64 = 16;

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn every_parser_holds_for_whatever_it_reads() {
    fuzz::watch();
    if let Some(again) = variable("FUZZ_AGAIN") {
        let name = variable("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
        let broken = once_more(&name, &again);
        assert!(broken.is_none(), "{}", broken.unwrap());
        println!("{name} holds");
        return;
    }
    let seed = variable("FUZZ_SEED").map(|seed| seed.parse().expect("FUZZ_SEED is a number"));
    let seconds = variable("FUZZ_SECONDS").map(|it| it.parse().expect("FUZZ_SECONDS is a number"));
    let most =
        variable("FUZZ_RUNS").map_or(u64::MAX, |it| it.parse().expect("FUZZ_RUNS is a number"));
    let named = variable("FUZZ_TARGET");
    let is_named = |name: &str| {
        let mut named = named.iter().flat_map(|names| names.split(','));
        named.any(|it| it == name)
    };
    let mut all = targets();
    all.retain(|target| named.is_none() || is_named(target.name));
    assert!(!all.is_empty(), "FUZZ_TARGET names targets");
    // Without a time, the inputs are the same in every run: a failure is due to a change.
    let seed: u64 = seed.unwrap_or_else(|| seconds.map_or(0, |_: u64| fastrand::u64(..)));
    let each =
        seconds.map(|seconds| Duration::from_secs(seconds) / u32::try_from(all.len()).unwrap());
    let mut found: Vec<Broken> = Vec::new();
    println!("seed {seed}");
    for target in all {
        let mut trial = Trial::new(target, seed);
        let begin = Instant::now();
        let mut broken = trial.seeds();
        let goes_on =
            |runs: u64| each.map_or(runs < FEW, |each| begin.elapsed() < each && runs < most);
        while broken.is_none() && goes_on(trial.runs) {
            broken = (0..BATCH).find_map(|_| trial.one());
        }
        println!("{:<24} {:>8} inputs", target.name, trial.runs);
        found.extend(broken);
    }
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "seed {seed}\n{}", found.join("\n"));
}

/// The named input: `SEED:RUN`, or `seed:N` for one of the seeds.
fn once_more(name: &str, again: &str) -> Option<Broken> {
    let target = targets().into_iter().find(|target| target.name == name);
    let target = target.expect("FUZZ_TARGET is a target");
    let (seed, run) = again.split_once(':').expect("FUZZ_AGAIN is SEED:RUN");
    let run = run.parse().expect("FUZZ_AGAIN ends with a number");
    match seed.parse() {
        Ok(seed) => Trial::new(target, seed).again(run),
        Err(_) => Trial::new(target, 0).seeds(),
    }
}

/// Every parser of program output has a target, also a future one.
#[test]
fn every_tool_has_a_target() {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/provision/src/tools");
    let read: Vec<_> = targets().iter().map(|target| target.reads).collect();
    for tool in std::fs::read_dir(tools).unwrap() {
        let name = tool.unwrap().file_name().into_string().unwrap();
        let path = format!("crates/provision/src/tools/{name}");
        assert!(
            name == "mod.rs" || read.contains(&path.as_str()),
            "{path} has no target in fuzz/src/targets"
        );
    }
}

/// The reference has every target.
#[test]
fn every_target_is_in_the_reference() {
    let table = include_str!("../../docs/reference/fuzzing.md");
    for target in targets() {
        let row = format!("| `{}` | `{}` |", target.name, target.reads);
        assert!(
            table.contains(&row),
            "docs/reference/fuzzing.md lacks {row}"
        );
    }
}
