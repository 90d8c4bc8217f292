//! The consensus side of Ethereum: the few calls of the Beacon API that show whether an endpoint is usable.

use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    answer,
    error::{Error, Result},
    failure::{Failure, Status},
    http::{
        self,
        endpoint::Endpoint,
        exchange::{Opened, Request, exchange, open},
    },
    limits::Limits,
    retry::{Patience, patiently},
};

/// Bytes of an answer. The longest is the configuration of the chain, with some 20 KiB.
const LONGEST: usize = 256 << 10;

/// One consensus endpoint.
#[derive(Debug)]
pub struct Beacon {
    api: Api,
    runtime: &'static Runtime,
}

/// The asynchronous calls of one consensus endpoint.
#[derive(Debug)]
pub(crate) struct Api {
    pub endpoint: Endpoint,
    pub limits: Limits,
    pub patience: Patience,
}

/// The sync status of an endpoint: `getSyncingStatus` of the Beacon API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// The newest slot that it has.
    pub head_slot: u64,
    /// The number of slots between that and now.
    pub distance: u64,
    /// Whether it is still syncing. `None` if the answer does not say so, or says something else than a boolean.
    pub syncing: Option<bool>,
    /// Whether its head was not verified by an execution client.
    pub optimistic: Option<bool>,
    /// Whether its execution client does not answer. Older releases do not say so (Lodestar 1.5.1).
    pub execution_offline: Option<bool>,
}

impl Beacon {
    /// Prepares a connection. The first call opens it. `timeout` bounds each call.
    ///
    /// # Errors
    ///
    /// If the URL is not `http` or `https`, or the CA store of the host cannot be read.
    pub fn connect(url: &str, timeout: Duration) -> Result<Self> {
        let endpoint = Endpoint::new(url)?;
        let runtime = http::runtime().map_err(|reason| endpoint.unusable(reason))?;
        endpoint.prepare()?;
        Ok(Self {
            api: Api {
                endpoint,
                limits: Limits::each(timeout),
                patience: Patience::None,
            },
            runtime,
        })
    }

    /// Adds an API key. It is sent as the node sends it: in this header, or as the parameter `key` if there is no header
    /// (4.1.2 blob-client/dest/client/http.js, `getBeaconNodeFetchOptions`). It is never shown.
    #[must_use]
    pub fn with_key(mut self, value: &str, header: Option<&str>) -> Self {
        self.api.endpoint.set_key(value, header);
        self
    }

    /// The id of the execution chain that it follows: `getDepositContract` of the Beacon API.
    ///
    /// # Errors
    ///
    /// If the call fails or the answer is not that of a Beacon API.
    pub fn chain_id(&self) -> Result<u64> {
        let answer = self.runtime.block_on(self.api.chain_id());
        answer.map_err(|failure| self.api.endpoint.failed(CHAIN, &failure))
    }

    /// Its sync status: `getSyncingStatus` of the Beacon API.
    ///
    /// # Errors
    ///
    /// If the call fails or the answer is not that of a Beacon API.
    pub fn sync(&self) -> Result<Sync> {
        let answer = self.runtime.block_on(self.api.sync());
        answer.map_err(|failure| self.api.endpoint.failed(SYNC, &failure))
    }
}

/// The paths of the calls.
pub(crate) const CHAIN: &str = "eth/v1/config/deposit_contract";
pub(crate) const SYNC: &str = "eth/v1/node/syncing";
pub(crate) const VERSION: &str = "eth/v1/node/version";
pub(crate) const IDENTITY: &str = "eth/v1/node/identity";
pub(crate) const GENESIS: &str = "eth/v1/beacon/genesis";
pub(crate) const SPEC: &str = "eth/v1/config/spec";
pub(crate) const HEADERS: &str = "eth/v1/beacon/headers";

impl Api {
    pub(crate) async fn chain_id(&self) -> Result<u64, Failure> {
        let answer = self.get(CHAIN).await?;
        number(&answer, "chain_id").ok_or(Failure::NotThatAnswer)
    }

    pub(crate) async fn sync(&self) -> Result<Sync, Failure> {
        sync(&self.get(SYNC).await?).ok_or(Failure::NotThatAnswer)
    }

