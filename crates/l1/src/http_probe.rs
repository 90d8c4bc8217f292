//! HTTP requests to a server of any kind, even one that does not speak JSON-RPC.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    error::Result,
    failure::Failure,
    http::{
        self,
        clients::Manner,
        endpoint::Endpoint,
        exchange::{Request, open},
    },
};

/// Bytes of an answer. The answers to the questions of aztec-kit are shorter.
const LONGEST: usize = 64 << 10;

/// The answer of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, if it is JSON and has at most 64 KiB.
    pub body: Option<Value>,
}

/// Calls one JSON-RPC method. `timeout` bounds the call.
///
/// # Errors
///
/// If the URL is not `http` or `https`, or no HTTP server answers.
pub fn call(url: &str, method: &str, params: &Value, timeout: Duration) -> Result<Reply> {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let request = Request::post("", call.to_string());
    let (reply, body) = exchange(url, &request, "POST /", timeout, LONGEST)?;
    Ok(with_json(reply, body))
}

/// Gets one path below the URL. `timeout` bounds the request.
///
/// # Errors
///
/// As [`call`].
pub fn get(url: &str, path: &str, timeout: Duration) -> Result<Reply> {
    let call = format!("GET /{path}");
    let (reply, body) = exchange(url, &Request::get(path), &call, timeout, LONGEST)?;
    Ok(with_json(reply, body))
}

/// The status and the text of an answer of at most `longest` bytes. With a document, it is sent to the path; otherwise the
/// path is read. `timeout` bounds the request.
///
/// # Errors
///
/// As [`call`], and if the answer is longer.
pub fn text(
    url: &str,
    path: &str,
    document: Option<&Value>,
    timeout: Duration,
    longest: usize,
) -> Result<(u16, String)> {
    let request = match document {
        Some(document) => Request::post(path, document.to_string()),
        None => Request::get(path),
    };
    let call = format!("/{path}");
    let (reply, body) = exchange(url, &request, &call, timeout, longest)?;
    match body {
        Ok(body) => Ok((reply.status, String::from_utf8_lossy(&body).into_owned())),
        Err(failure) => Err(endpoint(url)?.failed(call, &failure)),
    }
}

fn with_json(reply: Reply, body: Result<Vec<u8>, Failure>) -> Reply {
    let json = |body: Vec<u8>| serde_json::from_slice(&body).ok();
    Reply {
        body: body.ok().and_then(json),
        ..reply
    }
}

fn endpoint(url: &str) -> Result<Endpoint> {
    Endpoint::asked(url, Manner::Plain)
}

/// The beginning of an answer, and its body or the reason why it was not read.
type Exchanged = (Reply, Result<Vec<u8>, Failure>);

/// Sends a request, and reads the answer up to a limit in bytes.
fn exchange(
    url: &str,
    request: &Request,
    call: &str,
    timeout: Duration,
    longest: usize,
) -> Result<Exchanged> {
    let endpoint = endpoint(url)?;
    let runtime = http::runtime().map_err(|reason| endpoint.unusable(reason))?;
    endpoint.prepare()?;
    let answer = runtime.block_on(received(&endpoint, request, timeout, longest));
    answer.map_err(|failure| endpoint.failed(call, &failure))
}

async fn received(
    endpoint: &Endpoint,
    request: &Request,
    timeout: Duration,
    longest: usize,
) -> Result<Exchanged, Failure> {
    let mut opened = open(endpoint, request, timeout).await?;
    let mut body = Vec::new();
    let read = opened
        .each_chunk(longest, |chunk| body.extend_from_slice(chunk))
        .await;
    let body = match read {
        Ok(()) => Ok(body),
        Err(failure @ Failure::TooLong(_)) => Err(failure),
        Err(failure) => return Err(failure),
    };
    let reply = Reply {
        status: opened.status,
        headers: opened.headers,
        body: None,
    };
    Ok((reply, body))
}
