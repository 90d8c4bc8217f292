//! The claim that the attesters of a keystore sign on this host only, as far as that can be known. The sequencer gets
//! only the keystores of claimed attesters.

mod changes;
mod hardware;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use l1::Address;
use provision::Fault;
use provision::engine::{ApplyCx, Cx, Diff, Kind, Receipt, ResourceId, Reverted};
use provision::host::{HostMut, Probe, stamp};
use provision::kinds::Disk;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::databases;
use crate::facts;
use crate::keystores::{self, Keystore};
use crate::layout;
use crate::signer::{
    Case, Claim, Claims, Copies, Guard, Handing, Place, Slot, Verdict, changed, judge,
    other_sequencers,
};
use changes::changes;
use seen::Seen;

/// A claim for every attester of a keystore directory, recorded before the service gets its keystores.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignerClaim {
    /// The directory.
    pub keystore: PathBuf,
    /// The service that signs.
    pub unit: String,
    /// Its databases.
    pub data: PathBuf,
    /// The directory with the name of their disk; a record of an earlier version has none.
    #[serde(default)]
    pub disk: Option<PathBuf>,
    /// The sources that tell whether something else signs.
    #[serde(skip)]
    pub guard: Guard,
}

/// The last observation: the stamp of the files and their copies, and their attesters. While they are unchanged, no key is
/// opened.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    stamp: String,
    attesters: BTreeSet<Address>,
}

/// An attester and the decision about it.
pub(crate) type Judged = (Address, Verdict);

impl SignerClaim {
    fn claims() -> Claims {
        Claims::new(layout::SIGNERS)
    }

    /// The service on this host.
    fn here(&self, probe: &dyn Probe) -> Result<Place, Fault> {
        let host = facts::machine_id(probe)?.ok_or_else(|| {
            Fault::new("this host has no machine id in /etc/machine-id")
                .fix("Run `systemd-machine-id-setup`.")
        })?;
        Ok(Place {
            host,
            unit: self.unit.clone(),
            data: self.data.clone(),
            hardware: hardware::read(probe),
            disk: match &self.disk {
                Some(disk) => Disk::name(disk, probe)?,
                None => None,
            },
        })
    }

    /// Decides about every attester without a claim.
    fn judged(&self, seen: &Seen, probe: &dyn Probe) -> Result<Vec<Judged>, Fault> {
        let new = seen.unclaimed();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let programs = other_sequencers(&seen.here, &seen.claims, probe)?;
        let evidence = self.guard.ask(&new);
        let mut signed_for = BTreeMap::new();
        for claim in &seen.claims {
            if let Some(rollup) = databases::rollup_of(&claim.place.data, probe)? {
                signed_for.insert(claim.place.data.clone(), rollup);
            }
        }
        let verdict = |attester: Address| {
            judge(&Case {
                attester,
                here: &seen.here,
                claims: seen
                    .claims
                    .iter()
                    .filter(|claim| claim.attester == attester)
                    .collect(),
                signed_for: &signed_for,
                programs: &programs,
                only_signer: self.guard.only_signer,
                evidence: &evidence,
                now: seen.now,
            })
        };
        Ok(new
            .into_iter()
            .map(|attester| (attester, verdict(attester)))
            .collect())
    }

    /// Copies the claimed keystores, and nothing else. The order makes sure that a key that stays is available to the
    /// service at all times, even if the run is killed.
    fn hand(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        let (copies, host) = (Copies::new(), &seen.here.host);
        for handing in &seen.handing {
            copies.keep(handing, host_mut)?;
        }
        let mut taken = BTreeSet::new();
        for handing in &seen.handing {
            let Handing::Copy { name, sha256 } = handing else {
                continue;
            };
            let path = self.keystore.join(name);
            let bytes = Zeroizing::new(host_mut.read(&path)?.unwrap_or_default());
            // The claim is for the file that was observed.
            if keystores::sha256(&bytes) != *sha256 {
                return Err(changed(&path));
            }
            copies.put(host, name, &bytes, host_mut)?;
            taken.insert((host, name));
        }
        for handing in &seen.handing {
            match handing {
                // The new copy replaced the old one.
                Handing::Withdraw { host, name, .. } if taken.contains(&(host, name)) => {}
                handing => copies.withdraw(handing, host_mut)?,
            }
        }
        copies.tidy(host_mut)
    }

    /// The same decisions without a run, with the record of its disk.
    pub(crate) fn preview(
        &self,
        receipt: &Receipt,
        probe: &dyn Probe,
    ) -> Result<Vec<Judged>, Fault> {
        let mut seen = self.observe(&Cx::of(probe))?;
        if let Some(disk) = &self.disk {
            seen.here.disk = Disk::name_to_be(disk, receipt, probe)?;
            seen.unnamed = false;
        }
        self.judged(&seen, probe)
    }
}

