//! One request and its answer, as the node makes it. Answers have a limit in bytes, because a server may answer without end.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Method, RequestBuilder, Response, header};
use tokio::time::Instant;
use url::Url;

use super::{
    clients::{self, Manner},
    endpoint::Endpoint,
    redirect, transport,
};
use crate::{cause::Cause, failure::Failure};

/// Headers of every request of the node, so that a filter that lets the node pass lets us pass too (`fetch` of Node 24.21,
/// undici 7.29.1, measured). Over TLS the node reads Brotli too, which we do not.
const AS_FETCH: [(&str, &str); 5] = [
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", "*"),
    ("sec-fetch-mode", "cors"),
    ("user-agent", "node"),
];

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    /// Below the path of the endpoint.
    path: String,
    body: Option<String>,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
        }
    }

    pub(crate) fn post(path: impl Into<String>, body: String) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
        }
    }
}

/// The beginning of an answer.
#[derive(Debug)]
pub(crate) struct Opened {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// The first redirect that was followed: its status, and the host it names.
    pub redirect: Option<(u16, Option<String>)>,
    response: Response,
    limit: Duration,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// The first redirect that was followed: its status, and the host it names.
    redirect: Option<(u16, Option<String>)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The time until the next call, in seconds, if the server sent one. viem reads no dates either.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers)
    }

    /// The failure of an answer after a redirect is most often the redirect.
    pub(crate) fn or_moved(&self, failure: Failure) -> Failure {
        match &self.redirect {
            Some((status, to)) => Failure::Moved {
                status: *status,
                to: to.clone(),
            },
            None => failure,
        }
    }
}

/// Sends a request, follows redirects as the node does, and reads the answer up to a limit in bytes. `limit` bounds the time.
pub(crate) async fn exchange(
    endpoint: &Endpoint,
    request: &Request,
    limit: Duration,
    longest: usize,
) -> Result<Answer, Failure> {
    let mut opened = open(endpoint, request, limit).await?;
    let mut body = Vec::new();
    opened
        .each_chunk(longest, |chunk| body.extend_from_slice(chunk))
        .await?;
    Ok(Answer {
        status: opened.status,
        headers: opened.headers,
        redirect: opened.redirect,
        body,
    })
}

/// Sends a request, follows redirects as the node does, and reads the headers of the answer.
pub(crate) async fn open(
    endpoint: &Endpoint,
    request: &Request,
    limit: Duration,
) -> Result<Opened, Failure> {
    let end = Instant::now() + limit;
    let mut url = endpoint.at(&request.path);
    let mut request = request.clone();
    let mut first = None;
    for _ in 0..=redirect::MOST {
        let left = end.saturating_duration_since(Instant::now());
        let response = builder(endpoint, &request, &url)?
            .timeout(left)
            .send()
            .await
            .map_err(|error| failure(&error, limit))?;
        let status = response.status().as_u16();
        let headers = headers(&response);
        let Some(location) = headers
            .get("location")
            .filter(|_| endpoint.manner == Manner::Node && redirect::is_redirect(status))
        else {
            return Ok(Opened {
                status,
                headers,
                redirect: first,
                response,
                limit,
            });
        };
        let to = url.join(location).ok();
        let to = to.and_then(|to| to.host_str().map(ToOwned::to_owned));
        first.get_or_insert((status, to.clone()));
        let next = redirect::next(&url, location, endpoint.has_secret());
        url = next.ok_or(Failure::Moved { status, to })?;
        if !redirect::keeps_method(status, &request.method) {
            (request.method, request.body) = (Method::GET, None);
        }
    }
    let (status, to) = first.unwrap_or_default();
    Err(Failure::Moved { status, to })
}

fn builder(endpoint: &Endpoint, request: &Request, url: &Url) -> Result<RequestBuilder, Failure> {
    let client = clients::client(url, endpoint.manner)
        .map_err(|reason| Failure::Transport(Cause::Unreachable, reason))?;
    let mut builder = client.request(request.method.clone(), url.clone());
    if endpoint.manner == Manner::Node {
        for (name, value) in AS_FETCH {
            builder = builder.header(name, value);
        }
    }
    if let Some((name, value)) = endpoint.header() {
        builder = builder.header(name, value);
    }
    Ok(match &request.body {
        None => builder,
        Some(body) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.clone()),
    })
}

fn headers(response: &Response) -> BTreeMap<String, String> {
    let headers = response.headers().iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    headers.collect()
}

fn failure(error: &reqwest::Error, limit: Duration) -> Failure {
    let (cause, words) = transport::explained(error);
    let words = match cause {
        Cause::NoAnswer => transport::too_late(limit),
        _ => words,
    };
    Failure::Transport(cause, words)
}

fn retry_after(headers: &BTreeMap<String, String>) -> Option<u64> {
    headers.get("retry-after")?.trim().parse().ok()
}

impl Opened {
    /// See [`Answer::retry_after`].
    pub(crate) fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers)
    }

    /// Reads the body piece by piece, up to a limit in bytes. It is decompressed.
    pub(crate) async fn each_chunk(
        &mut self,
        longest: usize,
        mut read: impl FnMut(&[u8]),
    ) -> Result<(), Failure> {
        let mut length = 0;
        loop {
            let chunk = self.response.chunk().await;
            let Some(chunk) = chunk.map_err(|error| failure(&error, self.limit))? else {
                return Ok(());
            };
            length += chunk.len();
            if length > longest {
                return Err(Failure::TooLong(longest));
            }
            read(&chunk);
        }
    }
}
