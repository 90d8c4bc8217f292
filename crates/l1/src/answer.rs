//! Parsers for the answers of a JSON-RPC endpoint. They are pure.

use alloy_primitives::Bytes;
use alloy_sol_types::{GenericContractError, SolInterface};
use serde_json::Value;

use crate::{
    bindings::Reverts::RevertsErrors,
    http::{TooLong, without_url},
};

/// The reason why a call has no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request failed.
    Http(reqwest::Error),
    /// The answer is longer than the limit.
    TooLong(TooLong),
    /// The answer is not JSON-RPC, and its HTTP status says why.
    Status(u16),
    /// The answer is not JSON-RPC, or its result does not fit the method.
    NotThatAnswer,
    /// The server answered with an error.
    Refused(Refused),
}

/// The `error` of an answer: JSON-RPC 2.0, section 5.1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    /// Zero if the server sent none.
    pub code: i64,
    pub message: String,
    pub data: Value,
    /// Whether the HTTP status means that there were too many requests.
    pub limited: bool,
}

/// Reads the body of an answer.
///
/// # Errors
///
/// If it contains no result.
pub(crate) fn result(status: u16, body: &[u8]) -> Result<Value, Failure> {
    let well = (200..300).contains(&status);
    match serde_json::from_slice(body) {
        Ok(answer) => of_one(answer, status),
        Err(_) if !well => Err(Failure::Status(status)),
        Err(_) => Err(Failure::NotThatAnswer),
    }
    .map_err(|failure| match failure {
        Failure::NotThatAnswer if !well => Failure::Status(status),
        other => other,
    })
}

/// Reads the body of an answer to a batch (JSON-RPC 2.0, section 6) whose calls have the ids from 0 up. Returns the results
/// in that order.
///
/// # Errors
///
/// If a result is missing, or the server answers something else.
pub(crate) fn results(status: u16, body: &[u8], count: usize) -> Result<Vec<Value>, Failure> {
    let Ok(Value::Array(answers)) = serde_json::from_slice(body) else {
        // A server that does not support batches sends one error for all calls.
        return Err(result(status, body).err().unwrap_or(Failure::NotThatAnswer));
    };
    let mut results: Vec<Option<Value>> = vec![None; count];
    for answer in answers {
        let id = answer["id"]
            .as_u64()
            .and_then(|id| usize::try_from(id).ok());
        let result = of_one(answer, status)?;
        if let Some(place) = id.and_then(|id| results.get_mut(id))
            && place.replace(result).is_some()
        {
            // If a call has two answers, it is unknown which is the right one.
            return Err(Failure::NotThatAnswer);
        }
    }
    let results: Option<Vec<_>> = results.into_iter().collect();
    results.ok_or(Failure::NotThatAnswer)
}

fn of_one(answer: Value, status: u16) -> Result<Value, Failure> {
    let well = (200..300).contains(&status);
    match answer {
        // Some servers send the error of a call with an HTTP status other than 200.
        Value::Object(mut answer) if answer.get("error").is_some_and(|it| !it.is_null()) => {
            let error = answer.remove("error").unwrap_or_default();
            Err(Failure::Refused(Refused {
                code: error["code"].as_i64().unwrap_or_default(),
                message: match &error {
                    Value::String(message) => message.clone(),
                    error => error["message"].as_str().unwrap_or_default().to_owned(),
                },
                data: error["data"].clone(),
                limited: matches!(status, 429 | 503),
            }))
        }
        Value::Object(mut answer) if well => answer.remove("result").ok_or(Failure::NotThatAnswer),
        _ => Err(Failure::NotThatAnswer),
    }
}

/// The most characters of an endpoint's message that are shown.
const MESSAGE: usize = 300;

impl Failure {
    /// The reason in words, without the URL. Its path or user may be an API key, and the body of an HTTP error often repeats
    /// the path.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Http(error) => without_url(error),
            Self::TooLong(limit) => limit.to_string(),
            Self::Status(status) => format!("the answer is HTTP status {status}"),
            Self::NotThatAnswer => "the answer does not fit this call".to_owned(),
            Self::Refused(refused) => match self.revert_data() {
                Some(data) => format!("reverted with {}", revert_reason(&data)),
                None => {
                    let message: String = refused.message.chars().take(MESSAGE).collect();
                    format!("the node answered error {}: {message}", refused.code)
                }
            },
        }
    }

    /// Whether a quota is used up, so that the call may succeed later: HTTP 429 and 503, -32005 of EIP-1474, -32007 of
    /// QuickNode (wevm/viem#5083) and -32016 of Base (base/node#368). A proxy may quote these in an error of its own.
    pub(crate) fn is_limit(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 429 | 503),
            Self::Refused(refused) => {
                let message = refused.message.to_ascii_lowercase();
                refused.limited
                    || matches!(refused.code, -32005 | -32007 | -32016 | 429)
                    || ["rate limit", "too many requests"]
                        .iter()
                        .any(|words| message.contains(words))
            }
            Self::Http(_) | Self::TooLong(_) | Self::NotThatAnswer => false,
        }
    }

    /// The data of a call that reverted, `None` for any other error.
    pub(crate) fn revert_data(&self) -> Option<Bytes> {
        let Self::Refused(refused) = self else {
            return None;
        };
        // 3 is the code of a revert. Without it, only the message shows that the call reverted.
        if refused.code != 3 && !refused.message.contains("revert") {
            return None;
        }
        Some(bytes_in(&refused.data).unwrap_or_default())
    }
}

