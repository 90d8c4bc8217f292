//! Asks any number of endpoints of an L1 everything that is worth knowing about them, all at once and within one time limit.
//!
//! The result is plain data: each fact has its own error, and nothing here judges. All times are read right after the answer
//! that they belong to.

mod blob_blocks;
pub(crate) mod blobs;
mod block;
mod burst;
mod capabilities;
mod clock;
mod consensus;
mod execution;
mod mistaken;
mod questions;
mod services;
mod target;
pub(crate) mod traces;

use std::time::Duration;

use futures_util::future::{join_all, join3};
use tokio::time::Instant;

use crate::{
    error::{Error, Result},
    http,
    limits::Limits,
};

pub use crate::beacon::Sync;
pub use blob_blocks::BlobBlocks;
pub use blobs::ServedBlobs;
pub use block::Block;
pub use burst::Burst;
pub use capabilities::{Capabilities, DeploymentLogs, Syncing};
use consensus::Blocks;
pub use consensus::{Consensus, SyncStatus};
pub use execution::{Execution, Head};
pub use questions::{BlobsApi, Deep, Questions, Targets};
pub use services::Services;
pub use target::Target;
pub use traces::{Trace, TraceFacts};

/// The time limit of one call: that of the node (viem 2.38.2, clients/transports/http.js).
const CALL: Duration = Duration::from_secs(10);

/// A time limit for everything in which each endpoint has the whole time of one call.
pub const BUDGET: Duration = Duration::from_secs(12);

/// What the endpoints answered, in the order of the targets.
#[derive(Debug)]
pub struct Observed {
    /// The execution endpoints.
    pub execution: Vec<Execution>,
    /// The consensus endpoints.
    pub consensus: Vec<Consensus>,
    /// The endpoints that were asked for traces. None after light questions.
    pub traces: Vec<TraceFacts>,
    /// The blocks whose blobs the consensus endpoints were asked for. `None` if there were no such questions, or no execution
    /// endpoint of this chain answered.
    pub blob_blocks: Option<BlobBlocks>,
}

/// Asks all endpoints at once. The answer is there after `budget` at the latest, whatever the endpoints do.
///
/// # Errors
///
/// If the runtime of the HTTP client cannot be made. The errors of an endpoint are in its facts.
pub fn observe(targets: &Targets, questions: &Questions, budget: Duration) -> Result<Observed> {
    let runtime = http::runtime().map_err(|reason| Error::Client {
        endpoint: "any endpoint".to_owned(),
        reason,
    })?;
    Ok(runtime.block_on(async {
        let limits = Limits::until(CALL, Instant::now() + budget);
        let blocks = Blocks::new();
        let execution = targets.execution.iter();
        let execution = execution.map(|target| execution::observed(target, questions, limits));
        let consensus = targets.consensus.iter();
        let consensus = consensus
            .map(|target| consensus::observed(target, targets, questions, &blocks, limits));
        let traces = targets.traces.iter().filter(|_| questions.deep().is_some());
        let traces = traces.map(|target| traces::observed(target, limits));
        let (execution, consensus, traces) =
            join3(join_all(execution), join_all(consensus), join_all(traces)).await;
        Observed {
            execution,
            consensus,
            traces,
            blob_blocks: blocks.into_inner().flatten(),
        }
    }))
}
