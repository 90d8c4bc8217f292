//! What to ask, and whom.

use alloy_primitives::Address;

use super::target::Target;

/// The endpoints to ask.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Execution endpoints.
    pub execution: Vec<Target>,
    /// Consensus endpoints.
    pub consensus: Vec<Target>,
    /// Execution endpoints that are asked for traces: the debug endpoints of a node, or its execution endpoints if it has
    /// none. Light questions do not include traces.
    pub traces: Vec<Target>,
}

/// What to ask.
#[derive(Debug, Clone)]
pub enum Questions {
    /// The chain and its head: two calls for each endpoint.
    Light,
    /// Everything.
    Deep(Deep),
}

impl Questions {
    pub(super) fn deep(&self) -> Option<&Deep> {
        match self {
            Self::Light => None,
            Self::Deep(deep) => Some(deep),
        }
    }
}

/// What is known before an observation.
#[derive(Debug, Clone)]
pub struct Deep {
    /// The id of the chain. Consensus endpoints are asked for blocks of this chain.
    pub chain_id: u64,
    /// The rollup whose logs an execution endpoint must have. Without it, logs are not asked for.
    pub rollup: Option<Address>,
    /// How the release asks for blobs.
    pub blobs: BlobsApi,
}

/// A way to ask a consensus endpoint for blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobsApi {
    /// `/eth/v1/beacon/blob_sidecars/{slot}` (4.1.2 blob-client/dest/client/http.js, `fetchBlobSidecars`).
    Sidecars,
    /// `/eth/v1/beacon/blobs/{slot}` (blob-client/src/client/http.ts of the sources of 6, `testSources`).
    Blobs,
}

impl BlobsApi {
    pub(super) fn path(self, slot: u64) -> String {
        match self {
            Self::Sidecars => format!("eth/v1/beacon/blob_sidecars/{slot}"),
            Self::Blobs => format!("eth/v1/beacon/blobs/{slot}"),
        }
    }
}
