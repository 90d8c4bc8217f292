//! Asks an execution endpoint for traces, as the archiver of a node does when it starts: `validateTraceAvailability` (4.1.2
//! archiver/dest/l1/validate_trace.js; the same file in the sources of 6).

use std::borrow::Cow;

use alloy_primitives::B256;
use futures_util::future::{OptionFuture, join3};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{json, value::RawValue};

use super::{execution::connection, target::Target};
use crate::{
    client::{At, Connection},
    error::{Error, Result},
    failure::Failure,
    limits::Limits,
};

/// The number of blocks that are searched for a transaction.
const BLOCKS: u32 = 10;
/// The age of the older of the two transactions, in blocks.
const OLD: u64 = 512;
/// The age of the oldest transaction that a node may ask for, in blocks: 12 hours (concepts/l1-rpc.md of the documentation of
/// 5.2). A node does not ask for one of this age when it starts.
const OLDEST: u64 = 3600;

/// Bytes of an answer. The trace of a large transaction has some MiB.
const LONGEST: usize = 8 << 20;

/// The transactions that an endpoint traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Traces {
    /// Unknown, because none of its last blocks has a transaction.
    Untried,
    /// None.
    None,
    /// Those of its newest blocks.
    Recent,
    /// Those of older blocks too, or those of its newest blocks if the chain has no transaction that old.
    Old,
}

/// Whether an endpoint traces the transactions of three ages.
#[derive(Debug)]
pub struct TraceFacts {
    /// Scheme, host and port.
    pub endpoint: String,
    /// Its chain id.
    pub chain_id: Result<u64>,
    /// A transaction of its newest blocks.
    pub recent: Result<Trace>,
    /// A transaction that is 512 blocks older. `None` if the chain is shorter, or `recent` found no transaction.
    pub old: Option<Result<Trace>>,
    /// A transaction that is 3600 blocks older. `None` as for `old`.
    pub oldest: Option<Result<Trace>>,
}

/// Whether a transaction is traced.
#[derive(Debug)]
pub enum Trace {
    /// The blocks of this age have no transaction.
    NoTransaction,
    /// Neither method returns a trace. The error is that of `debug_traceTransaction`.
    Refused(Error),
    /// One of the methods returns a trace that the archiver can read.
    Traced,
}

impl TraceFacts {
    /// The transactions that the endpoint traces, in the terms of the node.
    ///
    /// # Errors
    ///
    /// If its newest blocks cannot be read.
    pub fn summary(&self) -> Result<Traces> {
        let recent = match &self.recent {
            Ok(Trace::NoTransaction) => return Ok(Traces::Untried),
            Ok(trace) => matches!(trace, Trace::Traced),
            Err(error) => return Err(error.clone()),
        };
        let old = match &self.old {
            None | Some(Ok(Trace::NoTransaction)) => None,
            Some(old) => Some(matches!(old, Ok(Trace::Traced))),
        };
        Ok(match (recent, old) {
            (_, Some(true)) | (true, None) => Traces::Old,
            (true, Some(false)) => Traces::Recent,
            (false, _) => Traces::None,
        })
    }
}

pub(super) async fn observed(target: &Target, limits: Limits) -> TraceFacts {
    match connection(target, limits) {
        Ok(connection) => facts(&connection).await,
        Err(error) => TraceFacts {
            endpoint: target.shown(),
            chain_id: Err(error.clone()),
            recent: Err(error),
            old: None,
            oldest: None,
        },
    }
}

async fn facts(connection: &Connection) -> TraceFacts {
    let endpoint = connection.endpoint.shown.clone();
    let chain_id = connection.chain_id().await;
    let found = transaction(connection, At::Latest).await;
    let number = match &found {
        Ok(Some((number, _))) => Some(*number),
        _ => None,
    };
    // The first block counts as no block, and a shorter chain is not asked.
    let older = |age| number?.checked_sub(age).filter(|number| *number > 0);
    let at = |number| async move {
        trace(
            connection,
            transaction(connection, At::Number(number)).await,
        )
        .await
    };
    let (recent, old, oldest) = join3(
        trace(connection, found),
        OptionFuture::from(older(OLD).map(at)),
        OptionFuture::from(older(OLDEST).map(at)),
    )
    .await;
    TraceFacts {
        endpoint,
        chain_id,
        recent,
        old,
        oldest,
    }
}

