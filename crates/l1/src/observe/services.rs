//! What a consensus endpoint is and serves, beyond its chain and its sync status.

use futures_util::future::{OptionFuture, join, join3, join5};
use serde_json::Value;

use super::{
    blob_blocks::BlobBlocks,
    blobs::{ServedBlobs, served},
    block::Block,
    questions::{BlobsApi, Deep},
};
use crate::{
    beacon::{self, Api, number},
    error::Result,
    failure::Failure,
};

/// The seconds of a slot, if the endpoint does not say: those of Ethereum and its test networks.
const SLOT: u64 = 12;

/// What a consensus endpoint is and serves.
#[derive(Debug)]
pub struct Services {
    /// The time of slot 0, in seconds since 1970.
    pub genesis_time: Result<u64>,
    /// The seconds of a slot.
    pub slot_seconds: Result<u64>,
    /// Its own words about its version, at most 200 characters.
    pub version: Result<String>,
    /// The number of its custody groups: 64 or more serve blobs (semi-supernode), 128 are all (supernode; consensus-specs, Fulu).
    /// Hosted endpoints and older clients do not say it.
    pub custody_groups: Result<Option<u64>>,
    /// Whether it lists headers. A node that gets no such list does not count the endpoint as a source of blobs (4.1.2
    /// blob-client/dest/client/http.js, `testSources`).
    pub headers: Result<()>,
    /// Whether it knows the consensus block that belongs to [`BlobBlocks::settled`]. If not, it follows another chain than the
    /// execution endpoints. `None` if there is no such block.
    pub same_chain: Option<Result<bool>>,
    /// The number of blobs that it served of its head. An endpoint without enough custody refuses even a block without blobs
    /// (Lodestar 1.44). `None` if it has no sync status.
    pub head_blobs: Option<Result<u64>>,
    /// The blobs of [`BlobBlocks::recent`].
    pub recent_blobs: Option<ServedBlobs>,
    /// The blobs of [`BlobBlocks::far`].
    pub far_blobs: Option<ServedBlobs>,
}

impl Services {
    /// The slot of a time in seconds since 1970, `None` if the genesis is not known or later.
    pub(super) fn slot_of(&self, time: u64) -> Option<u64> {
        slot_of(&self.genesis_time, &self.slot_seconds, time)
    }
}

fn slot_of(genesis: &Result<u64>, slot_seconds: &Result<u64>, time: u64) -> Option<u64> {
    let seconds = *slot_seconds.as_ref().unwrap_or(&SLOT);
    time.checked_sub(*genesis.as_ref().ok()?)?
        .checked_div(seconds)
}

/// Asks an endpoint. `blocks` are the blocks to ask for, which may not be known yet.
pub(super) async fn observed(
    api: &Api,
    deep: &Deep,
    head_slot: Option<u64>,
    blocks: impl AsyncFn() -> Option<BlobBlocks>,
) -> Services {
    let head = head_slot.map(|slot| served(api, deep.blobs, slot));
    let (facts, head_blobs, blocks) = join3(facts(api), OptionFuture::from(head), blocks()).await;
    let (genesis_time, slot_seconds, version, custody_groups, headers) = facts;
    let of = |block: Option<Block>| {
        let block = block?;
        let slot = slot_of(&genesis_time, &slot_seconds, block.timestamp)?;
        Some(blobs(api, deep.blobs, block, slot))
    };
    let recent = OptionFuture::from(of(blocks.and_then(|blocks| blocks.recent)));
    let far = OptionFuture::from(of(blocks.and_then(|blocks| blocks.far)));
    let root = blocks.and_then(|blocks| blocks.settled.parent_beacon_block_root);
    let root = root.filter(|root| !root.is_zero());
    let known = root.map(|root| knows(api, format!("{}/{root}", beacon::HEADERS)));
    let known = OptionFuture::from(known);
    // An endpoint that serves many blobs at once is not more likely to serve one.
    let (same_chain, (recent_blobs, far_blobs)) =
        join(known, async { (recent.await, far.await) }).await;
    Services {
        genesis_time,
        slot_seconds,
        version,
        custody_groups,
        headers,
        same_chain,
        head_blobs,
        recent_blobs,
        far_blobs,
    }
}

type Facts = (
    Result<u64>,
    Result<u64>,
    Result<String>,
    Result<Option<u64>>,
    Result<()>,
);

async fn facts(api: &Api) -> Facts {
    join5(
        fact(api, beacon::GENESIS, |answer| {
            number(answer, "genesis_time")
        }),
        fact(api, beacon::SPEC, slot_seconds),
        fact(api, beacon::VERSION, |answer| {
            let version = answer["data"]["version"].as_str()?;
            Some(api.endpoint.secrets.cut_from(version))
        }),
        fact(api, beacon::IDENTITY, custody_groups),
        fact(api, beacon::HEADERS, |answer| {
            answer["data"].is_array().then_some(())
        }),
    )
    .await
}

/// Gets a path and reads its answer.
async fn fact<T>(api: &Api, path: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T> {
    let answer = api.get(path).await;
    let answer = answer.and_then(|answer| read(&answer).ok_or(Failure::NotThatAnswer));
    answer.map_err(|failure| api.failed(path, &failure))
}

/// The seconds of a slot. Newer clients give milliseconds (consensus-specs, `SLOT_DURATION_MS`).
fn slot_seconds(spec: &Value) -> Option<u64> {
    let millis = || number(spec, "SLOT_DURATION_MS").map(|millis| millis / 1000);
    number(spec, "SECONDS_PER_SLOT")
        .or_else(millis)
        .filter(|seconds| *seconds > 0)
}

/// The number of custody groups in a node's identity, which may be hidden.
fn custody_groups(identity: &Value) -> Option<Option<u64>> {
    let data = &identity["data"];
    let count = match &data["metadata"]["custody_group_count"] {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    };
    data.is_object().then_some(count)
}

async fn blobs(api: &Api, way: BlobsApi, block: Block, slot: u64) -> ServedBlobs {
    ServedBlobs {
        block,
        slot,
        served: served(api, way, slot).await,
    }
}

/// Whether there is something under a path.
async fn knows(api: &Api, path: String) -> Result<bool> {
    match api.get(&path).await {
        Ok(_) => Ok(true),
        Err(Failure::Status(status)) if status.code == 404 => Ok(false),
        Err(failure) => Err(api.failed(&path, &failure)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_length_of_a_slot_is_in_seconds_or_milliseconds() {
        let spec = |name: &str, value: &str| slot_seconds(&json!({"data": {name: value}}));
        assert_eq!(spec("SECONDS_PER_SLOT", "12"), Some(12));
        assert_eq!(spec("SLOT_DURATION_MS", "6000"), Some(6));
        assert_eq!(spec("SLOT_DURATION_MS", "1"), None);
    }

    #[test]
    fn the_count_of_custody_groups_may_be_missing() {
        let identity = |metadata: Value| custody_groups(&json!({"data": {"metadata": metadata}}));
        let count = |value: Value| identity(json!({"custody_group_count": value}));
        assert_eq!(count(json!("128")), Some(Some(128)));
        assert_eq!(count(json!(64)), Some(Some(64)));
        assert_eq!(identity(json!({"seq_number": "1"})), Some(None));
        assert_eq!(custody_groups(&json!([])), None);
    }
}
