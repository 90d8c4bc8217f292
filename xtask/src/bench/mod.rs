//! The run times of aztec-kit, beside those of alternatives.
//!
//! They are measured inside a machine on which a local network runs, with the start of each program. This is not a
//! test: a shared machine is slow for many reasons.

mod keys;
mod rivals;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cases::{self, Context};
use crate::dist;
use crate::machine::{Exec, Machine};
use rivals::RIVALS;

/// Runs of each command of aztec-kit. The first is not counted.
const RUNS: u32 = 21;

/// The slowest first apply known took a minute.
const LIMIT: Duration = Duration::from_secs(600);

/// Measures and prints tables: the runs on a host, or the keys of many validators.
pub fn run(of_keys: bool) -> Result<()> {
    if of_keys {
        return keys::run();
    }
    let context = Context {
        binary: dist::build()?,
        keep: false,
    };
    let machine = cases::local_chain(&context, "bench")?;
    // The services start with the machine. The first run waits for them, and journals its findings.
    machine.exec_ok(&[cases::KIT, "apply", "--yes"])?;
    println!("== preparing the alternatives");
    rivals::prepare(&machine)?;
    nothing_to_change(&machine)?;
    first_apply(&machine)
}

fn nothing_to_change(machine: &Machine) -> Result<()> {
    println!("== nothing to change: milliseconds of wall time in the machine");
    println!(
        "   {:<36} {:>5} {:>8} {:>8} {:>8}",
        "", "runs", "least", "median", "most"
    );
    let own = [
        ("aztec-kit apply", "aztec-kit apply"),
        ("aztec-kit plan", "aztec-kit plan"),
        (
            "systemctl show of two units alone",
            "systemctl show aztec-l1.service aztec-sequencer.service",
        ),
    ];
    let others = RIVALS
        .iter()
        .map(|rival| (rival.name, rival.command, rival.runs));
    for (name, command, runs) in own
        .map(|(name, command)| (name, command, RUNS))
        .into_iter()
        .chain(others)
    {
        // A subshell, so that a command does not change the directory of the next one.
        let script = format!(
            "for i in $(seq {runs}); do s=$EPOCHREALTIME; ( {command} ) >/dev/null 2>&1; e=$EPOCHREALTIME; echo $(( ${{e/./}} - ${{s/./}} )); done"
        );
        let printed = Exec::new(machine, &["bash", "-euc", &script])
            .limit(LIMIT)
            .run()?
            .ok()
            .with_context(|| name.to_owned())?
            .stdout;
        let mut micros: Vec<u64> = printed
            .lines()
            .skip(1)
            .filter_map(|line| line.trim().parse().ok())
            .collect();
        micros.sort_unstable();
        let shown = |at: usize| micros.get(at).map_or(0.0, |micros| *micros as f64 / 1000.0);
        let (median, most) = (micros.len() / 2, micros.len().saturating_sub(1));
        println!(
            "   {name:<36} {:>5} {:>8.1} {:>8.1} {:>8.1}",
            micros.len(),
            shown(0),
            shown(median),
            shown(most)
        );
    }
    Ok(())
}

/// The same host from nothing, with packages and releases cached. The time of aztec-kit is without its contracts and
/// its stake, which the alternatives do not make.
fn first_apply(machine: &Machine) -> Result<()> {
    println!("== a first apply: seconds of wall time");
    wipe(machine)?;
    let argv = [&[cases::KIT], cases::SETUP, &["--patience", "0"]].concat();
    let begin = Instant::now();
    let printed = Exec::new(machine, &argv).limit(LIMIT).run()?.ok()?.stdout;
    let took = begin.elapsed().as_secs_f64();
    let report: Value = serde_json::from_str(&printed).context("setup prints no JSON")?;
    let groups = grouped(&report)?;
    let chain = groups.get(CHAIN).map_or(0.0, |(_, seconds)| *seconds);
    println!("   {:<36} {:>8.2}", "aztec-kit setup", took - chain);
    for (group, (count, seconds)) in &groups {
        println!("     {group:<34} {seconds:>8.2}  ({count} steps)");
    }
    for rival in RIVALS {
        wipe(machine)?;
        let begin = Instant::now();
        let output = Exec::new(machine, &["bash", "-euc", rival.command])
            .limit(LIMIT)
            .run()?;
        let took = begin.elapsed().as_secs_f64();
        ensure!(
            output.status == 0,
            "{}: {}{}",
            rival.name,
            output.stdout,
            output.stderr
        );
        machine.shell("systemctl is-active --quiet aztec-l1 && getent passwd aztec")?;
        println!("   {:<36} {took:>8.2}", rival.name);
    }
    Ok(())
}

fn wipe(machine: &Machine) -> Result<()> {
    // The alternatives keep no journal.
    machine.shell("mkdir -p /var/lib/aztec-kit")?;
    machine.shell(cases::WIPE).map(drop)
}

const CHAIN: &str = "in addition: contracts and stake";

/// The number of steps of each kind, and their seconds.
fn grouped(report: &Value) -> Result<BTreeMap<&'static str, (usize, f64)>> {
    let steps = report["applied"].as_array().context("no list `applied`")?;
    let mut groups: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for step in steps {
        let kind = step["id"].as_str().and_then(|id| id.split('[').next());
        let group = match kind.unwrap_or_default() {
            "chain" | "contracts" | "stake" => CHAIN,
            "release" => "releases, which are cached",
            "service" => "starts of services",
            _ => "accounts, files, units, settings",
        };
        let sum = groups.entry(group).or_default();
        sum.0 += 1;
        sum.1 += step["seconds"].as_f64().unwrap_or(0.0);
    }
    Ok(groups)
}
