//! The birth of a local chain: its L1 begins in the past and gets the contracts, the stake and the funds at that time.
//!
//! A validator is in the committee only some epochs after its stake, and a node refuses an L1 whose head is far from
//! the clock. Therefore, the L1 begins minutes behind the clock, gets its contracts, stake and funds, and is written to
//! disk. Only then do the services start. The service of the L1 begins with a block at the time of the clock. If a run is
//! killed, the unfinished chain is deleted: nothing has followed this chain before its state has its final name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use provision::Fault;
use provision::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use provision::host::{Invocation, NewFile};
use serde::{Deserialize, Serialize};

use super::{Contracts, Funding, Stake};

/// A local chain with its contracts, stake and funds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Birth {
    /// The state file of the L1. A chain is born once this file exists.
    pub state: PathBuf,
    /// The state file of the L1 until then.
    pub unborn: PathBuf,
    /// The unit that runs the L1 from then on.
    pub service: String,
    /// The unit that runs it until then; in `/run`, so that a reboot forgets it.
    pub unit: String,
    /// The text of that unit.
    pub text: String,
    /// The contracts on it.
    pub contracts: Contracts,
    /// The validator in its first set, on a host with a sequencer.
    pub stake: Option<Stake>,
    /// The account with ETH from the beginning, on a host with a prover.
    pub funding: Option<Funding>,
}

/// Whether there is a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The chain exists.
    Born,
    /// There is no chain, or a run was killed while it created one.
    Unborn,
}

/// Units that do not outlive a reboot: systemd.unit(5).
const UNITS: &str = "/run/systemd/system";
/// anvil writes its whole state when it stops.
const STOP: Duration = Duration::from_secs(90);

/// How long forge may take for the contracts before it counts as stuck and the chain begins again, seconds. It takes
/// three. Sometimes it waits forever for a transaction that anvil has left in its pool. The release then kills it
/// and deploys again to the same chain (l1-contracts/scripts/forge_broadcast.js of 4.1.2), after 75 s, and in
/// vain if the first try got far enough. For this reason, its own retries are turned off.
const FORGE_MAY_TAKE: [u32; 3] = [25, 50, 100];

impl Birth {
    fn unit_file(&self) -> PathBuf {
        Path::new(UNITS).join(&self.unit)
    }

    /// Starts the L1 before its birth, from an empty state.
    fn begin(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        self.end(cx)?;
        cx.host_mut.remove(&self.unborn)?;
        cx.host_mut.put(&NewFile {
            path: &self.unit_file(),
            bytes: self.text.as_bytes(),
            uid: 0,
            gid: 0,
            mode: 0o644,
        })?;
        cx.read_units()?;
        systemctl(&["start", &self.unit], cx)
    }

    /// Stops it, if it runs, and removes its unit.
    fn end(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if cx.host_mut.meta(&self.unit_file())?.is_some() {
            systemctl(&["stop", &self.unit], cx)?;
            cx.host_mut.remove(&self.unit_file())?;
        }
        Ok(())
    }

    /// Creates an L1 with contracts, stake and funds on disk; `forge` is how long the contracts may take, seconds.
    fn try_once(&self, forge: u32, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        (cx.note)("starting an L1 that begins in the past");
        self.begin(cx)?;
        let filled = self.fill(forge, cx);
        (cx.note)("writing it to disk");
        // Also after a failure: nothing uses this L1, and its port is needed.
        self.end(cx)?;
        filled
    }

    /// Puts contracts, stake and funds on the chain.
    fn fill(&self, forge: u32, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let mut contracts = self.contracts.clone();
        contracts.parameters.extend([
            ("FORGE_BROADCAST_TIMEOUT".into(), forge.to_string()),
            ("FORGE_BROADCAST_MAX_RETRIES".into(), "0".into()),
        ]);
        converge(&contracts, cx)?;
        if let Some(stake) = &self.stake {
            converge(stake, cx)?;
        }
        match &self.funding {
            Some(funding) => converge(funding, cx),
            None => Ok(()),
        }
    }
}

fn systemctl(words: &[&str], cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    let argv = ["systemctl"].iter().chain(words).copied();
    cx.host_mut.run(&Invocation::new(argv).timeout(STOP))
}

