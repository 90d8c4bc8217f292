//! The private parsers of foreign text, for the fuzzers of the folder `fuzz`.

use alloy_primitives::B256;
use alloy_sol_types::{SolCall, SolEvent};
use serde_json::Value;

use crate::answer::Http;
use crate::bindings::{Gse, Registry, Rollup, Token};
use crate::client::{logged, returned};
use crate::failure::Failure;
use crate::observe::{blobs::BlobCount, traces};
use crate::secrets::Secrets;
use crate::{answer, beacon, http, revert};

/// The result in an answer of an execution endpoint.
///
/// # Errors
///
/// The reason why there is none, as an operator sees it.
pub fn answer(status: u16, bytes: &[u8]) -> Result<Value, String> {
    let http = Http {
        status,
        retry_after: None,
    };
    let failed = |failure: Failure| failure.reason(&Secrets::default());
    let result = answer::result(http, bytes).map_err(failed)?;
    serde_json::from_str(result.get()).map_err(|error| error.to_string())
}

/// Foreign text as it is shown about an endpoint with this URL.
pub fn shown_text(url: &str, text: &str) -> Option<String> {
    let url = http::parse(url).ok()?;
    Some(Secrets::of(&url).cut_from(text))
}

/// The reason why a call reverted, from its revert data.
pub fn revert_reason(data: &[u8]) -> String {
    revert::revert_reason(data)
}

/// The parts of a URL that are shown.
pub fn shown(url: &str) -> Option<String> {
    http::parse(url).ok().as_ref().map(http::shown)
}

/// Reads a number in an answer of the Beacon API.
pub fn beacon_number(answer: &Value, name: &str) -> Option<u64> {
    beacon::number(answer, name)
}

/// Whether an answer is a trace of each of the two methods.
pub fn is_trace(answer: &str) -> [bool; 2] {
    [traces::is_call(answer), traces::is_list(answer)]
}

/// The number of blobs in an answer that arrives in pieces.
pub fn blobs(pieces: &[&[u8]]) -> u64 {
    let mut count = BlobCount::default();
    pieces.iter().for_each(|piece| count.read(piece));
    count.blobs
}

/// Decodes an answer as the return value of each function. Returns the names of those that fit, each with the value
/// encoded again.
pub fn returns(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    fn one<C: SolCall>(bytes: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let value = returned::<C>(bytes)?;
        Some((C::SIGNATURE, C::abi_encode_returns(&value)))
    }
    let all = [
        one::<Registry::getCanonicalRollupCall>,
        one::<Rollup::archiveAtCall>,
        one::<Rollup::getActivationThresholdCall>,
        one::<Rollup::getEntryQueueAtCall>,
        one::<Rollup::getStatusCall>,
        one::<Gse::getRegistrationDigestCall>,
        one::<Token::balanceOfCall>,
    ];
    all.into_iter().filter_map(|read| read(bytes)).collect()
}

/// Decodes a log of a rollup, its topics after the first and its data, as a failed deposit. Returns both encoded again.
pub fn failed_deposit(topics: [[u8; 32]; 2], data: &[u8]) -> Option<([[u8; 32]; 2], Vec<u8>)> {
    let name = Rollup::FailedDeposit::SIGNATURE_HASH;
    let [one, two] = topics.map(B256::from);
    let event = logged::<Rollup::FailedDeposit>(&[name, one, two], data)?;
    let (_, attester, withdrawer) = event.topics();
    let topics = [attester, withdrawer].map(|address| address.into_word().0);
    Some((topics, event.encode_data()))
}