/// A transaction with the number of its block.
type Transaction = Option<(u64, B256)>;

/// The first transaction of this block, or of the nearest earlier block that has one.
async fn transaction(connection: &Connection, mut at: At) -> Result<Transaction, Failure> {
    for _ in 0..BLOCKS {
        let block = connection.block(at).await?;
        let Some(block) = block else { break };
        let number: u64 = block.number.to();
        if let Some(hash) = block.transactions.first().copied() {
            return Ok(Some((number, hash)));
        }
        let Some(before) = number.checked_sub(1) else {
            break;
        };
        at = At::Number(before);
    }
    Ok(None)
}

/// Asks for the trace of a transaction that was found.
async fn trace(connection: &Connection, found: Result<Transaction, Failure>) -> Result<Trace> {
    let found = found.map_err(|failure| connection.failed("eth_getBlockByNumber", &failure))?;
    let Some((_, hash)) = found else {
        return Ok(Trace::NoTransaction);
    };
    const CALL: &str = "debug_traceTransaction";
    let tracer = json!([hash, {"tracer": "callTracer"}]);
    let debug = connection.call_up_to::<Box<RawValue>>(CALL, tracer, LONGEST);
    let refused = match debug.await {
        Ok(answer) if is_call(answer.get()) => return Ok(Trace::Traced),
        Ok(_) => Failure::NotThatAnswer,
        Err(failure) => failure,
    };
    let trace = connection.call_up_to::<Box<RawValue>>("trace_transaction", json!([hash]), LONGEST);
    Ok(match trace.await {
        Ok(answer) if is_list(answer.get()) => Trace::Traced,
        _ => Trace::Refused(connection.failed(CALL, &refused)),
    })
}

/// The required fields of `callTraceSchema` of archiver/dest/l1/debug_tx.js. The answer of another tracer has other fields.
#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    _type: Cow<'a, str>,
}

/// The required fields of `traceSchema` of archiver/dest/l1/trace_tx.js.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    #[serde(borrow)]
    action: Action<'a>,
    #[serde(rename = "subtraces")]
    _subtraces: f64,
    #[serde(rename = "traceAddress")]
    _trace_address: Vec<IgnoredAny>,
    #[serde(rename = "type", borrow)]
    _type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(rename = "callType", borrow)]
    _call_type: Cow<'a, str>,
}

fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix("0x");
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether an answer is a trace of `callTracer`.
pub(crate) fn is_call(answer: &str) -> bool {
    // The library would read an array as the fields in their order.
    let is_object = answer.trim_start().starts_with('{');
    is_object && serde_json::from_str::<Call<'_>>(answer).is_ok_and(|call| is_hex(&call.from))
}

/// Whether an answer is a list of traces.
pub(crate) fn is_list(answer: &str) -> bool {
    let steps = serde_json::from_str::<Vec<Step<'_>>>(answer);
    steps.is_ok_and(|steps| steps.iter().all(|step| is_hex(&step.action.from)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_trace_that_the_archiver_reads_counts() {
        let is_call = |answer: &serde_json::Value| is_call(&answer.to_string());
        let is_list = |answer: &serde_json::Value| is_list(&answer.to_string());
        let call = json!({"from": "0x01", "gas": "0x0", "to": "0x02", "type": "CALL"});
        assert!(is_call(&call));
        // A client that ignores the tracer, or does not know the transaction, answers like this.
        for other in [
            json!({"failed": false, "gas": 0, "structLogs": []}),
            json!(null),
            json!([]),
            json!(["0x01", "CALL"]),
            json!({"from": "01", "type": "CALL"}),
        ] {
            assert!(!is_call(&other), "{other}");
        }
        let trace = json!({
            "action": {"callType": "call", "from": "0x01"}, "subtraces": 0, "traceAddress": [], "type": "call"
        });
        assert!(is_list(&json!([trace])) && is_list(&json!([])));
        let create = json!({"action": {"from": "0x01", "init": "0x"}, "subtraces": 0, "traceAddress": [], "type": "create"});
        assert!(!is_list(&json!([trace, create])) && !is_list(&json!(null)));
    }
}