/// Tries several times, each time with more time for forge. Returns the fault of the last attempt.
fn more_than_once(
    cx: &mut ApplyCx<'_>,
    mut try_once: impl FnMut(u32, &mut ApplyCx<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let [tries @ .., last] = FORGE_MAY_TAKE;
    for forge in tries {
        if try_once(forge, cx).is_ok() {
            return Ok(());
        }
        (cx.note)("that failed, perhaps because forge was stuck: beginning the chain again");
    }
    try_once(last, cx)
}

/// Converges a resource without memory.
fn converge(kind: &impl Kind, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    let mut cx = ApplyCx::new(&mut *cx.host_mut, &mut *cx.note);
    let seen = kind.observe(&Cx::of(cx.host_mut.probe()))?;
    kind.apply(&seen, &mut cx)
}

impl Kind for Birth {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        ResourceId::new("chain", self.contracts.chain_id)
    }

    fn units(&self) -> Vec<String> {
        vec![self.service.clone()]
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.contracts.record.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        if cx.probe.meta(&self.state)?.is_some() {
            return Ok(Seen::Born);
        }
        // A running L1 without a state file: an earlier version started the service first.
        let runs = ["active", "activating", "reloading"];
        let state = cx.unit(&self.service)?.active;
        Ok(if runs.contains(&state.as_str()) {
            Seen::Born
        } else {
            Seen::Unborn
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        if *seen == Seen::Born {
            return Diff::InSync("its L1 has begun".into());
        }
        let with = [
            Some("the Aztec contracts"),
            self.stake.as_ref().map(|_| "a staked validator"),
            self.funding.as_ref().map(|_| "a funded prover"),
        ];
        let with: Vec<_> = with.into_iter().flatten().collect();
        Diff::Change(vec![Change::field(
            "L1",
            Shown::Nothing,
            Shown::Text(format!("begun some minutes ago, with {}", with.join(", "))),
        )])
    }

    fn prior(&self, _: &Seen) {}

    fn absent(&self, seen: &Seen) -> bool {
        *seen == Seen::Unborn
    }

    fn apply(&self, _: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        more_than_once(cx, |forge, cx| self.try_once(forge, cx))?;
        cx.host_mut.run(&Invocation::new([
            "sync".into(),
            self.unborn.display().to_string(),
        ]))?;
        cx.host_mut.rename(&self.unborn, &self.state)
    }

    fn revert(&self, (): &(), cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        self.end(cx)?;
        cx.host_mut.remove(&self.unborn)?;
        cx.host_mut.remove(&self.contracts.record)?;
        Ok(Reverted::Kept(format!(
            "a chain is data. To delete it, run `rm {}`",
            self.state.display()
        )))
    }
}

#[cfg(test)]
mod tests {

    use provision::Fault;
    use provision::engine::{ApplyCx, Cx, Diff, Kind as _, Resource as _};
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use crate::kinds::Kind;
    use crate::settings::Settings;
    use crate::{HostFacts, desired};

    fn birth() -> super::Birth {
        let facts = HostFacts::debian();
        let text = "[sequencer]\nenabled = true\n[prover]\nenabled = true\n";
        let graph = desired(&Settings::parse(text).unwrap(), &facts, text).unwrap();
        // The birth comes before the service and after the keys.
        let ordered: Vec<_> = graph.ordered().unwrap();
        let at = |id: &str| {
            let mut ids = ordered.iter().map(|node| node.resource.id().to_string());
            ids.position(|found| found == id).unwrap()
        };
        assert!(at("chain[31337]") < at("service[aztec-l1.service]"));
        for key in [
            "validator-key[/etc/aztec/keystore/validator.json]",
            "prover-key[/etc/aztec/keystore-prover/prover.json]",
        ] {
            assert!(at(key) < at("chain[31337]"));
        }
        let found = graph.nodes().iter().find_map(|node| match &node.resource {
            Kind::Birth(birth) => Some(birth.clone()),
            _ => None,
        });
        found.unwrap()
    }

    #[test]
    fn a_chain_is_born_once() {
        let birth = birth();
        let mut host = FakeHost::debian();
        let diff = |host: &FakeHost| birth.diff(&birth.observe(&Cx::of(host)).unwrap());
        let Diff::Change(changes) = diff(&host) else {
            panic!("an empty host has a chain")
        };
        let notes = format!("{changes:?}");
        assert!(
            notes.contains("a staked validator, a funded prover"),
            "{notes}"
        );
        // The file of a killed run is not a chain.
        host.plant(birth.unborn.to_str().unwrap(), FileType::File, b"{", 0o600);
        assert!(matches!(diff(&host), Diff::Change(_)));
        host.plant(birth.state.to_str().unwrap(), FileType::File, b"{", 0o600);
        assert!(matches!(diff(&host), Diff::InSync(_)));
    }

    /// The times that forge gets, the notes and the result, if the first attempts fail.
    fn attempts(failures: usize) -> (Vec<u32>, Vec<String>, Result<(), Fault>) {
        let (mut host, mut tries, mut notes) = (FakeHost::debian(), Vec::new(), Vec::new());
        let mut note = |text: &str| notes.push(text.to_owned());
        let mut cx = ApplyCx::new(&mut host, &mut note);
        let result = super::more_than_once(&mut cx, |forge, _| {
            tries.push(forge);
            if tries.len() > failures {
                return Ok(());
            }
            Err(Fault::new(format!("forge was stuck for {forge} s")))
        });
        (tries, notes, result)
    }

    #[test]
    fn a_chain_with_stuck_contracts_begins_again_with_more_time() {
        let (tries, notes, result) = attempts(0);
        assert_eq!((tries.len(), notes.len()), (1, 0));
        result.unwrap();
        let (tries, notes, result) = attempts(1);
        assert!(tries.len() == 2 && tries.is_sorted(), "{tries:?}");
        assert!(notes[0].ends_with("beginning the chain again"), "{notes:?}");
        result.unwrap();
        // At the end, it fails with the fault of the last attempt.
        let (tries, notes, result) = attempts(9);
        assert_eq!((tries.len(), notes.len()), (3, 2));
        let fault = result.unwrap_err().to_string();
        assert_eq!(fault, "forge was stuck for 100 s");
    }

    #[test]
    fn the_unit_of_the_birth_differs_from_the_service_in_its_clock_and_its_blocks() {
        let birth = birth();
        assert!(
            birth
                .text
                .contains("--timestamp $$(($$(date +%%s) - 250))'")
        );
        assert!(birth.text.contains("--block-time 1 --mixed-mining "));
        assert!(birth.text.contains("--state /var/lib/aztec/l1/unborn.json"));
        assert!(birth.text.contains("ProtectSystem=strict"));
    }
}
