//! The values that are read from the chain and from the contracts of a rollup.

use std::fmt;

use alloy_primitives::{Address, B256, U256};

/// The latest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its time, in seconds since 1970. If it is old, the node is not synced.
    pub timestamp: u64,
}

/// The status of an attester on a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttesterStatus {
    /// It is not registered. It may be in the entry queue.
    None,
    /// It is registered and takes part.
    Validating,
    /// It was slashed below the minimum. It does not take part, but still has funds here.
    Zombie,
    /// It is leaving the rollup.
    Exiting,
    /// A status that this version does not know.
    Other(u8),
}

impl From<u8> for AttesterStatus {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Validating,
            2 => Self::Zombie,
            3 => Self::Exiting,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for AttesterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("not registered"),
            Self::Validating => f.write_str("validating"),
            Self::Zombie => f.write_str("slashed below the minimum"),
            Self::Exiting => f.write_str("exiting"),
            Self::Other(number) => write!(f, "in the unknown status {number}"),
        }
    }
}

/// An attester on the canonical rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The canonical rollup.
    pub rollup: Address,
    /// The status of the attester there.
    pub status: AttesterStatus,
}

/// The values of a rollup that a registration needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupInfo {
    /// Its version, which identifies the L2 chain.
    pub version: U256,
    /// The token that validators stake.
    pub staking_asset: Address,
    /// The amount that one validator stakes, in the smallest unit of that token.
    pub activation_threshold: U256,
    /// The governance staking escrow, which keeps stakes and public keys.
    pub gse: Address,
    /// Seconds per slot, if this rollup reports it.
    pub slot_duration: Option<U256>,
    /// Slots per epoch, if this rollup reports it.
    pub epoch_duration: Option<U256>,
}

/// The values that decide whether a release can follow a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The rollup.
    pub address: Address,
    /// Its version, by which the registry names it.
    pub version: U256,
    /// The archive root of its genesis.
    pub genesis: B256,
    /// The root of the tree of verification keys. It accepts proofs for these keys.
    pub vk_tree: B256,
    /// The hash of the protocol contracts that it was deployed for.
    pub protocol_contracts: B256,
}

/// The progress of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoints {
    /// The last proposed checkpoint.
    pub pending: U256,
    /// The last proven checkpoint.
    pub proven: U256,
}

/// The clock of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotClock {
    /// The current slot.
    pub slot: u64,
    /// The length of a slot, in seconds.
    pub slot_seconds: u64,
    /// The slots of an epoch.
    pub epoch_slots: u64,
}
