//! The stake of a local validator: approved, deposited, flushed into the active set.

use std::path::PathBuf;
use std::time::Duration;

use keys::keystore::{read_attester, read_identity};
use l1::reader::AttesterStatus;
use l1::staking::{StakeRequest, local_deployer};
use l1::{Address, Reader, Staker};
use provision::Fault;
use provision::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::contracts::recorded;
use super::fault::fault;

/// A validator on a local network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stake {
    /// JSON-RPC of the local L1.
    pub url: String,
    /// The file with the address of the registry.
    pub record: PathBuf,
    /// The keystore with its key.
    pub keystore: PathBuf,
}

/// The state of the validator.
#[derive(Debug)]
pub enum Seen {
    /// A prerequisite is missing, with the reason.
    Unknown(&'static str),
    /// The attester and its status.
    Known(Address, AttesterStatus),
}

/// A local call that takes longer has failed.
const CALL: Duration = Duration::from_secs(3);

impl Stake {
    fn read_keystore(
        &self,
        probe: &dyn provision::host::Probe,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        Ok(probe.read(&self.keystore)?.map(Zeroizing::new))
    }
}

impl Kind for Stake {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        ResourceId::new("stake", self.keystore.display())
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let Some(keystore) = self.read_keystore(cx.probe)? else {
            return Ok(Seen::Unknown("the validator key does not exist yet"));
        };
        let attester = read_identity(&keystore)
            .map_err(|error| {
                fault(
                    &format!("{} is not a keystore", self.keystore.display()),
                    error,
                )
            })?
            .attester;
        let Some(registry) = recorded(&self.record, cx.probe)? else {
            return Ok(Seen::Unknown("the contracts are not deployed yet"));
        };
        let reader = Reader::connect(&self.url, CALL)
            .map_err(|error| fault("failed to ask the local L1", error))?;
        Ok(match reader.standing(registry, attester) {
            Ok(standing) => Seen::Known(attester, standing.status),
            Err(_) => Seen::Unknown("the local L1 does not answer yet"),
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        match seen {
            Seen::Unknown(why) => Diff::Unknown((*why).into()),
            Seen::Known(attester, AttesterStatus::Validating) => {
                Diff::InSync(format!("{attester} is validating"))
            }
            Seen::Known(attester, status) => Diff::Change(vec![Change::field(
                attester.to_string(),
                Shown::text(status.to_string()),
                Shown::text("validating"),
            )]),
        }
    }

    fn prior(&self, _: &Seen) {}

    fn absent(&self, seen: &Seen) -> bool {
        matches!(seen, Seen::Known(_, AttesterStatus::None))
    }

    fn apply(&self, _: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let missing = || Fault::new("the validator key or the contracts are missing");
        let keystore = self
            .read_keystore(cx.host_mut.probe())?
            .ok_or_else(missing)?;
        let registry = recorded(&self.record, cx.host_mut.probe())?.ok_or_else(missing)?;
        let failed = |error| fault("failed to stake the local validator", error);
        let attester = read_attester(&keystore).map_err(|error| failed(error.into()))?;
        let deployer = local_deployer().map_err(failed)?;
        let staker = Staker::new(&self.url, deployer).map_err(failed)?;
        staker
            .ensure_staked(&StakeRequest::new(registry, &attester), cx.note)
            .map_err(failed)
            .map(drop)
    }

    fn revert(&self, (): &(), _: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        Ok(Reverted::Kept(
            "a stake is withdrawn on the chain, not on this host".into(),
        ))
    }
}
