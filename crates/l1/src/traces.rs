//! Asks an execution endpoint whether it traces transactions, as the archiver of a node does when it starts:
//! `validateTraceAvailability` (4.1.2 archiver/dest/l1/validate_trace.js; the same file in the sources of 6).

use std::time::Duration;

use alloy_primitives::B256;
use serde_json::{Value, json};

use crate::{
    client::{At, Connection},
    error::Result,
    failure::Failure,
};

/// The number of blocks that are searched for a transaction.
const BLOCKS: u32 = 10;
/// The age of the older of the two transactions, in blocks.
const OLD: u64 = 512;

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

/// Asks one endpoint for the trace of a new transaction and of one that is 512 blocks old. `timeout` bounds each call.
///
/// # Errors
///
/// If the URL is not `http` or `https`, or its newest blocks cannot be read.
pub fn traces(url: &str, timeout: Duration) -> Result<Traces> {
    let connection = Connection::new(url, timeout)?;
    connection.block_on(async {
        let recent = transaction(&connection, At::Latest)
            .await
            .map_err(|error| connection.failed("eth_getBlockByNumber", &error))?;
        let Some((number, recent)) = recent else {
            return Ok(Traces::Untried);
        };
        let recent = traced(&connection, recent).await;
        // The first block counts as no block, and a shorter chain is not asked.
        let old = match number.checked_sub(OLD) {
            None | Some(0) => None,
            Some(old) => match transaction(&connection, At::Number(old)).await {
                Ok(None) => None,
                Ok(Some((_, old))) => Some(traced(&connection, old).await),
                Err(_) => Some(false),
            },
        };
        Ok(match (recent, old) {
            (_, Some(true)) | (true, None) => Traces::Old,
            (true, Some(false)) => Traces::Recent,
            (false, _) => Traces::None,
        })
    })
}

/// The first transaction of this block, or of the nearest earlier block that has one, with the number of that block.
async fn transaction(connection: &Connection, mut at: At) -> Result<Option<(u64, B256)>, Failure> {
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

/// Whether one of the two methods returns a trace that the archiver can read.
async fn traced(connection: &Connection, hash: B256) -> bool {
    let tracer = json!([hash, {"tracer": "callTracer"}]);
    let debug = connection
        .call::<Value>("debug_traceTransaction", tracer)
        .await;
    if debug.is_ok_and(|answer| is_call(&answer)) {
        return true;
    }
    let trace = connection
        .call::<Value>("trace_transaction", json!([hash]))
        .await;
    trace.is_ok_and(|answer| is_list(&answer))
}

fn is_hex(value: &Value) -> bool {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Checks the required fields of `callTraceSchema` of archiver/dest/l1/debug_tx.js. The answer of another tracer has
/// other fields.
pub(crate) fn is_call(answer: &Value) -> bool {
    is_hex(&answer["from"]) && answer["type"].is_string()
}

/// Checks the required fields of `traceTransactionResponseSchema` of archiver/dest/l1/trace_tx.js.
pub(crate) fn is_list(answer: &Value) -> bool {
    let one = |trace: &Value| {
        let action = &trace["action"];
        is_hex(&action["from"])
            && action["callType"].is_string()
            && trace["subtraces"].is_number()
            && trace["traceAddress"].is_array()
            && trace["type"].is_string()
    };
    answer
        .as_array()
        .is_some_and(|traces| traces.iter().all(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trace_that_the_archiver_reads_counts() {
        let call = json!({"from": "0x01", "gas": "0x0", "to": "0x02", "type": "CALL"});
        assert!(is_call(&call));
        // A client that ignores the tracer, or does not know the transaction, answers like this.
        for other in [
            json!({"failed": false, "gas": 0, "structLogs": []}),
            json!(null),
            json!([]),
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
