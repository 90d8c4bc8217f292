//! A kit that is killed at any moment goes on where it stopped.
//!
//! `AZTEC_KIT_KILLS` says how often, `AZTEC_KIT_SEED` repeats a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use super::support::{APPLY, Dice, KEYSTORE, Kit, SETUP, chain_advances, digest};
use super::{Context, KIT, chain};
use crate::machine::Machine;

/// Kills of a repair in a run of all cases.
const KILLS: u64 = 30;

/// Kills of a setup; each continues it, so that together they cover its duration.
const SETUP_KILLS: u32 = 5;

/// What can happen to a host between two runs, in any order and more than once: a unit that an earlier
/// damage has taken away can no longer be stopped.
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
];

/// The contracts have to be found again or deployed again, and the validator staked on them: that
/// may be slow, so that it happens twice.
const DEPLOYMENT_FORGOTTEN: &str = "rm -f /etc/aztec/contracts.env";

/// What a deployment takes here.
const DEPLOYMENT: Duration = Duration::from_secs(45);

pub(super) fn run(context: &Context) -> Result<()> {
    let kills = match std::env::var("AZTEC_KIT_KILLS") {
        Ok(text) => text.parse().context("AZTEC_KIT_KILLS is no number")?,
        Err(_) => KILLS,
    };
    let seed = match std::env::var("AZTEC_KIT_SEED") {
        Ok(text) => text.parse().context("AZTEC_KIT_SEED is no number")?,
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    println!("   {kills} kills; AZTEC_KIT_SEED={seed} repeats them");
    let mut dice = Dice::new(seed);
    let machine = chain::boot(context, "kills")?;
    repairs(&machine, kills, &mut dice).with_context(|| format!("AZTEC_KIT_SEED={seed}"))?;
    drop(machine);
    let machine = chain::boot(context, "kills-setup")?;
    fresh_setup(&machine, &mut dice).with_context(|| format!("AZTEC_KIT_SEED={seed}"))
}

fn repairs(machine: &Machine, kills: u64, dice: &mut Dice) -> Result<()> {
    let kit = Kit(machine);
    let key = digest(machine, KEYSTORE)?;
    kit.in_sync()?;
    let mut hits = 0;
    // The moments of the kills spread over what a run takes; short and long ones alike.
    let mut usual = measured(machine, dice)?;
    let slow = [kills / 3, kills * 2 / 3];
    for number in 0..kills {
        let forgotten = slow.contains(&number);
        let script = some(dice, forgotten);
        let moment = dice.time(if forgotten { usual + DEPLOYMENT } else { usual });
        let trial = || -> Result<(bool, Duration)> {
            machine.shell(&script)?;
            let (hit, moment) = killed(machine, APPLY, moment)?;
            let begin = Instant::now();
            kit.apply()
                .with_context(|| format!("killed after {} ms", moment.as_millis()))?;
            let rest = begin.elapsed();
            kit.in_sync()?;
            ensure!(
                digest(machine, KEYSTORE)? == key,
                "the key is another one now"
            );
            Ok((hit, moment + rest))
        };
        let (hit, took) =
            trial().with_context(|| format!("kill {} of {kills}, after: {script}", number + 1))?;
        hits += u64::from(hit);
        if !forgotten {
            usual = (usual * 3 + took) / 4;
        }
    }
    println!(
        "   {hits} of {kills} kills hit a repair, which takes {:.1} s",
        usual.as_secs_f64()
    );
    ensure!(
        hits * 3 >= kills,
        "most kills came too late to mean anything"
    );
    chain_advances(machine, 2)?;
    kit.smoke_ok()
}

/// How long a repair takes that nobody kills.
fn measured(machine: &Machine, dice: &mut Dice) -> Result<Duration> {
    let script = some(dice, false);
    machine.shell(&script)?;
    let begin = Instant::now();
    Kit(machine)
        .apply()
        .with_context(|| format!("a repair without a kill, after: {script}"))?;
    Ok(begin.elapsed())
}

/// A script of one to six damages.
fn some(dice: &mut Dice, forgotten: bool) -> String {
    let mut script: Vec<&str> = Vec::new();
    for _ in 0..=dice.below(6) {
        let side = dice.below(DAMAGES.len() as u64);
        script.extend(
            usize::try_from(side)
                .ok()
                .and_then(|side| DAMAGES.get(side)),
        );
    }
    if forgotten {
        script.push(DEPLOYMENT_FORGOTTEN);
    }
    script.join("\n")
}

/// Starts the kit and kills it alone: what it has started lives on, as on a real host. Gives
/// whether it was still at work, and how long it was.
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

/// Takes everything away but the downloads: the packages of Debian and the releases below /opt.
pub const WIPE: &str = "
systemctl disable --now aztec-sequencer aztec-l1
rm -r /etc/aztec /var/lib/aztec /var/lib/aztec-kit /usr/local/bin/aztec
rm /etc/systemd/system/aztec-*.service /etc/sysctl.d/60-aztec.conf
rm /opt/aztec/current /opt/aztec/foundry
userdel aztec || true
groupdel aztec || true
systemctl daemon-reload
";

fn fresh_setup(machine: &Machine, dice: &mut Dice) -> Result<()> {
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
    for number in 0..SETUP_KILLS {
        let moment = part * number + dice.time(part);
        let (hit, moment) = killed(machine, SETUP, moment)?;
        let what = format!("kill {} after {:.1} s", number + 1, moment.as_secs_f64());
        println!(
            "   setup: {what}{}",
            if hit { "" } else { ", too late to hit" }
        );
        same_key(what)?;
    }
    kit.json(SETUP, 0)?;
    same_key("the setup that was not killed".to_owned())?;
    kit.in_sync()?;
    chain_advances(machine, 2)?;
    kit.smoke_ok()
}

/// What a setup takes here when everything is downloaded.
const SETUP_TIME: Duration = Duration::from_secs(75);
