//! The one error type of the crate.
//!
//! No message contains a secret: endpoints are shown without path, query or user (an RPC URL often
//! contains an API key), and parse errors never quote the text.

use alloy_primitives::{Address, B256};

use crate::{cause::Cause, rollup::AttesterStatus};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, and on what. [`Error::fix`] says what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of a key.
    #[error(transparent)]
    Key(#[from] keys::Error),
    /// An RPC URL that cannot be used.
    #[error("the L1 RPC URL is not usable: {problem}")]
    Url {
        /// The problem, without the URL itself.
        problem: String,
    },
    /// The HTTP client or its runtime could not be created.
    #[error("cannot set up the connection to {endpoint}: {reason}")]
    Client {
        /// Scheme, host and port.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// An RPC call failed.
    #[error("{call} on {endpoint} failed: {reason}")]
    Rpc {
        /// Scheme, host and port.
        endpoint: String,
        /// The method, or the contract function and address.
        call: String,
        /// Why.
        reason: String,
        /// The kind of failure.
        cause: Cause,
    },
    /// A contract call whose answer does not decode. An address without the expected contract
    /// answers like that.
    #[error(
        "{call} on {endpoint} returned {length} bytes that do not decode: there is no such contract at this address"
    )]
    NotThatContract {
        /// Scheme, host and port.
        endpoint: String,
        /// The contract function and address.
        call: String,
        /// The number of bytes in the answer.
        length: usize,
    },
    /// A call of staking on a chain that is not a local one.
    #[error("{endpoint} is chain {found}: staking works on a local chain only (id {expected})")]
    NotLocalChain {
        /// Scheme, host and port.
        endpoint: String,
        /// The chain id of the endpoint.
        found: u64,
        /// The chain id of a local network.
        expected: u64,
    },
    /// A transaction was refused or reverted.
    #[error("cannot {step}: reverted with {reason}{}", in_transaction(.transaction))]
    Reverted {
        /// What the transaction was for.
        step: String,
        /// The decoded revert data.
        reason: String,
        /// The transaction, if it was sent.
        transaction: Option<B256>,
    },
    /// A wait that took too long.
    #[error("gave up waiting for {what} after {seconds} s")]
    Deadline {
        /// The expected event.
        what: String,
        /// The length of the wait.
        seconds: u64,
    },
    /// The attester's state forbids a deposit.
    #[error("attester {attester} is {status} on rollup {rollup}: it cannot be registered again")]
    NotStakeable {
        /// The attester.
        attester: Address,
        /// The rollup.
        rollup: Address,
        /// Its status there.
        status: AttesterStatus,
    },
    /// The rollup removed the attester from its entry queue without registering it.
    #[error("rollup {rollup} refused the deposit of attester {attester}{}", in_transaction(.transaction))]
    DepositRefused {
        /// The attester.
        attester: Address,
        /// The rollup.
        rollup: Address,
        /// The flush that refused it, if this process sent that transaction.
        transaction: Option<B256>,
    },
    /// The output of the deployment does not contain usable addresses.
    #[error("the output of deploy-l1-contracts is not usable: {problem}")]
    Deployment {
        /// The problem.
        problem: String,
    },
}

impl Error {
    /// The kind of a failed call, `None` for other errors.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Rpc { cause, .. } => Some(*cause),
            _ => None,
        }
    }

    /// What the operator can do about it, as whole sentences.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Key(error) => error.fix(),
            Self::Url { .. } => "Use a URL such as http://127.0.0.1:8545 or https://host/path.",
            Self::Client { .. } => {
                "Check the CA certificates of this host (package ca-certificates)."
            }
            Self::Rpc { cause, .. } => cause.fix(),
            Self::NotThatContract { .. } => {
                "Check the registry address and the chain. A local chain that was restarted without \
                 its state has lost its contracts."
            }
            Self::NotLocalChain { .. } => {
                "On a public network, register with the staker output, through the staking dashboard \
                 or your own wallet."
            }
            Self::Reverted { .. } => {
                "Check that the deployer account deployed the contracts and owns the test staking asset."
            }
            Self::Deadline { .. } => {
                "Check that the L1 produces blocks, then run the same command again. It continues where it stopped."
            }
            Self::NotStakeable { .. } => {
                "Use a new attester key. A former attester can never be registered again."
            }
            Self::DepositRefused { .. } => {
                "Check whether the attester or its BLS key is registered already under another address, \
                 then use new keys."
            }
            Self::Deployment { .. } => {
                "Run the deployment again and keep its whole standard output."
            }
        }
    }
}

fn in_transaction(hash: &Option<B256>) -> String {
    hash.map(|hash| format!(" in transaction {hash}"))
        .unwrap_or_default()
}
