//! A host whose power is cut, at rest and during runs: nothing is lost, and the next run finishes the interrupted one.
//!
//! Its disk has a cache that forgets writes without a flush (`xtask/src/vm/drive`). In [`at_rest`] all of them are
//! lost, and the case checks that the disk does forget, since otherwise nothing here would mean anything. In
//! [`in_runs`] dice choose the flush at which the power fails, and the blocks that are durable by then.
//!
//! `AZTEC_KIT_CUTS` sets the number of runs that are cut, and `AZTEC_KIT_SEED` repeats them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::KIT;
use super::support::{self, APPLY, Kit, ROLL_BACK_TIMER, ROLLED_BACK, applied, unknown};
use crate::vm::Vm;
use crate::{say, sh};

/// Runs that are cut in a run of all cases: none, since each costs a boot and two runs of an emulated machine, about
/// 150 s of a processor. The cut at rest is always done.
const CUTS: u64 = 0;

/// The time for the confirmation of a change, in seconds.
const WINDOW: &str = "30";

/// Secrets that are created once. Nothing signs with these.
const MADE: &str = "/root/keys /root/words /etc/aztec/admin-api-key";

/// Keys that must survive all cuts.
pub(super) fn make_keys(vm: &Vm) -> Result<String> {
    let coinbase = format!("0x{}", "11".repeat(20));
    let new = ["keys", "new", "--coinbase", &coinbase];
    let into = ["--mnemonic-file", "/root/words", "--out", "/root/keys"];
    Kit(vm).run(&[&new[..], &into].concat())?.ok()?;
    digests(vm)
}

fn digests(vm: &Vm) -> Result<String> {
    vm.shell(&format!("find {MADE} -type f | sort | xargs sha256sum"))
}

/// Applies, and is cut before a confirmation: reported changes are durable, and unconfirmed ones are rolled back.
pub(super) fn at_rest(vm: &mut Vm, keys: &str) -> Result<()> {
    vm.shell(&format!(
        "cd /root; printf kept >synced; printf %4096s old >straight; sync synced straight .
         # Nobody else shall have it flushed in the meantime.
         mount -o remount,commit=600 /; systemctl is-active {ROLL_BACK_TIMER}"
    ))?;
    let unflushed = "cd /root; printf lost >unsynced
         printf %4096s new | dd of=straight oflag=direct iflag=fullblock conv=notrunc bs=4096 status=none";
    sh::wait_for("a moment without a flush", Duration::from_secs(120), || {
        let before = vm.flushes();
        vm.shell(unflushed)?;
        Ok((vm.flushes() == before).then_some(()))
    })?;
    let lost = vm.cut(&mut || false)?;
    let found = vm.shell("cd /root; cat synced; tr -d ' ' <straight; cat unsynced || true")?;
    ensure!(
        lost > 0 && found == "keptold",
        "{lost} blocks were lost, and yet the disk kept what was not flushed, or lost what was: {found}"
    );
    same(vm, keys)?;
    rolled_back(vm)
}

fn same(vm: &Vm, keys: &str) -> Result<()> {
    let now = digests(vm)?;
    ensure!(now == keys, "another key:\n{now}instead of\n{keys}");
    Ok(())
}

fn status(vm: &Vm) -> Result<Value> {
    let status = Kit(vm).json(&["status", "--json"], 0)?;
    ensure!(unknown(&status).is_empty(), "{status}");
    Ok(status)
}

/// Waits until no change waits for a confirmation, since its time is over.
fn rolled_back(vm: &Vm) -> Result<()> {
    let mut last = Value::Null;
    let back = sh::wait_for("unconfirmed changes are rolled back", ROLLED_BACK, || {
        last = status(vm)?;
        let is_empty = |key: &str| last[key].as_array().is_none_or(Vec::is_empty);
        Ok((is_empty("unconfirmed") && !is_empty("rolled_back")).then_some(()))
    });
    back.with_context(|| format!("status says {last}"))?;
    support::rolled_back(vm)
}

/// One of these runs in turn is cut, and finished after the boot. The first is that of the last complete run.
pub(super) fn in_runs(vm: &mut Vm, keys: &str, configurations: &[&str]) -> Result<()> {
    let number = |name: &str| -> Result<Option<u64>> {
        let text = std::env::var(name).ok();
        let number = text.map(|text| text.parse());
        number
            .transpose()
            .with_context(|| format!("{name} is no number"))
    };
    let cuts = number("AZTEC_KIT_CUTS")?.unwrap_or(CUTS);
    let seed = match number("AZTEC_KIT_SEED")? {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    say!("   {cuts} cuts; AZTEC_KIT_SEED={seed} repeats them");
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut hits = 0;
    // The length of the run before, without a cut, says where to cut this one.
    let mut flushes = FLUSHES;
    for (at, text) in (1..=cuts).zip(configurations.iter().cycle()) {
        let mut round = || -> Result<()> {
            vm.write("/etc/aztec/kit.toml", text, 0o600)?;
            let moment = (dice.u64(..flushes.max(1)), dice.bool());
            let run = [&[KIT][..], APPLY, &["--confirm-within", WINDOW]].concat();
            let before = vm.flushes();
            let ended = vm.cut_during(&run, moment, &mut || dice.bool())?;
            match ended {
                Some(ended) => {
                    ended.ok()?;
                    flushes = vm.flushes() - before;
                }
                None => hits += 1,
            }
            same(vm, keys)?;
            let waits = status(vm)?["unconfirmed"] != Value::Array(vec![]);
            say!(
                "   cut {at} at flush {} of about {flushes}{}",
                moment.0,
                if waits {
                    ", with a change that waits"
                } else {
                    ""
                }
            );
            Kit(vm).run(&["plan"])?.ok()?;
            if waits && dice.bool() {
                rolled_back(vm)?;
            }
            confirmed(vm)?;
            same(vm, keys)
        };
        round().with_context(|| {
            format!("cut {at} of {cuts}, AZTEC_KIT_SEED={seed}, configured:\n{text}")
        })?;
    }
    say!("   {hits} of {cuts} cuts hit a run");
    Ok(())
}

/// The approximate number of flushes of a run that changes the firewall.
const FLUSHES: u64 = 60;

/// A run that finishes the interrupted one, and one that has nothing to do.
pub(super) fn confirmed(vm: &Vm) -> Result<Vec<String>> {
    let apply = [APPLY, &["--confirm", "--json"]].concat();
    let changed = applied(&Kit(vm).json(&apply, 0)?)?;
    Kit(vm).in_sync()?;
    let again = Kit(vm).apply()?;
    ensure!(again.is_empty(), "a second apply changes {again:?}");
    Ok(changed)
}
