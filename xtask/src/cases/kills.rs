//! A run that is killed at any moment continues where it stopped: a few kills of a real one.
//!
//! Every kill between two writes is tested in memory, in seconds: `crates/provision/tests/engine/kills.rs` tests each
//! kind, and `crates/aztec/tests/kills.rs` this setup and a repair after each of these damages. This case tests what
//! memory cannot: a real SIGKILL while real programs work (systemd, dpkg, npm, forge), and services that live on.
//! Decision 0021.
//!
//! `AZTEC_KIT_KILLS` sets the number of kills, and `AZTEC_KIT_SEED` repeats a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;

use super::support::{APPLY, KEYSTORE, Kit, SETUP, chain_advances, digest, time_below};
use super::{Context, KIT, chain};
use crate::machine::Machine;
use crate::say;

/// Kills of a repair in a run of all cases: one in each of as many equal parts of its duration.
const KILLS: u32 = 8;

/// Kills of a setup. Each run continues the one before, so that the kills together cover its whole duration, with the
/// deployment of the contracts and the starts of the services.
const SETUP_KILLS: u32 = 3;

/// Damages to a host between two runs, in any order and more than once. A unit that an earlier damage has removed can
/// no longer be stopped.
const DAMAGES: &[&str] = &[
    "rm -f /etc/systemd/system/aztec-sequencer.service",
    "rm -f /etc/systemd/system/aztec-l1.service; systemctl daemon-reload",
    "rm -f /etc/aztec/node.env",
    "rm -f /etc/aztec/sequencer.env /etc/aztec/admin.env",
    "rm -f /etc/sysctl.d/60-aztec.conf",
    "sysctl -q -w net.core.somaxconn=128",
    "systemctl stop aztec-sequencer || true",
    "systemctl stop aztec-l1 || true",
    "systemctl disable aztec-sequencer aztec-l1 || true",
    "rm -f /usr/local/bin/aztec",
    "chmod 0666 /etc/aztec/node.env || true; chmod 0755 /etc/aztec/keystore",
    "chmod 0644 /etc/aztec/keystore/validator.json /etc/aztec/kit.toml",
    "chown aztec /etc/aztec/contracts.env || true",
    "sed -i '/^aztec:/d' /etc/group /etc/gshadow",
    "sed -i '/^aztec:/d' /etc/passwd /etc/shadow",
    "ln -sfn /nowhere /opt/aztec/current",
    "echo LOG_LEVEL=warn >>/etc/aztec/node.env; systemctl restart aztec-sequencer || true",
    "rm -f /etc/aztec/contracts.env",
];

/// These are part of every repair, so that a kill also falls between the starts of services, which take most of its
/// time.
const STOPS: &[&str] = &[
    "systemctl stop aztec-sequencer || true",
    "systemctl stop aztec-l1 || true",
];

