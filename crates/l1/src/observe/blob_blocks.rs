//! The blocks whose blobs a consensus endpoint is asked for: a recent one, and one near the end of the time for which blobs
//! are kept.

use futures_util::future::{FutureExt, select_ok};

use super::{block::Block, execution::connection, questions::Deep, target::Target};
use crate::{
    client::{At, Connection},
    failure::Failure,
    limits::Limits,
};

/// The age of the recent block, in blocks: two epochs, so that its slot is final or nearly so.
const SETTLED: u64 = 64;

/// The seconds of a slot on Ethereum and its test networks.
const SLOT: u64 = 12;

/// The age of the far block in seconds: a day less than blobs are kept (`MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS` = 4096 epochs of
/// 32 slots, consensus-specs, Deneb).
const FAR: u64 = 4096 * 32 * SLOT - 86_400;

/// How much younger than that the far block may be, in seconds.
const TOLERANCE: u64 = 6 * 3600;

/// The number of estimates of the far block. Slots without a block make each one a little wrong.
const ESTIMATES: u32 = 4;

/// The number of blocks that are searched for blobs.
const SEARCHED: u64 = 10;

/// Blocks of the chain that a consensus endpoint should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobBlocks {
    /// A block that is 64 blocks old, or the first block of a shorter chain.
    pub settled: Block,
    /// A block with blobs, at least as old. `None` if there is none nearby.
    pub recent: Option<Block>,
    /// A block with blobs near the end of the time for which blobs are kept: 17 days old. `None` if the chain has no such block.
    pub far: Option<Block>,
}

/// Asks the execution endpoints for these blocks. The first one of this chain that answers counts.
pub(super) async fn found(targets: &[Target], deep: &Deep, limits: Limits) -> Option<BlobBlocks> {
    let connections = targets.iter().map(|target| connection(target, limits));
    let connections: Vec<_> = connections.filter_map(Result::ok).collect();
    let ask = |connection| of(connection, deep.chain_id).boxed_local();
    let asked: Vec<_> = connections.iter().map(ask).collect();
    if asked.is_empty() {
        return None;
    }
    select_ok(asked).await.ok().map(|(blocks, _)| blocks)
}

async fn of(connection: &Connection, chain_id: u64) -> Result<BlobBlocks, Failure> {
    let found = connection.chain_id().await;
    if !found.is_ok_and(|found| found == chain_id) {
        return Err(Failure::NotThatAnswer);
    }
    let head = block(connection, At::Latest).await?;
    let settled = head.number.saturating_sub(SETTLED).max(1).min(head.number);
    let settled = block(connection, At::Number(settled)).await?;
    let recent = with_blobs(connection, settled, |number, at| number.checked_sub(at)).await;
    let far = match far(connection, &head).await {
        Some(far) => with_blobs(connection, far, u64::checked_add).await,
        None => None,
    };
    Ok(BlobBlocks {
        settled,
        recent,
        far,
    })
}

async fn block(connection: &Connection, at: At) -> Result<Block, Failure> {
    let block = connection.block(at).await?;
    block.as_ref().map(Block::from).ok_or(Failure::Null)
}

/// This block if it has blobs, or the nearest one that has.
async fn with_blobs(
    connection: &Connection,
    first: Block,
    next: impl Fn(u64, u64) -> Option<u64>,
) -> Option<Block> {
    let mut found = first;
    for at in 1..=SEARCHED {
        if found.blobs.is_some_and(|blobs| blobs > 0) {
            return Some(found);
        }
        let number = At::Number(next(first.number, at)?);
        found = block(connection, number).await.ok()?;
    }
    None
}

/// A block that is nearly old enough.
async fn far(connection: &Connection, head: &Block) -> Option<Block> {
    let oldest = head.timestamp.checked_sub(FAR)?;
    let mut number = head.number.checked_sub(FAR / SLOT)?;
    for _ in 0..ESTIMATES {
        let found = block(connection, At::Number(number)).await.ok()?;
        match found.timestamp.checked_sub(oldest) {
            Some(younger) if younger <= TOLERANCE => return Some(found),
            Some(younger) => number = number.checked_sub((younger - TOLERANCE / 2) / SLOT)?,
            None => number += (oldest - found.timestamp + TOLERANCE / 2) / SLOT,
        }
    }
    None
}
