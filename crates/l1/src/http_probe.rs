//! HTTP requests to a server of any kind, even one that does not speak JSON-RPC.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Method, Url, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{error::Error, error::Result, http};

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
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    exchange(url, "", Method::POST, body, timeout)
}

/// Gets one path below the URL. `timeout` bounds the request.
///
/// # Errors
///
/// As [`call`].
pub fn get(url: &str, path: &str, timeout: Duration) -> Result<Reply> {
    exchange(url, path, Method::GET, String::new(), timeout)
}

fn exchange(
    url: &str,
    path: &str,
    method: Method,
    body: String,
    timeout: Duration,
) -> Result<Reply> {
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
    let reply = runtime.block_on(reply(&client, method, url, body));
    reply.map_err(|error| Error::Rpc {
        call,
        reason: http::without_url(&error),
        endpoint,
    })
}

async fn reply(
    client: &Client,
    method: Method,
    url: Url,
    body: String,
) -> Result<Reply, reqwest::Error> {
    let request = client.request(method, url);
    let request = request.header(CONTENT_TYPE, "application/json").body(body);
    let response = request.send().await?;
    let headers = response.headers().iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let mut reply = Reply {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: None,
    };
    let body = http::body(response, LONGEST).await?;
    reply.body = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    Ok(reply)
}
