//! An endpoint to ask.

use url::Url;

use crate::{
    error::Result,
    http::{endpoint::Endpoint, shown},
};

/// An endpoint to ask: its URL, and the key of a consensus endpoint.
#[derive(Clone)]
pub struct Target {
    url: Url,
    key: Option<(String, Option<String>)>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&shown(&self.url)).finish()
    }
}

impl Target {
    /// An endpoint without a key of its own.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self { url, key: None }
    }

    /// Adds an API key. It is sent as the node sends it: in this header, or as the parameter `key` if there is no header
    /// (4.1.2 blob-client/dest/client/http.js, `getBeaconNodeFetchOptions`).
    #[must_use]
    pub fn with_key(mut self, value: &str, header: Option<&str>) -> Self {
        self.key = Some((value.to_owned(), header.map(ToOwned::to_owned)));
        self
    }

    /// # Errors
    ///
    /// If the URL is not `http` or `https`.
    pub(super) fn endpoint(&self) -> Result<Endpoint> {
        let mut endpoint = Endpoint::new(self.url.as_str())?;
        if let Some((value, header)) = &self.key {
            endpoint.set_key(value, header.as_deref());
        }
        Ok(endpoint)
    }

    /// Scheme, host and port.
    pub(super) fn shown(&self) -> String {
        shown(&self.url)
    }
}
