//! A block of an execution chain.

use alloy_primitives::{B256, U256};

use crate::client;

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its time, in seconds since 1970.
    pub timestamp: u64,
    /// In wei. `None` before London.
    pub base_fee: Option<U256>,
    /// The block of the consensus chain before this one (EIP-4788). `None` before Cancun. Zero on a chain without one.
    pub parent_beacon_block_root: Option<B256>,
    /// The number of blobs (EIP-4844: gas per blob is 2^17). `None` before Cancun.
    pub blobs: Option<u64>,
}

/// The gas of a blob: `GAS_PER_BLOB` of EIP-4844.
const GAS_PER_BLOB: u64 = 1 << 17;

impl From<&client::Block> for Block {
    fn from(block: &client::Block) -> Self {
        Self {
            number: block.number.to(),
            timestamp: block.timestamp.to(),
            base_fee: block.base_fee_per_gas,
            parent_beacon_block_root: block.parent_beacon_block_root,
            blobs: block
                .blob_gas_used
                .map(|gas| gas.to::<u64>() / GAS_PER_BLOB),
        }
    }
}
