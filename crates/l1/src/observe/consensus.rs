//! The facts of a consensus endpoint.

use futures_util::future::join;
use tokio::sync::OnceCell;

use super::{
    blob_blocks::{self, BlobBlocks},
    clock::now,
    execution::answers,
    mistaken::{self, Asked},
    questions::{Questions, Targets},
    services::{self, Services},
    target::Target,
};
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
    /// What else it is and serves. `None` after light questions, and if it did not answer the first questions.
    pub services: Option<Services>,
}

/// The sync status of an endpoint, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncStatus {
    /// The sync status.
    pub sync: Sync,
    /// The clock of this host when the endpoint answered, in seconds since 1970.
    pub read_at: i64,
}

impl Consensus {
    /// The slot that the clock of this host said when the sync status was read, `None` if the genesis is not known.
    #[must_use]
    pub fn slot_by_clock(&self) -> Option<u64> {
        let services = self.services.as_ref()?;
        let read_at = u64::try_from(self.sync.as_ref().ok()?.read_at).ok()?;
        services.slot_of(read_at)
    }
}

/// The blocks that all consensus endpoints are asked for. The first that needs them starts the search.
pub(super) type Blocks = OnceCell<Option<BlobBlocks>>;

pub(super) async fn observed(
    target: &Target,
    targets: &Targets,
    questions: &Questions,
    blocks: &Blocks,
    limits: Limits,
) -> Consensus {
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
                services: None,
            };
        }
    };
    let (chain_id, sync) = join(api.chain_id(), sync(&api)).await;
    let mut chain_id = chain_id.map_err(|failure| api.failed(beacon::CHAIN, &failure));
    let sync = sync.map_err(|failure| api.failed(beacon::SYNC, &failure));
    if let (Err(error), Some(_)) = (&chain_id, questions.deep()) {
        let error = error.clone();
        chain_id = Err(mistaken::explained(error, target, Asked::Consensus, limits).await);
    }
    let services = match questions.deep() {
        Some(deep) if answers(&chain_id) || answers(&sync) => {
            let head_slot = sync.as_ref().ok().map(|status| status.sync.head_slot);
            let blocks = async || {
                let search = || blob_blocks::found(&targets.execution, deep, limits);
                *blocks.get_or_init(search).await
            };
            Some(services::observed(&api, deep, head_slot, blocks).await)
        }
        _ => None,
    };
    Consensus {
        endpoint,
        chain_id,
        sync,
        services,
    }
}

async fn sync(api: &Api) -> Result<SyncStatus, Failure> {
    let sync = api.sync().await;
    let read_at = now();
    sync.map(|sync| SyncStatus { sync, read_at })
}
