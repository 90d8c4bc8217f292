//! The few contract functions that this crate calls, with their errors and events.
//!
//! The declarations are from the ABI of release 4.1.2. `getStatus` returns an enum there and a plain
//! `uint8` here, so that a status of a later release is reported instead of failing to decode.

alloy_sol_types::sol! {
    #[derive(Debug, PartialEq, Eq)]
    struct G1 {
        uint256 x;
        uint256 y;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct G2 {
        uint256 x0;
        uint256 x1;
        uint256 y0;
        uint256 y1;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct DepositArgs {
        address attester;
        address withdrawer;
        G1 publicKeyInG1;
        G2 publicKeyInG2;
        G1 proofOfPossession;
        bool moveWithLatestRollup;
    }

    interface Registry {
        function getCanonicalRollup() external view returns (address);
        function getRollup(uint256 version) external view returns (address);
    }

    interface Rollup {
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event FailedDeposit(address indexed attester, address indexed withdrawer, G1 publicKeyInG1, G2 publicKeyInG2, G1 proofOfPossession);

        function deposit(address attester, address withdrawer, G1 publicKeyInG1, G2 publicKeyInG2, G1 proofOfPossession, bool moveWithLatestRollup) external;
        function flushEntryQueue() external;

        function L1_BLOCK_AT_GENESIS() external view returns (uint256);
        function archiveAt(uint256 checkpoint) external view returns (bytes32);
        function getActivationThreshold() external view returns (uint256);
        function getAvailableValidatorFlushes() external view returns (uint256);
        function getCurrentEpoch() external view returns (uint256);
        function getCurrentSlot() external view returns (uint256);
        function getEntryQueueAt(uint256 index) external view returns (DepositArgs memory);
        function getEntryQueueLength() external view returns (uint256);
        function getEpochDuration() external view returns (uint256);
        function getGSE() external view returns (address);
        function getNextFlushableEpoch() external view returns (uint256);
        function getPendingCheckpointNumber() external view returns (uint256);
        function getProvenCheckpointNumber() external view returns (uint256);
        function getSlotDuration() external view returns (uint256);
        function getStakingAsset() external view returns (address);
        function getStatus(address attester) external view returns (uint8);
        function getVersion() external view returns (uint256);
    }

    interface Gse {
        function getRegistrationDigest(G1 publicKey) external view returns (G1 memory);
    }

    interface Token {
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
        function mint(address to, uint256 amount) external;
    }

    /// The errors that staking can revert with, so that a message can name them.
    #[derive(Debug)]
    interface Reverts {
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error GSE__AlreadyRegistered(address instance, address attester);
        error GSE__InvalidProofOfPossession();
        error GSE__ProofOfPossessionAlreadySeen(bytes32 hashedKey);
        error NotMinter(address account);
        error OwnableUnauthorizedAccount(address account);
        error Staking__AlreadyActive(address attester);
        error Staking__AlreadyExiting(address attester);
        error Staking__AlreadyQueued(address attester);
        error Staking__AlreadyRegistered(address instance, address attester);
        error Staking__DepositOutOfGas();
        error Staking__InsufficientBootstrapValidators(uint256 queued, uint256 needed);
        error Staking__InsufficientStake(uint256 stake, uint256 needed);
        error Staking__InvalidDeposit(address attester, address withdrawer);
        error Staking__QueueAlreadyFlushed(uint256 epoch);
        error Staking__QueueEmpty();
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{SolCall, SolEvent};

    use super::*;

    /// The selectors are from the reference of release 4.1.2, not from these declarations.
    #[test]
    fn selectors_are_those_of_the_real_contracts() {
        let cases = [
            (Registry::getCanonicalRollupCall::SELECTOR, "971b0e6b"),
            (Rollup::L1_BLOCK_AT_GENESISCall::SELECTOR, "79ed8ead"),
            (Rollup::depositCall::SELECTOR, "6902c67b"),
            (Rollup::flushEntryQueueCall::SELECTOR, "1d934975"),
            (Rollup::getActivationThresholdCall::SELECTOR, "aa10df4c"),
            (
                Rollup::getAvailableValidatorFlushesCall::SELECTOR,
                "2980c31e",
            ),
            (Rollup::getCurrentEpochCall::SELECTOR, "b97dd9e2"),
            (Rollup::getCurrentSlotCall::SELECTOR, "d8e3784c"),
            (Rollup::getEntryQueueAtCall::SELECTOR, "9ca03702"),
            (Rollup::getEntryQueueLengthCall::SELECTOR, "1b56a0e7"),
            (Rollup::getEpochDurationCall::SELECTOR, "5d3ea8f1"),
            (Rollup::getGSECall::SELECTOR, "ed9187b7"),
            (Rollup::getNextFlushableEpochCall::SELECTOR, "ca3dc9ec"),
            (Rollup::getPendingCheckpointNumberCall::SELECTOR, "9891be8e"),
            (Rollup::getProvenCheckpointNumberCall::SELECTOR, "1f8352e9"),
            (Rollup::getSlotDurationCall::SELECTOR, "c4014c12"),
            (Rollup::getStakingAssetCall::SELECTOR, "a011f6a9"),
            (Rollup::getStatusCall::SELECTOR, "30ccebb5"),
            (Rollup::getVersionCall::SELECTOR, "0d8e6e2c"),
            (Gse::getRegistrationDigestCall::SELECTOR, "11d66fee"),
            (Token::allowanceCall::SELECTOR, "dd62ed3e"),
            (Token::approveCall::SELECTOR, "095ea7b3"),
            (Token::balanceOfCall::SELECTOR, "70a08231"),
            (Token::mintCall::SELECTOR, "40c10f19"),
        ];
        for (selector, expected) in cases {
            assert_eq!(const_hex::encode(selector), expected);
        }
        assert_eq!(
            const_hex::encode(Rollup::FailedDeposit::SIGNATURE_HASH),
            "ae63502829232952025378f85719b4e2278e77cbf06b29f68618470cd4ae5887"
        );
    }
}
