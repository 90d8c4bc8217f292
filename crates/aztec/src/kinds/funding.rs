//! ETH for a local prover, so that it can publish its proofs.

use std::path::PathBuf;
use std::time::Duration;

use keys::keystore::read_prover;
use l1::staking::{FUNDING_FLOOR, FUNDING_TARGET, local_deployer};
use l1::{Address, Reader, Staker, U256};
use provision::Fault;
use provision::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fault::fault;

/// ETH on the local L1 for the account of a prover keystore.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Funding {
    /// JSON-RPC of the local L1.
    pub url: String,
    /// The prover keystore.
    pub keystore: PathBuf,
}

/// The state of the account.
#[derive(Debug)]
pub enum Seen {
    /// A prerequisite is missing, with the reason.
    Unknown(&'static str),
    /// The account and its balance in wei.
    Known(Address, U256),
}

/// A local call that takes longer has failed.
const CALL: Duration = Duration::from_secs(3);

impl Kind for Funding {
    type Seen = Seen;
    type Prior = ();

    fn id(&self) -> ResourceId {
        ResourceId::new("funding", self.keystore.display())
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let Some(keystore) = cx.probe.read(&self.keystore)?.map(Zeroizing::new) else {
            return Ok(Seen::Unknown("the prover key does not exist yet"));
        };
        let account = read_prover(&keystore).map_err(|error| {
            fault(
                &format!("{} is not a prover keystore", self.keystore.display()),
                error,
            )
        })?;
        let reader = Reader::connect(&self.url, CALL)
            .map_err(|error| fault("failed to ask the local L1", error))?;
        Ok(reader.balance(account).map_or(
            Seen::Unknown("the local L1 does not answer yet"),
            |balance| Seen::Known(account, balance),
        ))
    }

    fn diff(&self, seen: &Seen) -> Diff {
        match seen {
            Seen::Unknown(why) => Diff::Unknown((*why).into()),
            Seen::Known(account, balance) if *balance >= FUNDING_FLOOR => {
                Diff::InSync(format!("{account} has enough ETH"))
            }
            Seen::Known(account, balance) => Diff::Change(vec![Change::field(
                account.to_string(),
                Shown::text(format!("{balance} wei")),
                Shown::text(format!("{FUNDING_TARGET} wei")),
            )]),
        }
    }

    fn prior(&self, _: &Seen) {}

    fn absent(&self, seen: &Seen) -> bool {
        matches!(seen, Seen::Known(_, balance) if balance.is_zero())
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let Seen::Known(account, _) = seen else {
            return Err(Fault::new("the local L1 does not answer")
                .fix("Run `journalctl --unit aztec-l1 --lines 50` to see why."));
        };
        let failed = |error| fault("failed to fund the local prover", error);
        let staker = Staker::new(&self.url, local_deployer().map_err(failed)?).map_err(failed)?;
        staker
            .ensure_funded(*account, FUNDING_FLOOR, FUNDING_TARGET, cx.note)
            .map_err(failed)
            .map(drop)
    }

    fn revert(&self, (): &(), _: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        Ok(Reverted::Kept(
            "ETH that was sent stays with the account".into(),
        ))
    }
}