impl Kind for SignerClaim {
    type Seen = Seen;
    type Prior = Vec<Claim>;

    fn id(&self) -> ResourceId {
        ResourceId::new("signers", self.keystore.display())
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let here = self.here(cx.probe)?;
        let (copies, noted) = (Copies::new(), layout::hardware(&here.host));
        let keys = stamp(&self.keystore, cx.probe)?;
        let stamp = format!("{} {keys}{}", here.host, copies.stamp(cx.probe)?);
        let remembered = cx
            .memory
            .and_then(|memory| serde_json::from_value::<Memory>(memory.clone()).ok())
            .filter(|memory| memory.stamp == stamp);
        let (attesters, handing) = match remembered {
            Some(memory) => (Some(memory.attesters), Vec::new()),
            None => match keystores::keystores(&self.keystore, cx.probe)? {
                None => (None, Vec::new()),
                Some(keystores) => {
                    let attesters = keystores.iter().flat_map(Keystore::attesters);
                    let attesters = attesters.flatten().collect();
                    let handing = copies.differences(&keystores, &here.host, cx.probe)?;
                    (Some(attesters), handing)
                }
            },
        };
        Ok(Seen {
            unnamed: self.disk.is_some() && here.disk.is_none(),
            here,
            attesters,
            handing,
            stamp,
            claims: Self::claims().all(cx.probe)?,
            noted: cx.probe.text(&noted)?,
            now: cx.probe.clock().realtime_us / 1_000_000,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let Some(attesters) = &seen.attesters else {
            return Diff::Unknown("the keystore does not exist yet".into());
        };
        let changes = changes(seen, &self.unit);
        Diff::of(changes, || {
            format!("{} attesters sign here", attesters.len())
        })
    }

    fn prior(&self, seen: &Seen) -> Vec<Claim> {
        seen.claims.clone()
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        serde_json::to_value(Memory {
            stamp: seen.stamp.clone(),
            attesters: seen.attesters.clone()?,
        })
        .ok()
    }

    fn absent(&self, seen: &Seen) -> bool {
        seen.held().next().is_none()
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if seen.unnamed {
            let disk = self.disk.as_deref().unwrap_or(&self.data).display();
            return Err(
                Fault::new(format!("the disk of {disk} lost its name during this run"))
                    .fix("Run the same command again."),
            );
        }
        (cx.note)("checking whether anything else signs");
        let mut claims = Vec::new();
        // All decisions are made before the first claim.
        for (attester, verdict) in self.judged(seen, cx.host_mut.probe())? {
            match verdict {
                Verdict::Held => {}
                Verdict::Free { because, .. } => claims.push(Claim {
                    attester,
                    place: seen.here.clone(),
                    since: seen.now,
                    because,
                    released: None,
                    released_slot: None,
                }),
                Verdict::Refused { what, fix } => {
                    return Err(
                        Fault::new(format!("attester {attester}: {what}")).fix(format!("{fix}."))
                    );
                }
            }
        }
        claims.extend(seen.vague().map(|claim| Claim {
            place: seen.here.clone(),
            ..claim.clone()
        }));
        for claim in &claims {
            Self::claims().keep(claim, cx.host_mut)?;
        }
        if seen.misplaced() {
            hardware::record(&seen.here, cx.host_mut)?;
        }
        self.hand(seen, cx.host_mut)?;
        // Last: no service gets a released key.
        let gone = seen.gone();
        let slot = if gone.is_empty() {
            None
        } else {
            self.guard.slot()
        };
        for claim in gone {
            Self::claims().keep(&released(claim, seen.now, slot), cx.host_mut)?;
        }
        Ok(())
    }

    /// The claims stay as released claims, so signatures of this host do not count as those of a second signer later.
    fn revert(&self, _: &Vec<Claim>, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let seen = self.observe(&Cx::of(cx.host_mut.probe()))?;
        let keystores = keystores::keystores(&self.keystore, cx.host_mut.probe())?;
        Copies::new().withdraw_all(&keystores.unwrap_or_default(), cx.host_mut)?;
        let slot = self.guard.slot();
        for claim in seen.held() {
            Self::claims().keep(&released(claim, seen.now, slot), cx.host_mut)?;
        }
        Ok(Reverted::Kept(
            "its claims are released, and kept as a record".into(),
        ))
    }
}

fn released(claim: &Claim, now: i64, slot: Option<Slot>) -> Claim {
    Claim {
        released: Some(now),
        released_slot: slot,
        ..claim.clone()
    }
}

#[cfg(test)]
mod tests;
