//! What is private here and reads foreign text, for the fuzzers of the folder `fuzz`.

use alloy::rpc::json_rpc::ResponsePacket;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{beacon, client, traces, transport};

/// What an answer of an execution endpoint says: whether it is an error of the endpoint itself, or else why there is
/// none.
///
/// # Errors
///
/// Why, as an operator is told.
pub fn answer(status: u16, bytes: &[u8]) -> Result<bool, String> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    match transport::read(status, bytes) {
        Err(error) => Err(client::reason(&error)),
        Ok(ResponsePacket::Single(answer)) => match answer.payload.as_error() {
            Some(error) => {
                let error = alloy::transports::TransportError::ErrorResp(error.clone());
                Err(client::reason(&error))
            }
            None => Ok(false),
        },
        Ok(ResponsePacket::Batch(_)) => Ok(true),
    }
}

/// Why a call reverted, from the bytes that came with it.
pub fn revert_reason(data: &[u8]) -> String {
    client::revert_reason(data)
}

/// A URL, and what is shown of it.
pub fn shown(url: &str) -> Option<String> {
    client::parse(url).ok().as_ref().map(client::shown)
}

/// A number of an answer of the Beacon API.
pub fn beacon_number(answer: &Value, name: &str) -> Option<u64> {
    beacon::number(answer, name)
}

/// Whether an answer is a trace of each of the two methods.
pub fn is_trace(answer: &Value) -> [bool; 2] {
    [traces::is_call(answer), traces::is_list(answer)]
}
