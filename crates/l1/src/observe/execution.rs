//! The facts of an execution endpoint.

use std::time::Duration;

use alloy_primitives::{B256, U256};
use futures_util::future::join;
use tokio::time::Instant;

use super::{Questions, Target, now};
use crate::{
    client::{self, At, Connection},
    error::{Error, Result},
    failure::Failure,
    limits::Limits,
    retry::Patience,
};

/// The facts of an execution endpoint.
#[derive(Debug)]
pub struct Execution {
    /// Scheme, host and port.
    pub endpoint: String,
    /// Its chain id.
    pub chain_id: Result<u64>,
    /// The time until the answer to the first call, with the time to connect and to try again. `None` without an answer.
    pub latency: Option<Duration>,
    /// Its newest block.
    pub head: Result<Head>,
}

/// The newest block of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The block.
    pub block: Block,
    /// Its age when the endpoint answered, in seconds by the clock of this host. Negative if the block is ahead.
    pub age: i64,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its time, in seconds since 1970.
    pub timestamp: u64,
    /// In wei. `None` before London.
    pub base_fee: Option<U256>,
    /// The block of the consensus chain before this one (EIP-4788). `None` before Cancun. Zero on a chain without one.
    pub parent_beacon_block_root: Option<B256>,
    /// The number of blobs (EIP-4844: gas per blob is 2^17). `None` before Cancun.
    pub blobs: Option<u64>,
}

/// The gas of a blob: `GAS_PER_BLOB` of EIP-4844.
const GAS_PER_BLOB: u64 = 1 << 17;

impl From<&client::Block> for Block {
    fn from(block: &client::Block) -> Self {
        Self {
            number: block.number.to(),
            timestamp: block.timestamp.to(),
            base_fee: block.base_fee_per_gas,
            parent_beacon_block_root: block.parent_beacon_block_root,
            blobs: block
                .blob_gas_used
                .map(|gas| gas.to::<u64>() / GAS_PER_BLOB),
        }
    }
}

pub(super) async fn observed(target: &Target, _: &Questions, limits: Limits) -> Execution {
    let endpoint = target.shown();
    let connection = match connection(target, limits) {
        Ok(connection) => connection,
        Err(error) => {
            return Execution {
                endpoint,
                head: Err(error.clone()),
                chain_id: Err(error),
                latency: None,
            };
        }
    };
    let ((chain_id, latency), head) = join(chain_id(&connection), head(&connection)).await;
    Execution {
        endpoint,
        chain_id,
        latency,
        head,
    }
}

/// A connection that makes calls as the node does.
pub(super) fn connection(target: &Target, limits: Limits) -> Result<Connection, Error> {
    Connection::to(target.endpoint()?, limits, Patience::Node)
}

async fn chain_id(connection: &Connection) -> (Result<u64>, Option<Duration>) {
    let start = Instant::now();
    let chain_id = connection.chain_id().await;
    let latency = chain_id.is_ok().then(|| start.elapsed());
    (chain_id, latency)
}

async fn head(connection: &Connection) -> Result<Head> {
    const CALL: &str = "eth_getBlockByNumber(latest)";
    let block = connection.block(At::Latest).await;
    let now = now();
    let block = block
        .and_then(|block| block.ok_or(Failure::Null))
        .map_err(|failure| connection.failed(CALL, &failure))?;
    let block = Block::from(&block);
    let timestamp = i64::try_from(block.timestamp).unwrap_or(i64::MAX);
    Ok(Head {
        block,
        age: now.saturating_sub(timestamp),
    })
}
