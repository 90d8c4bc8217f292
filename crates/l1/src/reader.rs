//! Reads of the chain and of the rollup contracts.

use std::time::Duration;

use alloy_primitives::{Address, U256, keccak256};
use keys::G1Point;

use crate::{
    bindings::{G1, Gse, Registry, Rollup, Token},
    cause::Cause,
    client::Connection,
    error::{Error, Result},
};

pub use crate::rollup::{
    AttesterStatus, Checkpoints, Head, Identity, RollupInfo, SlotClock, Standing,
};

/// Reads through one JSON-RPC endpoint. Nothing here sends a transaction.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// The name of the place where a rollup keeps its state. Its hash is the storage slot (STFLib.sol). Two values in it have
/// no getter, and the node itself reads their slots (ethereum/dest/contracts/rollup.js of 4.1.2).
const STATE: &str = "aztec.stf.storage";
/// The offset from the first slot of the state.
const VK_TREE: u64 = 3;
const PROTOCOL_CONTRACTS: u64 = 4;

impl Reader {
    /// Prepares a reader. The first call connects. `timeout` bounds each call.
    ///
    /// # Errors
    ///
    /// If the URL is not `http` or `https`, or the CA store of the host cannot be read.
    pub fn connect(url: &str, timeout: Duration) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(url, timeout)?,
        })
    }

    /// The parts of the endpoint that may be shown: scheme, host and port.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.connection.endpoint.shown
    }

    /// The chain id.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub fn chain_id(&self) -> Result<u64> {
        self.connection.block_on(self.connection.chain_id())
    }

    /// The number of the latest block.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub fn block_number(&self) -> Result<u64> {
        self.connection.block_on(self.connection.block_number())
    }

    /// The latest block.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub fn head(&self) -> Result<Head> {
        let block = self.connection.block_on(self.connection.head())?;
        Ok(Head {
            number: block.number.to(),
            timestamp: block.timestamp.to(),
        })
    }

    /// Whether there is a contract at this address.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub fn code_at(&self, address: Address) -> Result<bool> {
        let code = self.connection.block_on(self.connection.code(address))?;
        Ok(!code.is_empty())
    }

    /// The balance of an account in wei.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub fn balance(&self, account: Address) -> Result<U256> {
        self.connection.block_on(self.connection.balance(account))
    }

    /// The balance of an account in a token's smallest unit.
    ///
    /// # Errors
    ///
    /// If the call fails or `token` is not a token.
    pub fn token_balance(&self, token: Address, account: Address) -> Result<U256> {
        self.view(token, Token::balanceOfCall { owner: account })
    }

    /// The canonical rollup of a registry.
    ///
    /// # Errors
    ///
    /// If the call fails or `registry` is not a registry.
    pub fn canonical_rollup(&self, registry: Address) -> Result<Address> {
        self.view(registry, Registry::getCanonicalRollupCall {})
    }

    /// The rollup of a registry that has this version, or the canonical one.
    ///
    /// # Errors
    ///
    /// If the call fails, `registry` is not a registry, or it does not know the rollup.
    pub fn rollup(&self, registry: Address, version: Option<u64>) -> Result<Address> {
        match version.map(U256::from) {
            Some(version) => self.view(registry, Registry::getRollupCall { version }),
            None => self.canonical_rollup(registry),
        }
    }

    /// The rollup of a registry that has this version, or the canonical one, with the values that a release must have to
    /// fit it.
    ///
    /// # Errors
    ///
    /// If a call fails, `registry` is not a registry, or it does not know the rollup.
    pub fn identity(&self, registry: Address, version: Option<u64>) -> Result<Identity> {
        let chain = &self.connection;
        let state = U256::from_be_bytes(keccak256(STATE).0);
        let address = self.rollup(registry, version)?;
        let slot = |at: u64| chain.storage(address, state + U256::from(at));
        chain.block_on(async {
            let checkpoint = U256::ZERO;
            let (version, genesis, vk_tree, protocol_contracts) = tokio::try_join!(
                chain.view(address, Rollup::getVersionCall {}),
                chain.view(address, Rollup::archiveAtCall { checkpoint }),
                slot(VK_TREE),
                slot(PROTOCOL_CONTRACTS),
            )?;
            Ok(Identity {
                address,
                version,
                genesis,
                vk_tree,
                protocol_contracts,
            })
        })
    }

    /// The values of a rollup that a registration needs.
    ///
    /// # Errors
    ///
    /// If a call fails or `rollup` is not a rollup.
    pub fn rollup_info(&self, rollup: Address) -> Result<RollupInfo> {
        let chain = &self.connection;
        chain.block_on(async {
            let (version, staking_asset, activation_threshold, gse, slot_duration, epoch_duration) =
                tokio::try_join!(
                    chain.view(rollup, Rollup::getVersionCall {}),
                    chain.view(rollup, Rollup::getStakingAssetCall {}),
                    chain.view(rollup, Rollup::getActivationThresholdCall {}),
                    chain.view(rollup, Rollup::getGSECall {}),
                    async { available(chain.view(rollup, Rollup::getSlotDurationCall {}).await) },
                    async { available(chain.view(rollup, Rollup::getEpochDurationCall {}).await) },
                )?;
            Ok(RollupInfo {
                version,
                staking_asset,
                activation_threshold,
                gse,
                slot_duration,
                epoch_duration,
            })
        })
    }

    /// The last proposed and the last proven checkpoint of a rollup.
    ///
    /// # Errors
    ///
    /// If a call fails or `rollup` is not a rollup.
    pub fn checkpoints(&self, rollup: Address) -> Result<Checkpoints> {
        let chain = &self.connection;
        chain.block_on(async {
            let (pending, proven) = tokio::try_join!(
                chain.view(rollup, Rollup::getPendingCheckpointNumberCall {}),
                chain.view(rollup, Rollup::getProvenCheckpointNumberCall {}),
            )?;
            Ok(Checkpoints { pending, proven })
        })
    }

    /// The clock of a rollup, as of the newest block of the L1.
    ///
    /// # Errors
    ///
    /// If a call fails or `rollup` is not a rollup.
    pub fn slot_clock(&self, rollup: Address) -> Result<SlotClock> {
        let chain = &self.connection;
        let (slot, slot_seconds, epoch_slots) = chain.block_on(async {
            tokio::try_join!(
                chain.view(rollup, Rollup::getCurrentSlotCall {}),
                chain.view(rollup, Rollup::getSlotDurationCall {}),
                chain.view(rollup, Rollup::getEpochDurationCall {}),
            )
        })?;
        Ok(SlotClock {
            slot: slot.saturating_to(),
            slot_seconds: slot_seconds.saturating_to(),
            epoch_slots: epoch_slots.saturating_to(),
        })
    }

    /// The status of an attester on a rollup.
    ///
    /// # Errors
    ///
    /// If the call fails or `rollup` is not a rollup.
    pub fn attester_status(&self, rollup: Address, attester: Address) -> Result<AttesterStatus> {
        self.view(rollup, Rollup::getStatusCall { attester })
            .map(AttesterStatus::from)
    }

    /// The status of an attester on the canonical rollup of a registry: two calls on one connection.
    ///
    /// # Errors
    ///
    /// If a call fails or `registry` is not a registry.
    pub fn standing(&self, registry: Address, attester: Address) -> Result<Standing> {
        let chain = &self.connection;
        chain.block_on(async {
            let rollup = chain
                .view(registry, Registry::getCanonicalRollupCall {})
                .await?;
            let status = chain
                .view(rollup, Rollup::getStatusCall { attester })
                .await?
                .into();
            Ok(Standing { rollup, status })
        })
    }

    /// Makes later calls wait while a quota is used up, up to 8 s, instead of failing at once.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.connection.be_patient();
        self
    }

    /// The points that the owners of these G1 keys sign to prove possession, in the same order.
    ///
    /// # Errors
    ///
    /// If a call fails or `gse` is not a governance staking escrow.
    pub fn registration_digests(&self, gse: Address, keys: &[G1Point]) -> Result<Vec<G1Point>> {
        let call = |key: &G1Point| Gse::getRegistrationDigestCall {
            publicKey: (*key).into(),
        };
        let calls: Vec<_> = keys.iter().map(call).collect();
        let chain = &self.connection;
        let digests = chain.block_on(chain.views(gse, &calls))?;
        Ok(digests.into_iter().map(G1Point::from).collect())
    }

    fn view<C: alloy_sol_types::SolCall>(&self, contract: Address, call: C) -> Result<C::Return> {
        self.connection
            .block_on(self.connection.view(contract, call))
    }
}

/// `None` if the contract does not have the function. Other failures stay failures.
fn available<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotThatContract { .. }) => Ok(None),
        Err(error) if error.cause() == Some(Cause::Reverted) => Ok(None),
        Err(error) => Err(error),
    }
}

impl From<G1Point> for G1 {
    fn from(G1Point { x, y }: G1Point) -> Self {
        Self { x, y }
    }
}

impl From<G1> for G1Point {
    fn from(G1 { x, y }: G1) -> Self {
        Self { x, y }
    }
}
