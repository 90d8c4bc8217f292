//! What is private here and reads foreign text, for the fuzzers of the folder `fuzz`.

use serde_json::Value;

use crate::{answer, beacon, http, traces};

/// The result in an answer of an execution endpoint.
///
/// # Errors
///
/// Why there is none, as an operator is told.
pub fn answer(status: u16, bytes: &[u8]) -> Result<Value, String> {
    answer::result(status, bytes).map_err(|failure| failure.reason())
}

/// Why a call reverted, from the bytes that came with it.
pub fn revert_reason(data: &[u8]) -> String {
    answer::revert_reason(data)
}

/// A URL, and what is shown of it.
pub fn shown(url: &str) -> Option<String> {
    http::parse(url).ok().as_ref().map(http::shown)
}

/// A number of an answer of the Beacon API.
pub fn beacon_number(answer: &Value, name: &str) -> Option<u64> {
    beacon::number(answer, name)
}

/// Whether an answer is a trace of each of the two methods.
pub fn is_trace(answer: &Value) -> [bool; 2] {
    [traces::is_call(answer), traces::is_list(answer)]
}
