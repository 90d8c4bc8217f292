//! The HTTP clients of this process: one for servers with TLS and one for those without.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use url::{Host, Url};

use super::{init_tls, transport};

/// How long an idle connection is kept. Calls in quick succession share one. After a pause the server may have been
/// restarted.
const IDLE: Duration = Duration::from_secs(1);

/// How a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As the node asks its L1: with the headers and redirects of `fetch`, and without a proxy, because the unit of the node
    /// has none.
    Node,
    /// With nothing added, through the proxy of the environment unless the server is on this host. Redirects are answers.
    Plain,
}

/// Whether the client uses TLS, and whether it uses a proxy.
type Sort = (bool, bool);

/// The client of this process for URLs of this kind. It has no time limit and follows no redirects. Each request has its own.
pub(crate) fn client(url: &Url, manner: Manner) -> Result<reqwest::Client, String> {
    static CLIENTS: Mutex<BTreeMap<Sort, reqwest::Client>> = Mutex::new(BTreeMap::new());
    let proxied = manner == Manner::Plain && !is_loopback(url);
    let sort = (url.scheme() == "https", proxied);
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(&sort) {
        return Ok(client.clone());
    }
    let client = new_client(sort)?;
    clients.insert(sort, client.clone());
    Ok(client)
}

fn new_client((tls, proxied): Sort) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none());
    if !proxied {
        builder = builder.no_proxy();
    }
    builder = if tls {
        // The client trusts the CA store of the host. To read it takes tens of milliseconds.
        init_tls();
        builder.tls_backend_rustls()
    } else {
        builder.tls_backend_preconfigured(no_tls()?)
    };
    builder
        .build()
        .map_err(|error| transport::innermost(&error))
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
