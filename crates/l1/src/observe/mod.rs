//! Asks any number of endpoints of an L1 everything that is worth knowing about them, all at once and within one time limit.
//!
//! The result is plain data: each fact has its own error, and nothing here judges. All times are read right after the answer
//! that they belong to.

mod consensus;
mod execution;
mod target;

use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use crate::{
    error::{Error, Result},
    http,
    limits::Limits,
};

pub use consensus::{Consensus, SyncStatus};
pub use execution::{Block, Execution, Head};
pub use target::Target;

/// The time limit of one call: that of the node (viem 2.38.2, clients/transports/http.js).
const CALL: Duration = Duration::from_secs(10);

/// A time limit for everything in which each endpoint has the whole time of one call.
pub const BUDGET: Duration = Duration::from_secs(12);

/// The endpoints to ask.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Execution endpoints.
    pub execution: Vec<Target>,
    /// Consensus endpoints.
    pub consensus: Vec<Target>,
}

/// What to ask.
#[derive(Debug, Clone)]
pub enum Questions {
    /// The chain and its head: two calls for each endpoint.
    Light,
}

/// What the endpoints answered, in the order of the targets.
#[derive(Debug)]
pub struct Observed {
    /// The execution endpoints.
    pub execution: Vec<Execution>,
    /// The consensus endpoints.
    pub consensus: Vec<Consensus>,
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
        let execution = targets.execution.iter();
        let execution = execution.map(|target| execution::observed(target, questions, limits));
        let consensus = targets.consensus.iter();
        let consensus = consensus.map(|target| consensus::observed(target, questions, limits));
        let (execution, consensus) = join(join_all(execution), join_all(consensus)).await;
        Observed {
            execution,
            consensus,
        }
    }))
}

/// The clock of this host, in seconds since 1970.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}
