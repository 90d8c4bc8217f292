//! Answers of endpoints, read up to a limit: whoever is asked may answer without end.
//!
//! The transport of alloy reads whatever comes, so this one takes its place: alloy-transport-http 2.5,
//! `reqwest_transport.rs`, is what it does otherwise.

use std::task;

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use tower_service::Service;

/// Bytes of an answer. The trace of a large transaction has some MiB, and what is asked otherwise some KiB.
pub(crate) const LONGEST: usize = 64 << 20;

/// Why an answer was not read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {0} bytes")]
pub(crate) struct TooLong(pub usize);

/// The body of an answer; nothing when it is longer than the limit.
pub(crate) async fn body(
    mut response: Response,
    limit: usize,
) -> Result<Result<Vec<u8>, TooLong>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Ok(Err(TooLong(limit)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Ok(bytes))
}

/// One endpoint of JSON-RPC over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Limited {
    client: Client,
    url: Url,
}

impl Limited {
    pub(crate) fn new(client: Client, url: Url) -> Self {
        Self { client, url }
    }

    async fn exchange(self, request: RequestPacket) -> TransportResult<ResponsePacket> {
        let asked = serde_json::to_vec(&request).map_err(TransportError::ser_err)?;
        let answer = self
            .client
            .post(self.url)
            .headers(request.headers())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(asked)
            .send()
            .await
            .map_err(TransportErrorKind::custom)?;
        let status = answer.status();
        let bytes = body(answer, LONGEST)
            .await
            .map_err(TransportErrorKind::custom)?
            .map_err(TransportErrorKind::custom)?;
        read(status, &bytes)
    }
}

/// What an answer says.
pub(crate) fn read(status: StatusCode, bytes: &[u8]) -> TransportResult<ResponsePacket> {
    let packet: Result<ResponsePacket, _> = serde_json::from_slice(bytes);
    let text = || String::from_utf8_lossy(bytes).into_owned();
    match packet {
        // Some servers send the error of a call with a status of its own.
        Ok(packet) if status.is_success() || packet.is_error() => Ok(packet),
        _ if !status.is_success() => Err(TransportErrorKind::http_error(status.as_u16(), text())),
        Ok(packet) => Ok(packet),
        Err(error) => Err(TransportError::deser_err(error, text())),
    }
}

impl Service<RequestPacket> for Limited {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Self::Error>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::LONGEST;
    use crate::{Beacon, Reader, stranger};

    /// A server that answers every request with more than anybody wants.
    fn endless() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let _ = stream.read(&mut [0; 4096]);
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\"";
                    let mut sent = stream.write_all(head.as_bytes());
                    // Until the other side has enough.
                    while sent.is_ok() {
                        sent = stream.write_all(&[b'x'; 64 << 10]);
                    }
                });
            }
        });
        url
    }

    #[test]
    fn an_answer_without_end_is_an_error() {
        let (url, patience) = (endless(), Duration::from_secs(60));
        let reader = Reader::connect(&url, patience).unwrap();
        let why = reader.chain_id().unwrap_err().to_string();
        let wanted = format!("longer than {LONGEST} bytes");
        assert!(why.contains(&wanted), "{why}");
        let beacon = Beacon::connect(&url, patience).unwrap();
        let why = beacon.chain_id().unwrap_err().to_string();
        assert!(why.contains("longer than"), "{why}");
        let reply = stranger::get(&url, "status", patience).unwrap();
        assert_eq!(reply.body, None);
    }
}
