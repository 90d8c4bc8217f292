//! The one error type of the crate.
//!
//! No message carries a secret: endpoints are shown without path, query or user (an RPC URL often
//! holds an API key), and parse errors never quote the text they failed on.

use alloy_primitives::{Address, B256};

use crate::reader::AttesterStatus;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, and on what. [`Error::fix`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key, or what is made of one.
    #[error(transparent)]
    Key(#[from] keys::Error),
    /// An RPC URL that cannot be used.
    #[error("the L1 RPC URL is not usable: {problem}")]
    Url {
        /// What is wrong, without the URL itself.
        problem: String,
    },
    /// The HTTP client or its runtime could not be made.
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
    },
    /// A contract call whose answer has the wrong shape, which is what an address without the
    /// expected contract gives.
    #[error("{call} on {endpoint} gave {length} bytes that do not decode: no such contract there")]
    NotThatContract {
        /// Scheme, host and port.
        endpoint: String,
        /// The contract function and address.
        call: String,
        /// How many bytes came back.
        length: usize,
    },
    /// Staking was asked for on a chain that is not a local one.
    #[error("{endpoint} is chain {found}: staking works on a local chain only (id {expected})")]
    NotLocalChain {
        /// Scheme, host and port.
        endpoint: String,
        /// The chain id found.
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
        /// The transaction, if it got that far.
        transaction: Option<B256>,
    },
    /// Something did not happen in time.
    #[error("gave up after {seconds} s waiting for {what}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
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
    /// The rollup took the attester out of its entry queue without registering it.
    #[error("rollup {rollup} refused the deposit of attester {attester}{}", in_transaction(.transaction))]
    DepositRefused {
        /// The attester.
        attester: Address,
        /// The rollup.
        rollup: Address,
        /// The flush that refused it, if this process sent it.
        transaction: Option<B256>,
    },
    /// The output of the deployment holds no usable addresses.
    #[error("the output of deploy-l1-contracts is not usable: {problem}")]
    Deployment {
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// What the operator can do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Key(error) => error.fix(),
            Self::Url { .. } => "give a URL such as http://127.0.0.1:8545 or https://host/path",
            Self::Client { .. } => {
                "check the CA certificates of this host (package ca-certificates)"
            }
            Self::Rpc { reason, .. } if reason.contains("certificate") => {
                "install the certificate authority of the L1 endpoint into the CA store of this host"
            }
            Self::Rpc { .. } => "check that the L1 node is up, synced and reachable from this host",
            Self::NotThatContract { .. } => {
                "check the registry address and the chain: a local chain that was restarted without \
                 its state has lost its contracts"
            }
            Self::NotLocalChain { .. } => {
                "on a public network register with the staker output, through the staking dashboard \
                 or your own wallet"
            }
            Self::Reverted { .. } => {
                "check that the deployer account is the one that deployed the contracts and that it \
                 owns the test staking asset"
            }
            Self::Deadline { .. } => {
                "check that the L1 produces blocks, then run again: it resumes"
            }
            Self::NotStakeable { .. } => "use a new attester key: a former one can never come back",
            Self::DepositRefused { .. } => {
                "check that the attester and its BLS key are not registered already under another \
                 name, then use new keys"
            }
            Self::Deployment { .. } => {
                "run the deployment again and keep its whole standard output"
            }
        }
    }
}

fn in_transaction(hash: &Option<B256>) -> String {
    hash.map(|hash| format!(" in transaction {hash}"))
        .unwrap_or_default()
}
