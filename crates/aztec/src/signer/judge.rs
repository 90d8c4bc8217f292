//! The decision about one attester, from the facts about it; pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use l1::Address;
use l1::reader::AttesterStatus;

use super::claim::{Claim, Slot};
use super::evidence::{Chain, Duty, Evidence};
use super::place::{Place, fits};
use super::programs::Program;

/// Epochs that a node must have watched before silence counts.
const WATCHED_EPOCHS: u64 = 2;
/// Consecutive missed duties that count as silence. A single one may be a bad moment of the network.
const SILENT_DUTIES: usize = 8;
/// The greatest lag of a node's view behind the chain, in slots. Its sentinel judges a slot two slots later
/// (4.1.2, aztec-node sentinel.js).
const FRESH_SLOTS: u64 = 8;

/// The facts about one attester before it signs here.
#[derive(Debug)]
pub struct Case<'a> {
    /// The attester.
    pub attester: Address,
    /// The place where it would sign.
    pub here: &'a Place,
    /// Its claims on this disk.
    pub claims: Vec<&'a Claim>,
    /// The rollup of the databases of such a claim, by their directory, as far as known.
    pub signed_for: &'a BTreeMap<PathBuf, Address>,
    /// Other sequencers on this host than the service itself.
    pub programs: &'a [Program],
    /// The operator stated on the command line that nothing else signs.
    pub only_signer: bool,
    /// The reports of the network.
    pub evidence: &'a Evidence,
    /// Seconds since the epoch.
    pub now: i64,
}

/// The decision about an attester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It signs here already.
    Held,
    /// It may sign here.
    Free {
        /// Why, as the end of a sentence.
        because: String,
        /// Whether that is certain, or only likely.
        certain: bool,
    },
    /// Something may sign with it elsewhere, or that cannot be ruled out.
    Refused {
        /// The reason.
        what: String,
        /// What to do.
        fix: String,
    },
}

fn free(because: impl Into<String>) -> Verdict {
    Verdict::Free {
        because: because.into(),
        certain: true,
    }
}

fn refused(what: impl Into<String>, fix: impl Into<String>) -> Verdict {
    Verdict::Refused {
        what: what.into(),
        fix: fix.into(),
    }
}

/// The advice for an operator who knows that there is no other signer.
const SAY_SO: &str = "If you made sure that nothing else signs with it, add --only-signer";

/// Decides whether an attester may sign here; pure.
pub fn judge(case: &Case<'_>) -> Verdict {
    let kept = case.claims.iter().find(|claim| claim.place.is(case.here));
    if kept.is_some_and(|claim| claim.released.is_none()) {
        return Verdict::Held;
    }
    if case.only_signer {
        return free("the operator says that nothing else signs with it");
    }
    let mut before = Vec::new();
    for claim in case.claims.iter().filter(|claim| claim.released.is_none()) {
        match signed_before(claim, case) {
            Some(rollup) => before.push((claim, rollup)),
            None => return claimed_elsewhere(claim, case),
        }
    }
    if let Some(program) = case.programs.first() {
        return refused(
            format!(
                "another sequencer runs on this host (process {}, {})",
                program.pid, program.place
            ),
            format!("Stop it, and disable it so that it does not start at boot. {SAY_SO}"),
        );
    }
    let chain = match &case.evidence.chain {
        Ok(chain) => chain,
        Err(why) => {
            return refused(
                format!("aztec-kit cannot tell whether something else signs with it: {why}"),
                format!("Fix that and run the same command again. {SAY_SO}"),
            );
        }
    };
    // Signatures for another rollup do not matter, because duties belong to one rollup. They also prove nothing about
    // other signers for this one.
    let same = before.iter().find(|(_, rollup)| *rollup == chain.rollup);
    if let Some((claim, _)) = same {
        return claimed_elsewhere(claim, case);
    }
    match chain.standing.get(&case.attester) {
        Some(AttesterStatus::None) => {
            free("it is not registered, so that no committee can have it yet")
        }
        _ => match kept.map_or(Ok(None), |claim| ours_until(claim, case.now, chain)) {
            Ok(ours_until) => seen(case, chain, ours_until),
            Err(unknown) => unknown,
        },
    }
}

/// The rollup that the same service of this host signed for earlier, with its data in another place, if known.
fn signed_before(claim: &Claim, case: &Case<'_>) -> Option<Address> {
    let (place, here) = (&claim.place, case.here);
    let is_own = place.host == here.host && place.unit == here.unit;
    // The same directory on another disk holds other databases than those of the claim.
    let is_own = is_own && place.data != here.data && fits(&place.hardware, &here.hardware);
    case.signed_for.get(&place.data).filter(|_| is_own).copied()
}

