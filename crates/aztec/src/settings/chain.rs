//! The chain of a network: this host's own, or one that others have too.

use std::fmt;

use secrecy::SecretString;

use super::url::Endpoint;

/// The chain of a network, as a host sees it.
#[derive(Debug, Clone)]
pub enum Chain {
    /// It lives on this host alone, L1 included.
    Local(Local),
    /// Others have it too.
    Live(Live),
}

/// A chain of this host alone.
#[derive(Debug, Clone)]
pub struct Local {
    /// Its L1.
    pub l1: Endpoint,
}

/// A chain that others have too.
#[derive(Debug, Clone)]
pub struct Live {
    /// Execution endpoints of the L1, at least one; may carry API keys.
    pub rpc_urls: Vec<Endpoint>,
    /// Consensus endpoints of the L1; may carry API keys.
    pub consensus_urls: Vec<Endpoint>,
    /// The key of each of them, at the same place; there may be fewer.
    pub consensus_keys: Vec<Option<ApiKey>>,
    /// Endpoints that trace transactions of the L1, where the execution endpoints do not; may carry API keys.
    pub debug_urls: Vec<Endpoint>,
    /// The version of the rollup to follow, when not the canonical one.
    pub rollup: Option<u64>,
    /// A release that fits no rollup yet is wanted: it waits for its own.
    pub standby: bool,
}

/// What a consensus endpoint wants to see before it answers. Never shown.
#[derive(Clone)]
pub struct ApiKey {
    /// The key.
    pub value: SecretString,
    /// The header that it is sent in; without one it is the parameter `key` of the query.
    pub header: Option<String>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}
