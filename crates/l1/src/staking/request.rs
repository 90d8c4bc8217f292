//! A registration, and its limits.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use keys::AttesterKeys;

/// The chain id of a local network, the only one that a [`Staker`](super::Staker) touches.
pub const LOCAL_CHAIN_ID: u64 = 31337;

/// An account with less than this balance is topped up: 1 ETH.
pub const FUNDING_FLOOR: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// An account is topped up to this balance: 10 ETH, far more than the gas of a test network costs in months.
pub const FUNDING_TARGET: U256 = U256::from_limbs([10_000_000_000_000_000_000, 0, 0, 0]);

/// The time limit of a registration. It is longer than an epoch of the slowest local configuration in use: 32 slots of
/// 36 s are 19 min, and the queue may have to wait for the next epoch.
pub(super) const DEFAULT_DEADLINE: Duration = Duration::from_secs(25 * 60);

/// A registration.
#[derive(Debug)]
pub struct StakeRequest<'a> {
    /// The registry whose canonical rollup the attester joins.
    pub registry: Address,
    /// The attester. Its BLS key signs the proof of possession.
    pub attester: &'a AttesterKeys,
    /// The account that may withdraw the stake.
    pub withdrawer: Address,
    /// The accounts that pay for gas later. They are topped up to [`FUNDING_TARGET`].
    pub fund: Vec<Address>,
    /// The time limit of the whole registration.
    pub deadline: Duration,
}

impl<'a> StakeRequest<'a> {
    /// A request for an attester that publishes for itself and may withdraw its stake.
    #[must_use]
    pub fn new(registry: Address, attester: &'a AttesterKeys) -> Self {
        let address = attester.address();
        Self {
            registry,
            attester,
            withdrawer: address,
            fund: vec![address],
            deadline: DEFAULT_DEADLINE,
        }
    }
}
