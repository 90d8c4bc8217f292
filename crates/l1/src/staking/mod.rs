//! Registration of a validator on a local network.
//!
//! [`Staker::ensure_staked`] reads the chain before each transaction and sends only the missing
//! ones, so it may be killed at any point and run again:
//!
//! 1. fund the accounts that pay for gas,
//! 2. mint the stake to the deployer, who owns the test staking asset,
//! 3. approve the rollup to take it,
//! 4. deposit, which puts the attester into the entry queue,
//! 5. flush the queue as soon as the rollup allows it, until the attester is validating.
//!
//! A run that is killed after it sends a transaction, and before its block, leaves that transaction
//! pending. The next run would then send a second deposit, and the queue does not refuse duplicates.
//! For this reason nothing is sent while the deployer has pending transactions.

mod request;
mod run;
mod steps;
mod transaction;

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use keys::{EthKey, Mnemonic, derive_publisher};

use crate::{client::Connection, error::Result};
use request::DEFAULT_DEADLINE;
use run::Run;

pub use request::{FUNDING_FLOOR, FUNDING_TARGET, LOCAL_CHAIN_ID, StakeRequest};

/// The time limit of one RPC call. On a local network a call takes milliseconds, but a machine that is busy with a
/// deployment stalls.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Registers validators on a local network.
#[derive(Debug)]
pub struct Staker {
    connection: Connection,
    deployer: EthKey,
}

/// The result of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StakeOutcome {
    /// The rollup on which the attester is validating.
    pub rollup: Address,
    /// The transactions of this run, in order. Empty if the attester was registered already.
    pub transactions: Vec<B256>,
}

impl StakeOutcome {
    /// Whether this run sent anything.
    #[must_use]
    pub fn changed(&self) -> bool {
        !self.transactions.is_empty()
    }
}

/// The account that deploys on a local network. It is the first of the public test mnemonic, which every
/// local chain funds, and its key is public.
///
/// # Errors
///
/// Never in practice: the derivation is fixed.
pub fn local_deployer() -> Result<EthKey> {
    let mnemonic = Mnemonic::parse("test test test test test test test test test test test junk")?;
    Ok(derive_publisher(&mnemonic, 0, 0)?)
}

impl Staker {
    /// Prepares a staker. The first call connects.
    ///
    /// # Errors
    ///
    /// If the URL is not `http` or `https`.
    pub fn new(url: &str, deployer: EthKey) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(url, CALL_TIMEOUT)?,
            deployer,
        })
    }

    /// Makes sure that the attester is validating on the canonical rollup, whatever its status is now.
    /// `on_progress` gets one line before each step and when a wait changes.
    ///
    /// # Errors
    ///
    /// If the chain is not a local one, a call fails, a transaction reverts, the attester left the
    /// rollup before, the rollup refuses the deposit, or the deadline passes. Another call continues
    /// after all of these, except after a refusal.
    pub fn ensure_staked(
        &self,
        request: &StakeRequest<'_>,
        on_progress: &mut dyn FnMut(&str),
    ) -> Result<StakeOutcome> {
        self.connection.block_on(async {
            let mut run = Run::new(
                &self.connection,
                &self.deployer,
                request.deadline,
                on_progress,
            );
            let rollup = run.ensure_staked(request).await?;
            Ok(StakeOutcome {
                rollup,
                transactions: run.transactions,
            })
        })
    }

    /// Tops up an account to `target` if its balance is below `floor`. Returns whether it was.
    ///
    /// # Errors
    ///
    /// As [`ensure_staked`](Self::ensure_staked).
    pub fn ensure_funded(
        &self,
        account: Address,
        floor: U256,
        target: U256,
        on_progress: &mut dyn FnMut(&str),
    ) -> Result<bool> {
        self.connection.block_on(async {
            let mut run = Run::new(
                &self.connection,
                &self.deployer,
                DEFAULT_DEADLINE,
                on_progress,
            );
            run.require_local_chain().await?;
            if run.balance(account).await? >= floor {
                return Ok(false);
            }
            run.settle().await?;
            run.fund(account, floor, target).await
        })
    }
}
