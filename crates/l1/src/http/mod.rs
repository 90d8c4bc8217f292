//! HTTP as this crate uses it: one runtime for the process, one client for URLs of the same kind, and requests that look like
//! those of the node.

pub(crate) mod clients;
pub(crate) mod endpoint;
pub(crate) mod exchange;
mod redirect;
mod transport;

use std::sync::OnceLock;

use tokio::runtime::Runtime;
use url::Url;

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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::{Reader, http_probe};

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
