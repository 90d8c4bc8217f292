//! Many calls at once, as a node makes them while it catches up. A small quota shows here.

use alloy_primitives::U64;
use futures_util::future::join_all;
use serde_json::json;

use crate::{cause::Cause, client::Connection, error::Error};

/// The number of calls.
const CALLS: usize = 20;

/// Bytes of an answer.
const LONGEST: usize = 64 << 10;

/// The result of many calls at once. No call is made again.
#[derive(Debug)]
pub struct Burst {
    /// The number of calls.
    pub calls: usize,
    /// The number of calls that a quota refused: HTTP 402 and 429, or errors of JSON-RPC that mean the same.
    pub refused: usize,
    /// The number of other calls without a result.
    pub failed: usize,
    /// The first refusal, or the first failure if none was refused.
    pub reason: Option<Error>,
}

pub(super) async fn observed(connection: &Connection) -> Burst {
    const CALL: &str = "eth_chainId";
    let nothing = json!([]);
    let one = || connection.call_once::<U64>(CALL, &nothing, LONGEST);
    let answers = join_all((0..CALLS).map(|_| one())).await;
    let errors = answers.into_iter().filter_map(Result::err);
    let errors = errors.map(|failure| connection.failed(CALL, &failure));
    let is_quota = |error: &Error| error.cause() == Some(Cause::Quota);
    let (refused, failed): (Vec<_>, Vec<_>) = errors.partition(is_quota);
    Burst {
        calls: CALLS,
        refused: refused.len(),
        failed: failed.len(),
        reason: refused.into_iter().chain(failed).next(),
    }
}
