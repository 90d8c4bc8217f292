//! One server, with the parts of its URL that may be shown and those that may not.

use url::Url;

use super::{
    clients::{self, Manner},
    parse, shown,
};
use crate::{
    error::{Error, Result},
    failure::Failure,
    secrets::Secrets,
};

/// One server.
pub(crate) struct Endpoint {
    url: Url,
    /// Scheme, host and port, the only parts of the URL that may be shown.
    pub shown: String,
    /// The other parts.
    pub secrets: Secrets,
    /// The name and the value of a header with a key.
    header: Option<(String, String)>,
    pub manner: Manner,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.shown).finish()
    }
}

impl Endpoint {
    /// An endpoint of an L1.
    ///
    /// # Errors
    ///
    /// If the URL is not `http` or `https`.
    pub(crate) fn new(url: &str) -> Result<Self> {
        Self::asked(url, Manner::Node)
    }

    /// A server that is asked like this.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub(crate) fn asked(url: &str, manner: Manner) -> Result<Self> {
        let url = parse(url)?;
        Ok(Self {
            shown: shown(&url),
            secrets: Secrets::of(&url),
            header: None,
            manner,
            url,
        })
    }

    /// Adds a key. Without the name of a header, it is sent as the parameter `key`.
    pub(crate) fn set_key(&mut self, key: &str, header: Option<&str>) {
        match header {
            Some(name) => self.header = Some((name.to_owned(), key.to_owned())),
            None => self.url.set_query(Some(&format!("key={key}"))),
        }
        self.secrets = Secrets::of(&self.url);
        self.secrets.add(key);
    }

    /// Makes the client, which reads the CA store of this host for TLS.
    ///
    /// # Errors
    ///
    /// If the CA store cannot be read.
    pub(crate) fn prepare(&self) -> Result<()> {
        let client = clients::client(&self.url, self.manner);
        client.map(drop).map_err(|reason| self.unusable(reason))
    }

    pub(crate) fn header(&self) -> Option<(&str, &str)> {
        let header = self.header.as_ref();
        header.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a request to this endpoint contains a key, or what may be one.
    pub(crate) fn has_secret(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// The same host and port with TLS, without any key. `None` if this endpoint has TLS.
    pub(crate) fn with_tls(&self) -> Option<Self> {
        let mut url = self.url.join("/").ok()?;
        let port = url.port_or_known_default();
        url.set_scheme("https").ok()?;
        url.set_port(port).ok()?;
        let tls = Self::asked(url.as_str(), self.manner).ok()?;
        (self.url.scheme() == "http").then_some(tls)
    }

    /// The URL of a path below that of the endpoint, which may be a key.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        if !path.is_empty() {
            let base = self.url.path().trim_end_matches('/');
            url.set_path(&format!("{base}/{path}"));
        }
        url
    }

    /// The error of a call.
    pub(crate) fn failed(&self, call: impl Into<String>, failure: &Failure) -> Error {
        Error::Rpc {
            endpoint: self.shown.clone(),
            call: call.into(),
            reason: failure.reason(&self.secrets),
            cause: failure.cause(),
        }
    }

    /// The error of an endpoint for which there is no client.
    pub(crate) fn unusable(&self, reason: String) -> Error {
        Error::Client {
            endpoint: self.shown.clone(),
            reason,
        }
    }
}