/// The bytes of a revert, wherever a client puts them: as the data itself, in a field of it, or after a word, as
/// OpenEthereum did ("Reverted 0x…").
fn bytes_in(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => {
            let (_, digits) = text.rsplit_once(' ').unwrap_or(("", text));
            const_hex::decode(digits.strip_prefix("0x")?)
                .ok()
                .map(Bytes::from)
        }
        Value::Object(fields) => fields.values().find_map(bytes_in),
        _ => None,
    }
}

/// The name of the error in revert data, with its arguments.
pub(crate) fn revert_reason(data: &[u8]) -> String {
    if data.is_empty() {
        return "no reason".to_owned();
    }
    if let Ok(error) = RevertsErrors::abi_decode(data) {
        // The text is `Name(Name { argument: … })`. The outer name is the variant of the generated enum.
        let text = format!("{error:?}");
        return match text.split_once('(') {
            Some((_, inner)) => inner.trim_end_matches(')').to_owned(),
            None => text,
        };
    }
    GenericContractError::abi_decode(data).map_or_else(
        |_| const_hex::encode_prefixed(data),
        |error| error.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(status: u16, body: &Value) -> String {
        let failure = result(status, body.to_string().as_bytes()).unwrap_err();
        failure.reason()
    }

    #[test]
    fn a_result_is_read_whatever_is_beside_it() {
        let answers = [
            json!({"jsonrpc": "2.0", "id": 1, "result": "0x1"}),
            json!({"id": null, "result": "0x1", "error": null}),
        ];
        for answer in answers {
            let read = result(200, answer.to_string().as_bytes()).unwrap();
            assert_eq!(read, json!("0x1"));
        }
        let nothing = result(200, br#"{"jsonrpc":"2.0","id":1,"result":null}"#).unwrap();
        assert_eq!(nothing, Value::Null);
    }

    #[test]
    fn an_answer_without_result_has_a_reason() {
        assert_eq!(reason(200, &json!([])), "the answer does not fit this call");
        assert_eq!(reason(200, &json!({})), "the answer does not fit this call");
        assert_eq!(reason(502, &json!({})), "the answer is HTTP status 502");
        assert_eq!(
            reason(503, &json!({"result": "0x1"})),
            "the answer is HTTP status 503"
        );
        let page = result(401, b"<html>").unwrap_err();
        assert_eq!(page.reason(), "the answer is HTTP status 401");
        let limited = json!({"error": {"code": -32005, "message": "limit exceeded"}});
        for status in [200, 429] {
            assert_eq!(
                reason(status, &limited),
                "the node answered error -32005: limit exceeded"
            );
        }
        let word = json!({"error": "unauthorized"});
        assert_eq!(
            reason(200, &word),
            "the node answered error 0: unauthorized"
        );
    }

    #[test]
    fn a_batch_is_read_in_the_order_of_its_ids() {
        let read = |status, body: &Value| results(status, body.to_string().as_bytes(), 2);
        let answers = json!([{"id": 1, "result": "b"}, {"id": 0, "result": "a"}]);
        assert_eq!(read(200, &answers).unwrap(), [json!("a"), json!("b")]);
        let missing = json!([{"id": 1, "result": "b"}, {"id": 7, "result": "a"}]);
        assert!(matches!(read(200, &missing), Err(Failure::NotThatAnswer)));
        let limited = json!({"error": {"code": -32005, "message": "limit exceeded"}, "id": 0});
        for body in [&limited, &json!([{"id": 0, "result": "a"}, limited])] {
            assert!(read(200, body).unwrap_err().is_limit(), "{body}");
        }
        assert!(read(429, &json!("slow down")).unwrap_err().is_limit());
        let single = json!({"id": 0, "result": "a"});
        assert!(matches!(read(200, &single), Err(Failure::NotThatAnswer)));
        let twice =
            json!([{"id": 0, "result": "a"}, {"id": 0, "result": "b"}, {"id": 1, "result": "c"}]);
        assert!(matches!(read(200, &twice), Err(Failure::NotThatAnswer)));
        let of_a_provider = json!({"error": {"code": -32007, "message": "50/second"}});
        assert!(read(200, &of_a_provider).unwrap_err().is_limit());
        let of_another = json!({"error": {"code": -1, "message": "later"}});
        assert!(read(429, &of_another).unwrap_err().is_limit());
        assert!(!read(200, &of_another).unwrap_err().is_limit());
        let quoted = json!({"error": {"code": -32000, "message": "429 Too Many Requests: {}"}});
        assert!(read(200, &quoted).unwrap_err().is_limit());
    }

    #[test]
    fn a_revert_is_found_wherever_clients_put_it() {
        let data = "0x08c379a0\
            0000000000000000000000000000000000000000000000000000000000000020\
            0000000000000000000000000000000000000000000000000000000000000002\
            6e6f000000000000000000000000000000000000000000000000000000000000";
        let places = [
            json!(data),
            json!(format!("Reverted {data}")),
            json!({"0x01": {"error": "revert", "return": data}}),
        ];
        for place in places {
            let error =
                json!({"error": {"code": 3, "message": "execution reverted", "data": place}});
            let text = reason(200, &error);
            assert!(
                text.starts_with("reverted with") && text.contains("no"),
                "{text}"
            );
        }
        let bare = json!({"error": {"code": -32000, "message": "execution reverted"}});
        assert_eq!(reason(200, &bare), "reverted with no reason");
    }

    #[test]
    fn reverts_have_names() {
        let data = const_hex::decode(
            "e450d38c000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000003",
        );
        let text = revert_reason(&data.unwrap());
        assert!(
            text.starts_with("ERC20InsufficientBalance { sender: 0x"),
            "{text}"
        );
        assert_eq!(revert_reason(&[]), "no reason");
        assert_eq!(revert_reason(&[1, 2]), "0x0102");
    }
}
