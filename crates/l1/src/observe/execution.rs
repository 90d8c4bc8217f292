//! The facts of an execution endpoint.

use std::time::Duration;

use futures_util::future::join;
use tokio::time::Instant;

use super::{
    block::Block,
    capabilities::{self, Capabilities},
    clock::now,
    mistaken::{self, Asked},
    questions::Questions,
    target::Target,
};
use crate::{
    client::{At, Connection},
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
    /// What it can do. `None` after light questions, and if it did not answer the first questions.
    pub capabilities: Option<Capabilities>,
}

/// The newest block of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The block.
    pub block: Block,
    /// Its age when the endpoint answered, in seconds by the clock of this host. Negative if the block is ahead.
    pub age: i64,
}

pub(super) async fn observed(target: &Target, questions: &Questions, limits: Limits) -> Execution {
    let endpoint = target.shown();
    let connection = match connection(target, limits) {
        Ok(connection) => connection,
        Err(error) => {
            return Execution {
                endpoint,
                head: Err(error.clone()),
                chain_id: Err(error),
                latency: None,
                capabilities: None,
            };
        }
    };
    let ((chain_id, latency), head) = join(chain_id(&connection), head(&connection)).await;
    let chain_id = match (chain_id, questions.deep()) {
        (Err(error), Some(_)) => {
            Err(mistaken::explained(error, target, Asked::Execution, limits).await)
        }
        (chain_id, _) => chain_id,
    };
    let capabilities = match questions.deep() {
        Some(deep) if answers(&chain_id) || answers(&head) => {
            Some(capabilities::observed(&connection, deep).await)
        }
        _ => None,
    };
    Execution {
        endpoint,
        chain_id,
        latency,
        head,
        capabilities,
    }
}

/// Whether an endpoint answered, even if it refused.
pub(super) fn answers<T>(fact: &Result<T>) -> bool {
    let cause = fact.as_ref().err().and_then(Error::cause);
    !matches!(cause, Some(cause) if cause.is_silence())
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
