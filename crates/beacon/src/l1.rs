//! The L1 behind the server. Each HTTP request has its own connection.

use std::error::Error;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// The most bytes of an answer. A block of mainnet may have nine blobs, 2.4 MB in hexadecimal. Logs have no such limit.
const ANSWER: usize = 64 << 20;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The L1, with the address that it listens on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct L1(pub SocketAddr);

impl L1 {
    /// Passes a request on unchanged.
    pub async fn post(self, body: Bytes) -> Result<(StatusCode, Bytes)> {
        tokio::time::timeout(loopback::PATIENCE, self.exchange(body)).await?
    }

    /// The result of one call. An error of the L1 is an error here too.
    pub async fn call(self, method: &str, params: &Value) -> Result<Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (_, body) = self.post(call.to_string().into()).await?;
        let mut answer: Value = serde_json::from_slice(&body)?;
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(format!("{method}: {}", answer["error"]).into()),
        }
    }

    async fn exchange(self, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let stream = TcpStream::connect(self.0).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The connection ends when the sender is dropped. The sender gets its errors.
        tokio::task::spawn_local(connection);
        let request = Request::post("/")
            .header(HOST, self.0.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = loopback::read(answer.into_body(), ANSWER).await;
        Ok((status, body.ok_or("its answer is too large or broken")?))
    }
}
