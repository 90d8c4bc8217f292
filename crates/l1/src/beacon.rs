//! The consensus side of Ethereum: the few calls of the Beacon API that show whether an endpoint is usable.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::error::{Error, Result};
use crate::http::{self, LONGEST, without_url};

/// One consensus endpoint.
#[derive(Debug)]
pub struct Beacon {
    base: Url,
    key: Option<Key>,
    endpoint: String,
    client: reqwest::Client,
    runtime: &'static tokio::runtime::Runtime,
}

/// The API key of an endpoint.
#[derive(Clone)]
struct Key {
    value: String,
    header: Option<String>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The sync status of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// The newest slot that it has.
    pub head_slot: u64,
    /// The number of slots between that and now.
    pub distance: u64,
    /// Whether it is still syncing.
    pub syncing: bool,
}

impl Beacon {
    /// Prepares a connection. The first call opens it. `timeout` bounds each call.
    ///
    /// # Errors
    ///
    /// If the URL is not `http` or `https`, or the CA store of the host cannot be read.
    pub fn connect(url: &str, timeout: Duration) -> Result<Self> {
        let base = http::parse(url)?;
        let endpoint = http::shown(&base);
        let refused = |reason: String| Error::Client {
            endpoint: endpoint.clone(),
            reason,
        };
        let client = http::http_client(&base, timeout).map_err(refused)?;
        let runtime = http::runtime().map_err(refused)?;
        Ok(Self {
            base,
            key: None,
            endpoint,
            client,
            runtime,
        })
    }

    /// Adds an API key. It is sent as the node sends it: in this header, or as the parameter `key` if there is no header
    /// (4.1.2 blob-client/dest/client/http.js, `getBeaconNodeFetchOptions`). It is never shown.
    #[must_use]
    pub fn with_key(mut self, value: &str, header: Option<&str>) -> Self {
        self.key = Some(Key {
            value: value.to_owned(),
            header: header.map(ToOwned::to_owned),
        });
        self
    }

    /// The id of the execution chain that it follows: `getDepositContract` of the Beacon API.
    ///
    /// # Errors
    ///
    /// If the call fails or the answer is not that of a Beacon API.
    pub fn chain_id(&self) -> Result<u64> {
        const CALL: &str = "eth/v1/config/deposit_contract";
        let answer = self.get(CALL)?;
        self.number(CALL, &answer, "chain_id")
    }

    /// Its sync status: `getSyncingStatus` of the Beacon API.
    ///
    /// # Errors
    ///
    /// If the call fails or the answer is not that of a Beacon API.
    pub fn sync(&self) -> Result<Sync> {
        const CALL: &str = "eth/v1/node/syncing";
        let answer = self.get(CALL)?;
        Ok(Sync {
            head_slot: self.number(CALL, &answer, "head_slot")?,
            distance: self.number(CALL, &answer, "sync_distance")?,
            syncing: answer["data"]["is_syncing"].as_bool().unwrap_or(false),
        })
    }

    /// Reads a number, which the Beacon API writes as a string.
    fn number(&self, call: &str, answer: &Value, name: &str) -> Result<u64> {
        number(answer, name)
            .ok_or_else(|| self.failed(call, "the answer is not that of a Beacon API".into()))
    }

    fn get(&self, call: &str) -> Result<Value> {
        let mut url = self.base.clone();
        // The URL may have its own path or query, such as an API key.
        url.set_path(&format!(
            "{}/{call}",
            self.base.path().trim_end_matches('/')
        ));
        let failed = |error: reqwest::Error| self.failed(call, without_url(&error));
        let mut header = None;
        match &self.key {
            None => {}
            Some(Key {
                value,
                header: Some(name),
            }) => header = Some((name, value)),
            Some(Key {
                value,
                header: None,
            }) => url.set_query(Some(&format!("key={value}"))),
        }
        self.runtime.block_on(async {
            let mut request = self.client.get(url);
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            let answer = request.send().await.map_err(failed)?;
            let status = answer.status();
            if !status.is_success() {
                return Err(self.failed(call, format!("the answer is HTTP status {status}")));
            }
            let body = http::body(answer, LONGEST).await.map_err(failed)?;
            let body = body.map_err(|long| self.failed(call, long.to_string()))?;
            serde_json::from_slice(&body)
                .map_err(|_| self.failed(call, "the answer is not JSON".into()))
        })
    }

    fn failed(&self, call: &str, reason: String) -> Error {
        Error::Rpc {
            endpoint: self.endpoint.clone(),
            call: call.into(),
            reason,
        }
    }
}

/// Reads a number in an answer of the Beacon API.
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
        assert_eq!((sync.head_slot, sync.distance, sync.syncing), (9, 2, true));
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
            error.contains("not that of a Beacon API") && !error.contains("/key"),
            "{error}"
        );
        server.join().unwrap();
    }
}
