//! What an execution endpoint can do, beyond the chain and its head.
//!
//! There is no question about batches: every client of the node has `batch: false` (4.1.2 ethereum/dest/client.js and
//! archiver/dest/factory.js).

use alloy_primitives::{Address, U64};
use alloy_sol_types::SolEvent;
use futures_util::future::{OptionFuture, join4};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{
    burst::{self, Burst},
    questions::Deep,
};
use crate::{bindings::Rollup, client::Connection, error::Result, failure::Failure};

/// Bytes of a long answer: simulated blocks, or all logs of a block from a server that ignores filters.
const LONG: usize = 1 << 20;
/// Bytes of a short answer.
const SHORT: usize = 64 << 10;

/// What an execution endpoint can do.
#[derive(Debug)]
pub struct Capabilities {
    /// Whether it is synced: `eth_syncing`.
    pub syncing: Result<Syncing>,
    /// Its own words about its version: `web3_clientVersion`, at most 200 characters.
    pub version: Result<String>,
    /// The logs of the rollup's deployment. `None` if the rollup was not known.
    pub deployment_logs: Option<Result<DeploymentLogs>>,
    /// Whether it simulates blocks: `eth_simulateV1`. Without it, the node takes a fixed estimate of the gas of a transaction,
    /// or fails if there is none (4.1.2 ethereum/dest/l1_tx_utils/readonly_l1_tx_utils.js, `_simulate`).
    pub simulates: Result<()>,
    /// Many calls at once.
    pub burst: Burst,
}

/// The answer to `eth_syncing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncing {
    /// It is synced.
    No,
    /// It is syncing.
    Yes {
        /// The block that it has.
        current: Option<u64>,
        /// The newest block that it knows.
        highest: Option<u64>,
    },
}

/// The logs of the rollup's deployment, which an endpoint without old logs does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentLogs {
    /// The block of the deployment: `L1_BLOCK_AT_GENESIS` of the rollup.
    pub block: u64,
    /// The number of logs. It is one if the endpoint has them.
    pub logs: usize,
}

pub(super) async fn observed(connection: &Connection, deep: &Deep) -> Capabilities {
    let logs = deep.rollup.map(|rollup| logs(connection, rollup));
    let (syncing, version, deployment_logs, simulates) = join4(
        syncing(connection),
        version(connection),
        OptionFuture::from(logs),
        simulates(connection),
    )
    .await;
    Capabilities {
        syncing,
        version,
        deployment_logs,
        simulates,
        // The burst is last, because it may use up the quota for the other calls.
        burst: burst::observed(connection).await,
    }
}

async fn syncing(connection: &Connection) -> Result<Syncing> {
    const CALL: &str = "eth_syncing";
    let answer = connection.call_up_to::<Value>(CALL, json!([]), SHORT);
    let answer = answer.await.and_then(|answer| read_syncing(&answer));
    answer.map_err(|failure| connection.failed(CALL, &failure))
}

fn read_syncing(answer: &Value) -> Result<Syncing, Failure> {
    let number = |name: &str| -> Option<u64> {
        let number: U64 = serde_json::from_value(answer[name].clone()).ok()?;
        Some(number.to())
    };
    match answer {
        Value::Bool(false) => Ok(Syncing::No),
        Value::Object(_) => Ok(Syncing::Yes {
            current: number("currentBlock"),
            highest: number("highestBlock"),
        }),
        _ => Err(Failure::NotThatAnswer),
    }
}

async fn version(connection: &Connection) -> Result<String> {
    const CALL: &str = "web3_clientVersion";
    let answer = connection.call_up_to::<String>(CALL, json!([]), SHORT);
    match answer.await {
        Ok(version) => Ok(connection.endpoint.secrets.cut_from(&version)),
        Err(failure) => Err(connection.failed(CALL, &failure)),
    }
}

/// Asks for the log of the rollup's constructor, as the archiver does when it starts: `validateHistoricalLogsAvailability` and
/// `getOwnershipTransferredEventsAtDeploy` (archiver/src/l1/validate_historical_logs.ts and ethereum/src/contracts/rollup.ts
/// of the sources of 6). 4.1.2 does not ask, and misses events.
async fn logs(connection: &Connection, rollup: Address) -> Result<DeploymentLogs> {
    let block = connection.view(rollup, Rollup::L1_BLOCK_AT_GENESISCall {});
    let block: u64 = block.await?.saturating_to();
    let tag = U64::from(block);
    let filter = json!([{
        "address": rollup, "topics": [Rollup::OwnershipTransferred::SIGNATURE_HASH],
        "fromBlock": tag, "toBlock": tag,
    }]);
    let logs = connection.call_up_to::<Vec<IgnoredAny>>("eth_getLogs", filter, LONG);
    match logs.await {
        Ok(logs) => Ok(DeploymentLogs {
            block,
            logs: logs.len(),
        }),
        Err(failure) => Err(connection.failed(format!("eth_getLogs of block {block}"), &failure)),
    }
}

async fn simulates(connection: &Connection) -> Result<()> {
    const CALL: &str = "eth_simulateV1";
    let nothing = json!([{"blockStateCalls": [{"calls": []}]}, "latest"]);
    let blocks = connection.call_up_to::<Vec<IgnoredAny>>(CALL, nothing, LONG);
    let blocks = blocks.await.map(drop);
    blocks.map_err(|failure| connection.failed(CALL, &failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_status_is_false_or_an_object() {
        assert_eq!(read_syncing(&json!(false)).unwrap(), Syncing::No);
        let yes = json!({"currentBlock": "0x10", "highestBlock": 5, "startingBlock": "0x0"});
        let expected = Syncing::Yes {
            current: Some(16),
            highest: Some(5),
        };
        assert_eq!(read_syncing(&yes).unwrap(), expected);
        for other in [json!(true), json!(null), json!("0x1")] {
            assert!(read_syncing(&other).is_err(), "{other}");
        }
    }
}
