//! The chain of a network: local to this host, or live.

use std::fmt;

use secrecy::SecretString;

use super::url::Endpoint;

/// The chain of a network, as a host sees it.
#[derive(Debug, Clone)]
pub enum Chain {
    /// It lives on this host only, including the L1.
    Local(Local),
    /// It is shared with other hosts.
    Live(Live),
}

/// A chain of this host only.
#[derive(Debug, Clone)]
pub struct Local {
    /// Its L1.
    pub l1: Endpoint,
}

/// A chain that is shared with other hosts.
#[derive(Debug, Clone)]
pub struct Live {
    /// Execution endpoints of the L1, at least one; may carry API keys.
    pub rpc_urls: Vec<Endpoint>,
    /// Consensus endpoints of the L1; may carry API keys.
    pub consensus_urls: Vec<Endpoint>,
    /// The key of each consensus endpoint, at the same position; there may be fewer.
    pub consensus_keys: Vec<Option<ApiKey>>,
    /// Endpoints that trace transactions of the L1, if the execution endpoints do not; may carry API keys.
    pub debug_urls: Vec<Endpoint>,
    /// The version of the rollup to follow, if not the canonical one.
    pub rollup: Option<u64>,
    /// Whether to run a release that does not fit a rollup yet; the node waits for its own.
    pub standby: bool,
}

/// The API key of a consensus endpoint. It is never shown.
#[derive(Clone)]
pub struct ApiKey {
    /// The key.
    pub value: SecretString,
    /// The header that it is sent in. Without one, it is sent as the query parameter `key`.
    pub header: Option<String>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}
