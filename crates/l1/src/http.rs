//! The HTTP client of this crate: one runtime for the process, one client for URLs of the same kind, and a limit for
//! answers, because a server may answer without end.

use std::{
    collections::BTreeMap,
    error::Error as _,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use reqwest::Response;
use tokio::runtime::Runtime;
use url::{Host, Url};

use crate::error::{Error, Result};

/// Installs `ring` as the TLS provider of this process, unless there is one already.
///
/// A program calls this once when it starts, so that all its libraries use the same provider. An
/// `https://` connection of this crate calls it too.
pub fn init_tls() {
    // An error means that there is a provider already, which is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The runtime of this process. Every thread can block on it.
pub(crate) fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    Ok(RUNTIME.get_or_init(|| built))
}

pub(crate) fn parse(text: &str) -> Result<Url> {
    let refused = |problem: String| Error::Url { problem };
    let url: Url = text
        .parse()
        .map_err(|error: url::ParseError| refused(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(format!(
            "its scheme is {}, not http or https",
            url.scheme()
        )));
    }
    Ok(url)
}

pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Whether the client uses TLS, whether it bypasses the proxy, and how long a call may take.
type Sort = (bool, bool, Duration);

/// How long an idle connection is kept. Calls in quick succession share one. After a pause the server may have been
/// restarted.
const IDLE: Duration = Duration::from_secs(1);

/// The client of this process for URLs of this kind.
pub(crate) fn http_client(url: &Url, timeout: Duration) -> Result<reqwest::Client, String> {
    static CLIENTS: Mutex<BTreeMap<Sort, reqwest::Client>> = Mutex::new(BTreeMap::new());
    let sort = (url.scheme() == "https", is_loopback(url), timeout);
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(&sort) {
        return Ok(client.clone());
    }
    let client = new_client(sort)?;
    clients.insert(sort, client.clone());
    Ok(client)
}

fn new_client((tls, loopback, timeout): Sort) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .timeout(timeout)
        .pool_idle_timeout(IDLE)
        // An RPC endpoint that redirects is misconfigured, and the request may contain a key.
        .redirect(reqwest::redirect::Policy::none());
    if loopback {
        builder = builder.no_proxy();
    }
    builder = if tls {
        // The client trusts the CA store of the host. To read it takes tens of milliseconds.
        init_tls();
        builder.tls_backend_rustls()
    } else {
        builder.tls_backend_preconfigured(no_tls()?)
    };
    builder.build().map_err(|error| without_url(&error))
}

/// A TLS configuration that trusts nobody, so that a plain connection does not read the CA store.
fn no_tls() -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

pub(crate) fn without_url(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    // The outermost message contains the URL. The innermost is the cause, such as a refused connection
    // or an unknown certificate authority.
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

/// Bytes of an answer. The trace of a large transaction has some MiB, other answers have some KiB.
pub(crate) const LONGEST: usize = 64 << 20;

/// An answer that was not read to its end, with the limit in bytes.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {0} bytes")]
pub(crate) struct TooLong(pub usize);

/// The body of an answer, unless it is longer than the limit.
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::{Beacon, Reader, http_probe};

    /// A server that answers every request without end.
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
                    // The loop ends when the client closes the connection.
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
        let expected = format!("longer than {LONGEST} bytes");
        assert!(why.contains(&expected), "{why}");
        let beacon = Beacon::connect(&url, patience).unwrap();
        let why = beacon.chain_id().unwrap_err().to_string();
        assert!(why.contains("longer than"), "{why}");
        let reply = http_probe::get(&url, "status", patience).unwrap();
        assert_eq!(reply.body, None);
    }

    #[test]
    fn only_scheme_host_and_port_are_shown() {
        let cases = [
            (
                "https://user:pass@l1.example/v2/KEY?token=1",
                "https://l1.example",
            ),
            ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
            ("http://[::1]:8545", "http://[::1]:8545"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(&parse(url).unwrap()), expected);
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in ["ws://127.0.0.1:8546", "127.0.0.1:8545", "/tmp/socket", ""] {
            assert!(matches!(parse(url), Err(Error::Url { .. })), "{url}");
        }
    }
}
