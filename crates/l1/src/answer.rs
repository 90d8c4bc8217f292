//! Parsers for the answers of a JSON-RPC endpoint. They are pure, and read no more of an answer than they need: the trace of a
//! large transaction has some MiB.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};

use crate::failure::{Failure, Refused, Status};

/// The HTTP side of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Http {
    pub status: u16,
    /// The time until the next call, in seconds, if the server sent one.
    pub retry_after: Option<u64>,
}

/// The answer to one call.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    /// `null` is no error.
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// A field that is there. Some servers send `null` as a result.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

/// The most bytes of an error that are read as JSON. The rest would be a message that nobody reads.
const ERROR: usize = 64 << 10;

/// Reads the body of an answer. Returns the text of the result.
///
/// # Errors
///
/// If it contains no result.
pub(crate) fn result(http: Http, body: &[u8]) -> Result<&RawValue, Failure> {
    let text = str::from_utf8(body).ok();
    let answer = text.and_then(|text| of_one(text, http));
    answer.unwrap_or_else(|| Err(unfit(http, body)))
}

/// Reads the body of an answer to a batch (JSON-RPC 2.0, section 6) whose calls have the ids from 0 up. Returns the results
/// in that order.
///
/// # Errors
///
/// If a result is missing, or the server answers something else.
pub(crate) fn results(http: Http, body: &[u8], count: usize) -> Result<Vec<&RawValue>, Failure> {
    let Ok(answers) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
        // A server that does not support batches sends one error for all calls.
        return Err(result(http, body).err().unwrap_or(Failure::NotThatAnswer));
    };
    let mut results = vec![None; count];
    for answer in answers {
        let result = of_one(answer.get(), http).ok_or_else(|| unfit(http, body))??;
        let id = envelope(answer.get()).and_then(|answer| answer.id);
        let id = id.and_then(|id| id.get().parse::<usize>().ok());
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

/// The fields of one answer, `None` if it is not an object.
fn envelope(text: &str) -> Option<Envelope<'_>> {
    let is_object = text.trim_start().starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok())?
}

/// The result or the error of one call, `None` if the answer has neither.
fn of_one(text: &str, http: Http) -> Option<Result<&RawValue, Failure>> {
    let answer = envelope(text)?;
    // Some servers send the error of a call with an HTTP status other than 200.
    if let Some(error) = answer.error {
        return Some(Err(Failure::Refused(refused(error, http))));
    }
    let well = (200..300).contains(&http.status);
    answer.result.filter(|_| well).map(Ok)
}

fn refused(error: &RawValue, http: Http) -> Refused {
    let error = match error.get() {
        text if text.len() <= ERROR => serde_json::from_str(text).unwrap_or_default(),
        _ => Value::Null,
    };
    Refused {
        code: error["code"].as_i64().unwrap_or_default(),
        message: match &error {
            Value::String(message) => message.clone(),
            error => error["message"].as_str().unwrap_or_default().to_owned(),
        },
        data: error["data"].clone(),
        status: http.status,
        retry_after: http.retry_after,
    }
}

/// The reason why an answer is not one of JSON-RPC.
fn unfit(http: Http, body: &[u8]) -> Failure {
    let is_page = is_page(body);
    if !(200..300).contains(&http.status) {
        return Failure::Status(Status {
            code: http.status,
            retry_after: http.retry_after,
            message: if is_page { String::new() } else { words(body) },
        });
    }
    if is_page {
        return Failure::Page;
    }
    Failure::NotThatAnswer
}

/// Whether an answer is a page for people.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// The words of a server in the body of an error: its `message` or `error`, or the whole text.
pub(crate) fn words(body: &[u8]) -> String {
    let short = body.get(..ERROR).unwrap_or(body);
    let value: Value = match serde_json::from_slice(short) {
        Ok(value) => value,
        Err(_) => return String::from_utf8_lossy(short).into_owned(),
    };
    let fields = [
        &value["message"],
        &value["error"]["message"],
        &value["error"],
        &value,
    ];
    let word = fields.into_iter().find_map(Value::as_str);
    word.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secrets::Secrets;

    fn http(status: u16) -> Http {
        Http {
            status,
            retry_after: None,
        }
    }

    fn reason(status: u16, body: &Value) -> String {
        let failure = result(http(status), body.to_string().as_bytes()).unwrap_err();
        failure.reason(&Secrets::default())
    }

    #[test]
    fn a_result_is_read_whatever_is_beside_it() {
        let answers = [
            json!({"jsonrpc": "2.0", "id": 1, "result": "0x1"}),
            json!({"id": null, "result": "0x1", "error": null}),
        ];
        for answer in answers {
            let answer = answer.to_string();
            let read = result(http(200), answer.as_bytes()).unwrap();
            assert_eq!(read.get(), "\"0x1\"");
        }
        let nothing = result(http(200), br#"{"jsonrpc":"2.0","id":1,"result":null}"#);
        assert_eq!(nothing.unwrap().get(), "null");
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
        let page = result(http(401), b"<html>").unwrap_err();
        let page = page.reason(&Secrets::default());
        assert_eq!(page, "the answer is HTTP status 401");
        let page = result(http(200), b"<html>").unwrap_err();
        assert!(matches!(page, Failure::Page));
        assert_eq!(
            reason(200, &json!([1, "0x1"])),
            "the answer does not fit this call"
        );
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
        let read = |status, body: &Value| -> Result<Vec<String>, Failure> {
            let body = body.to_string();
            let results = results(http(status), body.as_bytes(), 2)?;
            Ok(results.iter().map(ToString::to_string).collect())
        };
        let answers = json!([{"id": 1, "result": "b"}, {"id": 0, "result": "a"}]);
        assert_eq!(read(200, &answers).unwrap(), ["\"a\"", "\"b\""]);
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
}