fn claimed_elsewhere(claim: &Claim, case: &Case<'_>) -> Verdict {
    const STOP: &str = "Stop the sequencer there for good, check that it has stopped, then run the same command here with --only-signer";
    let since = ago(case.now - claim.since);
    let (place, here) = (&claim.place, case.here);
    let short = |id: &str| id.get(..8).unwrap_or(id).to_owned();
    if place.host != here.host {
        return refused(
            format!(
                "the host with machine id {}… claimed it {since}. This disk is a copy of that host's disk, or was in that host",
                short(&place.host)
            ),
            STOP,
        );
    }
    if !fits(&place.hardware, &here.hardware) {
        return refused(
            format!(
                "a machine with other hardware (product UUID {}…) and the same machine id claimed it {since}. This machine is a clone of it, or has its disk",
                short(place.hardware.as_deref().unwrap_or_default())
            ),
            STOP,
        );
    }
    let (unit, data) = (&place.unit, place.data.display());
    if (unit, &place.data) == (&here.unit, &here.data) {
        return refused(
            format!(
                "{unit} claimed it {since} with its data on another disk than that of {data} now, and its signing protection is on that disk"
            ),
            "Mount that disk. If it is lost for good, run this host as a node without the sequencer for two epochs, then run the same command with --only-signer",
        );
    }
    refused(
        format!(
            "{unit} with its data in {data} claimed it {since}, and its signing protection is there"
        ),
        format!(
            "Keep that directory and its release for this rollup. Or, with a release of the same major version, stop {unit}, move its data to {}, and run the same command with --only-signer",
            here.data.display()
        ),
    )
}

/// The last slot in which a released claim signed here; `None` if it was for another rollup.
fn ours_until(claim: &Claim, now: i64, chain: &Chain) -> Result<Option<u64>, Verdict> {
    let Some(at) = claim.released else {
        return Ok(None);
    };
    // A duty of the next slot may already have been signed.
    match claim.released_slot {
        Some(Slot { rollup, .. }) if rollup != chain.rollup => Ok(None),
        Some(Slot { slot, .. }) if slot <= chain.slot => Ok(Some(slot + 1)),
        Some(Slot { slot, .. }) => Err(refused(
            format!(
                "it was released here in slot {slot}, and the chain is only at slot {}. One of the two is wrong",
                chain.slot
            ),
            format!("Name another L1 endpoint. {SAY_SO}"),
        )),
        // The L1 did not answer then, so only the clock of this host is left.
        None if at <= now => {
            let past = u64::try_from(now - at).unwrap_or(0) / chain.slot_seconds.max(1);
            Ok(Some(chain.slot.saturating_sub(past) + 1))
        }
        None => Err(refused(
            "it was released here at a time in the future. The clock of this host was ahead then, or is behind now",
            format!("Set the clock with `timedatectl`, and run the same command again. {SAY_SO}"),
        )),
    }
}

/// Judges what the node of this host saw of a registered attester. `ours_until` is the last slot in which it signed here.
fn seen(case: &Case<'_>, chain: &Chain, ours_until: Option<u64>) -> Verdict {
    let watch = WATCHED_EPOCHS * chain.epoch_slots;
    let minutes = |slots: u64| (slots * chain.slot_seconds).div_ceil(60);
    let view = match &case.evidence.view {
        Ok(view) => view,
        Err(why) => {
            return refused(
                format!(
                    "it is registered, and the node of this host cannot tell whether something else signs with it: {why}"
                ),
                format!(
                    "Run this host as a node without the sequencer first. Once it is in sync, let it watch {watch} slots ({} min), then run the same command again. {SAY_SO}",
                    minutes(watch)
                ),
            );
        }
    };
    if view.last.is_none_or(|last| last + FRESH_SLOTS < chain.slot) {
        return refused(
            format!(
                "it is registered, and the node of this host is not in sync: it saw slot {} last, and the chain is at slot {}",
                view.last.map_or("no".into(), |slot| slot.to_string()),
                chain.slot
            ),
            format!(
                "Wait until `aztec-kit smoke` says ok, then run the same command again. {SAY_SO}"
            ),
        );
    }
    let watched = view.watched();
    if watched < watch {
        return refused(
            format!(
                "it is registered, and the node of this host has watched only {watched} of {watch} slots for another signer"
            ),
            format!(
                "Run the same command again in {} min. {SAY_SO}",
                minutes(watch - watched)
            ),
        );
    }
    let history = view
        .history
        .get(&case.attester)
        .map_or(&[][..], Vec::as_slice);
    let signed = history
        .iter()
        .rev()
        .find(|(slot, duty)| *duty == Duty::Signed && ours_until.is_none_or(|last| *slot > last))
        .map(|(slot, _)| *slot);
    let missed = history
        .iter()
        .filter(|(slot, _)| signed.is_none_or(|signed| *slot > signed))
        .filter(|(_, duty)| *duty == Duty::Missed)
        .count();
    match signed {
        Some(_) if missed >= SILENT_DUTIES => free(format!("it missed its last {missed} duties")),
        Some(slot) => refused(
            format!(
                "it signed in slot {slot}, {}, and not on this host. Something else signs with it",
                ago((chain.slot.saturating_sub(slot) * chain.slot_seconds).cast_signed())
            ),
            format!(
                "Stop the other node and check that it has stopped. Once this node has seen the attester miss {SILENT_DUTIES} duties, run the same command again. {SAY_SO}"
            ),
        ),
        None if missed >= SILENT_DUTIES => free(format!("it missed its last {missed} duties")),
        None => Verdict::Free {
            because: format!(
                "it signed nothing in the {watched} slots that the node of this host watched; it had {missed} duties in them, so that this is likely and not certain"
            ),
            certain: false,
        },
    }
}

/// A time span for people.
fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s ago", seconds.max(0)),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86400),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
