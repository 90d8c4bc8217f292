//! The facts of a consensus endpoint.

use futures_util::future::join;

use super::{Questions, Target, now};
use crate::{
    beacon::{self, Api, Sync},
    error::Result,
    failure::Failure,
    limits::Limits,
    retry::Patience,
};

/// The facts of a consensus endpoint.
#[derive(Debug)]
pub struct Consensus {
    /// Scheme, host and port.
    pub endpoint: String,
    /// The id of the execution chain that it follows.
    pub chain_id: Result<u64>,
    /// Its sync status.
    pub sync: Result<SyncStatus>,
}

/// The sync status of an endpoint, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncStatus {
    /// The sync status.
    pub sync: Sync,
    /// The clock of this host when the endpoint answered, in seconds since 1970.
    pub read_at: i64,
}

pub(super) async fn observed(target: &Target, _: &Questions, limits: Limits) -> Consensus {
    let endpoint = target.shown();
    let api = match target.endpoint() {
        Ok(endpoint) => Api {
            endpoint,
            limits,
            patience: Patience::Node,
        },
        Err(error) => {
            return Consensus {
                endpoint,
                sync: Err(error.clone()),
                chain_id: Err(error),
            };
        }
    };
    let (chain_id, sync) = join(api.chain_id(), sync(&api)).await;
    let failed = |call: &str, failure: &Failure| api.failed(call, failure);
    Consensus {
        endpoint,
        chain_id: chain_id.map_err(|failure| failed(beacon::CHAIN, &failure)),
        sync: sync.map_err(|failure| failed(beacon::SYNC, &failure)),
    }
}

async fn sync(api: &Api) -> Result<SyncStatus, Failure> {
    let sync = api.sync().await;
    let read_at = now();
    sync.map(|sync| SyncStatus { sync, read_at })
}