    /// Gets a path and reads the answer, which is JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        let call = async || self.get_once(path).await;
        patiently(self.patience, self.limits, call).await
    }

    async fn get_once(&self, path: &str) -> Result<Value, Failure> {
        let limit = self.limits.next()?;
        let answer = exchange(&self.endpoint, &Request::get(path), limit, LONGEST).await?;
        let failure = match answer.status {
            200..300 => match serde_json::from_slice(&answer.body) {
                Ok(value) => return Ok(value),
                Err(_) if answer::is_page(&answer.body) => Failure::Page,
                Err(_) => Failure::NotThatAnswer,
            },
            code => Failure::Status(Status {
                code,
                retry_after: answer.retry_after(),
                message: answer::words(&answer.body),
            }),
        };
        Err(answer.or_moved(failure))
    }

    /// Gets a path whose answer is too long to be kept.
    pub(crate) async fn open(&self, path: &str) -> Result<Opened, Failure> {
        open(&self.endpoint, &Request::get(path), self.limits.next()?).await
    }

    pub(crate) fn failed(&self, call: &str, failure: &Failure) -> Error {
        self.endpoint.failed(call, failure)
    }
}

/// Reads a sync status, `None` if the answer has none.
pub(crate) fn sync(answer: &Value) -> Option<Sync> {
    let flag = |name: &str| answer["data"][name].as_bool();
    Some(Sync {
        head_slot: number(answer, "head_slot")?,
        distance: number(answer, "sync_distance")?,
        syncing: flag("is_syncing"),
        optimistic: flag("is_optimistic"),
        execution_offline: flag("el_offline"),
    })
}

/// Reads a number in an answer of the Beacon API, which writes it as a string.
pub(crate) fn number(answer: &Value, name: &str) -> Option<u64> {
    let text = answer["data"][name].as_str()?;
    // Only digits are valid. A sign is not part of the format.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_number_has_digits_only() {
        let read = |text: &str| number(&serde_json::json!({"data": {"n": text}}), "n");
        assert_eq!(read("5"), Some(5));
        for other in ["+5", "-5", "", " 5", "0x5"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_is_sent_as_the_node_sends_it() {
        let chain = r#"{"data":{"chain_id":"1"}}"#;
        let request = |header: Option<&str>| {
            let (url, server) = serve_whole(chain);
            let beacon = Beacon::connect(&url, Duration::from_secs(5))
                .unwrap()
                .with_key("a+b=%26", header);
            assert_eq!(beacon.chain_id().unwrap(), 1);
            assert!(!format!("{beacon:?}").contains("a+b"));
            server.join().unwrap()
        };
        let line = "GET /key/eth/v1/config/deposit_contract";
        let plain = request(None);
        assert!(
            plain.starts_with(&format!("{line}?key=a+b=%26 HTTP/1.1")),
            "{plain}"
        );
        let headed = request(Some("X-Api-Key"));
        assert!(headed.starts_with(&format!("{line} HTTP/1.1")), "{headed}");
        assert!(
            headed.to_lowercase().contains("x-api-key: a+b=%26\r\n"),
            "{headed}"
        );
    }

    /// Answers one request with this body, and returns the first line of the request.
    fn serve(body: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let (url, server) = serve_whole(body);
        let first = move || {
            let request = server.join().unwrap();
            request.lines().next().unwrap_or_default().to_owned()
        };
        (url, std::thread::spawn(first))
    }

    /// Answers one request with this body, and returns the whole request.
    fn serve_whole(body: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/key/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        (url, server)
    }

    #[test]
    fn the_answers_of_a_beacon_node_are_read() {
        let (url, server) =
            serve(r#"{"data":{"head_slot":"9","sync_distance":"2","is_syncing":true}}"#);
        let sync = Beacon::connect(&url, Duration::from_secs(5))
            .unwrap()
            .sync()
            .unwrap();
        assert_eq!(
            (sync.head_slot, sync.distance, sync.syncing),
            (9, 2, Some(true))
        );
        assert_eq!(
            server.join().unwrap(),
            "GET /key/eth/v1/node/syncing HTTP/1.1"
        );
        let (url, server) = serve(r#"{"data":{"chain_id":"1","address":"0x0"}}"#);
        let chain = Beacon::connect(&url, Duration::from_secs(5))
            .unwrap()
            .chain_id()
            .unwrap();
        assert_eq!(chain, 1);
        server.join().unwrap();
    }

    #[test]
    fn another_server_is_recognised_and_its_path_is_not_shown() {
        let (url, server) = serve(r#"{"jsonrpc":"2.0"}"#);
        let error = Beacon::connect(&url, Duration::from_secs(5))
            .unwrap()
            .chain_id()
            .unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("does not fit this call") && !error.contains("/key"),
            "{error}"
        );
        server.join().unwrap();
    }
}
