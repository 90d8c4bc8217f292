//! A demonstration machine: set up by the binary of this checkout, and left running.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use crate::machine::{End, Machine, Options, Root};
use crate::{ahead, dist, sh};

/// The demo machine's name.
pub const NAME: &str = "demo";

/// The first block comes within a slot; the tools may take minutes on two slow cores.
const SMOKE: Duration = Duration::from_secs(360);

const KIT: &str = "/usr/local/bin/aztec-kit";

/// Boots the demo machine while the binary compiles, sets it up and waits until it works.
pub fn run() -> Result<()> {
    println!("== compiling aztec-kit, and preparing a Debian 13 machine meanwhile");
    let (binary, machine) = std::thread::scope(|scope| {
        let binary = scope.spawn(dist::build);
        let machine = boot();
        let binary = binary.join();
        (
            binary.unwrap_or_else(|_| bail!("the build panicked")),
            machine,
        )
    });
    let machine = machine?;
    let outcome = match binary {
        Ok(binary) => set_up(&machine, &binary),
        Err(error) => {
            // This wait has nothing to show.
            machine.remove()?;
            return Err(error);
        }
    };
    println!();
    println!("   enter it:   cargo xtask enter");
    println!("   one command: cargo xtask enter -- aztec-kit status");
    println!("   remove it:  cargo xtask demo --remove");
    outcome
}

/// A pristine machine, with the downloads of its setup cached.
fn boot() -> Result<Machine> {
    let root = Root::pristine("trixie")?;
    for old in Machine::kept()?
        .into_iter()
        .filter(|machine| machine.name() == NAME)
    {
        println!("   replacing the demo machine that runs");
        old.remove()?;
    }
    println!("   booting the machine");
    let machine = Machine::boot_with(
        &root,
        NAME,
        Options {
            end: End::Keep,
            ..Options::sharing_packages()?
        },
    )?;
    println!("   it is {} at {}", machine.name(), machine.ip());
    ahead::fetch(&machine)?;
    Ok(machine)
}

fn set_up(machine: &Machine, binary: &std::path::Path) -> Result<()> {
    machine.push(binary, KIT, 0o755)?;
    println!("== aztec-kit setup --network local --with-sequencer --yes");
    let setup = [
        KIT,
        "setup",
        "--network",
        "local",
        "--with-sequencer",
        "--yes",
    ];
    let status = machine.exec_stream(&setup)?;
    ensure!(
        status == 0,
        "setup ended with {status}; the machine is left as it is"
    );
    println!("== waiting for aztec-kit smoke");
    wait_for_smoke(machine)?;
    println!("== aztec-kit status");
    machine.exec_stream(&[KIT, "status"])?;
    Ok(())
}

fn wait_for_smoke(machine: &Machine) -> Result<()> {
    let begin = Instant::now();
    let mut last = String::new();
    let outcome = sh::wait_for("a successful smoke", SMOKE, || {
        let output = machine.exec(&[KIT, "smoke", "--json"])?;
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        if report["severity"] == "pass" {
            return Ok(Some(()));
        }
        let state = format!("{} (exit {})", report["severity"], output.status);
        println!("   {:>3} s: {state}", begin.elapsed().as_secs());
        last = format!("{}{}", output.stdout, output.stderr);
        std::thread::sleep(Duration::from_secs(5));
        Ok(None)
    });
    match outcome {
        Ok(()) => {
            println!("   {:>3} s: ok", begin.elapsed().as_secs());
            Ok(())
        }
        Err(error) => bail!("{error:#}; the last answer was:\n{last}"),
    }
}

/// Removes the demo machine.
pub fn remove() -> Result<()> {
    Machine::find(NAME)?.remove()?;
    println!("the demo machine is removed");
    Ok(())
}
