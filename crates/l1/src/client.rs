//! The connection to one JSON-RPC endpoint. All of a process share one runtime, and those alike one HTTP client.

use std::{
    collections::BTreeMap,
    error::Error as _,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use alloy::{
    primitives::{Address, Bytes},
    providers::{Provider, RootProvider},
    rpc::{client::ClientBuilder, types::TransactionRequest},
    sol_types::{GenericContractError, SolCall, SolInterface},
    transports::{RpcError, TransportError, TransportErrorKind, utils::guess_local_url},
};
use tokio::runtime::Runtime;
use url::{Host, Url};

use crate::{
    bindings::Reverts::RevertsErrors,
    error::{Error, Result},
    transport::{Limited, TooLong},
};

/// Makes `ring` the TLS provider of this process, unless one is installed already.
///
/// A program calls this once at its start, so that all its libraries agree; an `https://`
/// connection of this crate calls it too.
pub fn init_tls() {
    // An error means that there is a provider, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) provider: RootProvider,
    /// Scheme, host and port: all of the URL that may be shown.
    pub(crate) endpoint: String,
    runtime: &'static Runtime,
}

impl Connection {
    /// Prepares a connection; the first call opens it. `timeout` bounds each call.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self> {
        let url = parse(url)?;
        let endpoint = shown(&url);
        let refused = |reason: String| Error::Client {
            endpoint: endpoint.clone(),
            reason,
        };

        let client = http_client(&url, timeout).map_err(refused)?;
        let local = guess_local_url(url.as_str());
        let client = ClientBuilder::default().transport(Limited::new(client, url), local);
        let provider = RootProvider::new(client);
        let runtime = runtime().map_err(refused)?;
        Ok(Self {
            provider,
            endpoint,
            runtime,
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Calls a view function.
    pub(crate) async fn view<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return> {
        let name = || format!("{} of {contract}", C::SIGNATURE);
        let request = TransactionRequest::default()
            .to(contract)
            .input(Bytes::from(call.abi_encode()).into());
        let answer = self
            .provider
            .call(request)
            .await
            .map_err(|error| self.failed(name(), &error))?;
        C::abi_decode_returns(&answer).map_err(|_| Error::NotThatContract {
            endpoint: self.endpoint.clone(),
            call: name(),
            length: answer.len(),
        })
    }

    pub(crate) fn failed(&self, call: impl Into<String>, error: &TransportError) -> Error {
        Error::Rpc {
            endpoint: self.endpoint.clone(),
            call: call.into(),
            reason: reason(error),
        }
    }
}

/// The runtime of this process, which blocks whoever asks, from whatever thread.
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

/// Whether it speaks TLS, whether it goes past a proxy, and how long a call may take.
type Sort = (bool, bool, Duration);

/// Calls that follow each other at once share a connection; a server may have been restarted after a pause.
const IDLE: Duration = Duration::from_secs(1);

/// The client of this process for such URLs.
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
        // An RPC endpoint that redirects is misconfigured, and the request may carry a key.
        .redirect(reqwest::redirect::Policy::none());
    if loopback {
        builder = builder.no_proxy();
    }
    builder = if tls {
        // Trusts the CA store of the host, which is read here: tens of milliseconds.
        init_tls();
        builder.tls_backend_rustls()
    } else {
        builder.tls_backend_preconfigured(no_tls()?)
    };
    builder.build().map_err(|error| without_url(&error))
}

/// A TLS configuration that trusts nobody, so that a plain connection need not read the CA store.
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

/// Characters of a message of an endpoint that people read.
const MESSAGE: usize = 300;

/// Why a call failed, without the URL: its path or user may be an API key, and the body of an HTTP
/// error often repeats the path.
pub(crate) fn reason(error: &TransportError) -> String {
    match error {
        RpcError::ErrorResp(answer) => match revert_data(error) {
            Some(data) => format!("reverted with {}", revert_reason(&data)),
            None => {
                let message: String = answer.message.chars().take(MESSAGE).collect();
                format!("the node answered error {}: {message}", answer.code)
            }
        },
        RpcError::Transport(TransportErrorKind::HttpError(answer)) => {
            format!("the answer is HTTP status {}", answer.status)
        }
        RpcError::Transport(TransportErrorKind::Custom(error)) => {
            if let Some(long) = error.downcast_ref::<TooLong>() {
                return long.to_string();
            }
            error
                .downcast_ref()
                .map_or_else(|| "the request failed".to_owned(), without_url)
        }
        RpcError::DeserError { .. } => "the answer is not JSON-RPC".to_owned(),
        RpcError::NullResp => "the answer is null".to_owned(),
        _ => "the request could not be made".to_owned(),
    }
}

/// The data of a call that reverted, `None` if the error is of another kind.
pub(crate) fn revert_data(error: &TransportError) -> Option<Bytes> {
    let answer = error.as_error_resp()?;
    // 3 is the code of a revert; without data there is only the message to tell it by.
    answer
        .as_revert_data()
        .or_else(|| (answer.code == 3 || answer.message.contains("revert")).then(Bytes::new))
}

/// The name of the error in revert data, with its arguments.
pub(crate) fn revert_reason(data: &[u8]) -> String {
    if data.is_empty() {
        return "no reason".to_owned();
    }
    if let Ok(error) = RevertsErrors::abi_decode(data) {
        // `Name(Name { argument: … })`: the outer name is the variant of the generated enum.
        let text = format!("{error:?}");
        return match text.split_once('(') {
            Some((_, inner)) => inner.trim_end_matches(')').to_owned(),
            None => text,
        };
    }
    GenericContractError::abi_decode(data).map_or_else(
        |_| alloy::hex::encode_prefixed(data),
        |error| error.to_string(),
    )
}

pub(crate) fn without_url(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    // The outermost message names the URL; the innermost is the cause, such as a refused connection
    // or an unknown certificate authority.
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn reverts_have_names() {
        let data = alloy::hex!(
            "e450d38c00000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000300"
        );
        let text = revert_reason(&data[..100]);
        assert!(
            text.starts_with("ERC20InsufficientBalance { sender: 0x"),
            "{text}"
        );
        assert_eq!(revert_reason(&[]), "no reason");
        assert_eq!(revert_reason(&[1, 2]), "0x0102");
    }

    #[test]
    fn a_refused_connection_says_so_without_the_url() {
        let connection = Connection::new("http://127.0.0.1:9/KEY", Duration::from_secs(2)).unwrap();
        let error = connection.block_on(connection.provider.get_chain_id().into_future_error());
        assert_eq!(
            connection.failed("eth_chainId", &error).to_string(),
            "eth_chainId on http://127.0.0.1:9 failed: Connection refused (os error 111)"
        );
    }

    trait IntoFutureError {
        fn into_future_error(self) -> impl Future<Output = TransportError>;
    }

    impl<F: std::future::IntoFuture<Output = Result<u64, TransportError>>> IntoFutureError for F {
        async fn into_future_error(self) -> TransportError {
            self.await.unwrap_err()
        }
    }
}
