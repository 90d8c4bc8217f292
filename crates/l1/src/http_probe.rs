//! HTTP requests to a server of any kind, even one that does not speak JSON-RPC.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Method, RequestBuilder, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    http::{self, TooLong},
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
    let request = (Method::POST, String::new(), call.to_string());
    Ok(exchange(url, request, timeout, LONGEST)?.into())
}

/// Gets one path below the URL. `timeout` bounds the request.
///
/// # Errors
///
/// As [`call`].
pub fn get(url: &str, path: &str, timeout: Duration) -> Result<Reply> {
    let request = (Method::GET, path.to_owned(), String::new());
    Ok(exchange(url, request, timeout, LONGEST)?.into())
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
    let method = document.map_or(Method::GET, |_| Method::POST);
    let body = document.map(ToString::to_string).unwrap_or_default();
    let request = (method, path.to_owned(), body);
    let answer = exchange(url, request, timeout, longest)?;
    let body = answer.body.map_err(|error| Error::Rpc {
        call: format!("/{path}"),
        reason: error.to_string(),
        endpoint: answer.endpoint,
    })?;
    Ok((answer.status, String::from_utf8_lossy(&body).into_owned()))
}

/// An answer as it was received.
struct Answer {
    /// Scheme, host and port of the server.
    endpoint: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: Result<Vec<u8>, TooLong>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let json = |body: Vec<u8>| serde_json::from_slice(&body).ok();
        Self {
            status: answer.status,
            headers: answer.headers,
            body: answer.body.ok().and_then(json),
        }
    }
}

/// Sends a request (method, path, body), and reads the answer up to a limit in bytes.
fn exchange(
    url: &str,
    (method, path, body): (Method, String, String),
    timeout: Duration,
    longest: usize,
) -> Result<Answer> {
    let mut url = http::parse(url)?;
    let endpoint = http::shown(&url);
    if !path.is_empty() {
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    }
    let prepared = |reason: String| Error::Client {
        endpoint: endpoint.clone(),
        reason,
    };
    let client = http::http_client(&url, timeout).map_err(prepared)?;
    let runtime = http::runtime().map_err(prepared)?;
    let call = format!("{method} /{path}");
    let request = client.request(method, url);
    let request = request.header(CONTENT_TYPE, "application/json").body(body);
    let answer = runtime.block_on(received(request, &endpoint, longest));
    answer.map_err(|error| Error::Rpc {
        call,
        reason: http::without_url(&error),
        endpoint,
    })
}

async fn received(
    request: RequestBuilder,
    endpoint: &str,
    longest: usize,
) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let headers = response.headers().iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    Ok(Answer {
        endpoint: endpoint.to_owned(),
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: http::body(response, longest).await?,
    })
}