pub(super) fn run(context: &Context) -> Result<()> {
    let kills = match std::env::var("AZTEC_KIT_KILLS") {
        Ok(text) => text.parse().context("AZTEC_KIT_KILLS is no number")?,
        Err(_) => KILLS,
    };
    let seed = match std::env::var("AZTEC_KIT_SEED") {
        Ok(text) => text.parse().context("AZTEC_KIT_SEED is no number")?,
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    say!("   {kills} kills; AZTEC_KIT_SEED={seed} repeats them");
    let mut dice = Rng::with_seed(seed);
    let machine = chain::boot(context, "kills")?;
    repairs(&machine, kills, &mut dice).with_context(|| format!("AZTEC_KIT_SEED={seed}"))?;
    drop(machine);
    let machine = chain::boot(context, "kills-setup")?;
    fresh_setup(&machine, &mut dice).with_context(|| format!("AZTEC_KIT_SEED={seed}"))
}

fn repairs(machine: &Machine, kills: u32, dice: &mut Rng) -> Result<()> {
    let kit = Kit(machine);
    let key = digest(machine, KEYSTORE)?;
    kit.in_sync()?;
    let scripts = dealt(kills.max(1), dice);
    let mut hits = 0;
    for (number, script) in (0..kills).zip(&scripts) {
        let mut trial = || -> Result<()> {
            // Repairs differ in their duration, so the same one is measured without a kill.
            let part = measured(machine, script)? / kills;
            machine.shell(script)?;
            let (hit, moment) = killed(machine, APPLY, part * number + time_below(part, dice))?;
            hits += u32::from(hit);
            kit.apply()
                .with_context(|| format!("killed after {} ms", moment.as_millis()))?;
            kit.in_sync()?;
            ensure!(
                digest(machine, KEYSTORE)? == key,
                "the key is another one now"
            );
            Ok(())
        };
        trial().with_context(|| format!("kill {} of {kills}, after: {script}", number + 1))?;
    }
    say!("   {hits} of {kills} kills hit a repair");
    ensure!(
        hits * 2 >= kills,
        "most kills came too late to mean anything"
    );
    chain_advances(machine, 2)?;
    kit.smoke_ok()
}

/// The duration of a repair without a kill.
fn measured(machine: &Machine, script: &str) -> Result<Duration> {
    machine.shell(script)?;
    let begin = Instant::now();
    Kit(machine)
        .apply()
        .with_context(|| format!("a repair without a kill, after: {script}"))?;
    Ok(begin.elapsed())
}

/// As many scripts, over which all damages are dealt: each occurs at least once, and some more than once.
fn dealt(count: u32, dice: &mut Rng) -> Vec<String> {
    let mut draw = |from: &[&'static str]| dice.choice(from).copied();
    let host_mut = count as usize;
    let mut scripts: Vec<Vec<&str>> = vec![Vec::new(); host_mut];
    let mut left = DAMAGES.to_vec();
    for at in 0..DAMAGES.len().max(host_mut) {
        let damage = draw(&left).or_else(|| draw(DAMAGES));
        left.retain(|other| Some(*other) != damage);
        scripts[at % host_mut].extend(damage);
    }
    for script in &mut scripts {
        script.extend(draw(DAMAGES));
        script.extend(draw(STOPS));
    }
    scripts
        .into_iter()
        .map(|script| script.join("\n"))
        .collect()
}

/// Starts aztec-kit and kills it alone: its children live on, as on a real host. Returns whether it was still running,
/// and for how long.
fn killed(machine: &Machine, args: &[&str], moment: Duration) -> Result<(bool, Duration)> {
    let mut process = machine.spawn(&[&[KIT], args].concat())?;
    let begin = Instant::now();
    while begin.elapsed() < moment && process.ended()?.is_none() {
        let left = moment.saturating_sub(begin.elapsed());
        std::thread::sleep(left.min(Duration::from_millis(20)));
    }
    let early = process.ended()?;
    let took = begin.elapsed();
    if let Some(status) = early {
        ensure!(
            status == 0,
            "{args:?} ends with {status} before its kill:\n{}",
            process.printed()?
        );
    } else {
        process.kill()?;
    }
    process.abandon();
    Ok((early.is_none(), took))
}

/// Removes everything except the downloads: the packages of Debian and the releases below /opt.
pub const WIPE: &str = "
systemctl disable --now aztec-sequencer aztec-l1 aztec-kit-private-ports
rm -r /etc/aztec /var/lib/aztec /var/lib/aztec-kit /usr/local/bin/aztec
rm -r /etc/systemd/system/aztec-*.service /etc/systemd/system/nftables.service.d
rm /etc/sysctl.d/60-aztec.conf /etc/aztec-kit-private.nft
rm /opt/aztec/current /opt/aztec/foundry
userdel aztec || true
groupdel aztec || true
systemctl daemon-reload
";

fn fresh_setup(machine: &Machine, dice: &mut Rng) -> Result<()> {
    machine.shell(WIPE)?;
    let kit = Kit(machine);
    let mut key = None;
    let mut same_key = |what: String| -> Result<()> {
        if !machine.exists(KEYSTORE)? {
            ensure!(key.is_none(), "{what}: the key is gone");
            return Ok(());
        }
        let now = digest(machine, KEYSTORE)?;
        let old = key.get_or_insert_with(|| now.clone());
        ensure!(*old == now, "{what}: the key is another one");
        Ok(())
    };
    // One moment in each of as many equal parts.
    let part = SETUP_TIME / SETUP_KILLS;
    let mut hits = 0;
    for number in 0..SETUP_KILLS {
        let moment = part * number + time_below(part, dice);
        let (hit, moment) = killed(machine, SETUP, moment)?;
        let what = format!("kill {} after {:.1} s", number + 1, moment.as_secs_f64());
        say!(
            "   setup: {what}{}",
            if hit { "" } else { ", too late to hit" }
        );
        hits += u32::from(hit);
        same_key(what)?;
    }
    ensure!(hits > 0, "every kill came too late to mean anything");
    kit.json(SETUP, 0)?;
    same_key("the setup that was not killed".to_owned())?;
    kit.in_sync()?;
    chain_advances(machine, 2)?;
    kit.smoke_ok()
}

/// The duration of a setup here, with everything downloaded.
const SETUP_TIME: Duration = Duration::from_secs(24);

#[cfg(test)]
mod tests {
    use super::{DAMAGES, Rng, dealt};

    #[test]
    fn every_damage_is_dealt_and_no_script_is_empty() {
        for (count, seed) in [(1, 1), (8, 2), (8, 3), (30, 4)] {
            let scripts = dealt(count, &mut Rng::with_seed(seed));
            assert_eq!(scripts.len(), count as usize);
            assert_eq!(scripts, dealt(count, &mut Rng::with_seed(seed)));
            for damage in DAMAGES {
                let done = |script: &String| script.contains(damage);
                assert!(scripts.iter().any(done), "{count}: {damage} is not done");
            }
            assert!(scripts.iter().all(|script| script.contains("stop")));
        }
    }
}
