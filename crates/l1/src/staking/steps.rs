//! The steps of a registration. Each reads the chain first.

use alloy_primitives::{Address, Bytes, U256, utils::format_ether};
use keys::{G1Point, G2Point};

use super::request::{FUNDING_FLOOR, FUNDING_TARGET, LOCAL_CHAIN_ID, StakeRequest};
use super::run::{Receipt, Run};
use crate::{
    bindings::{G2, Gse, Registry, Rollup, Token},
    client::logged,
    error::{Error, Result},
    rollup::AttesterStatus,
};

impl Run<'_> {
    pub(super) async fn ensure_staked(&mut self, request: &StakeRequest<'_>) -> Result<Address> {
        let attester = request.attester.address();
        self.require_local_chain().await?;
        let rollup = self
            .chain
            .view(request.registry, Registry::getCanonicalRollupCall {})
            .await?;

        let registered = self.is_validating(rollup, attester).await?;
        let mut unfunded = Vec::new();
        for account in &request.fund {
            if self.balance(*account).await? < FUNDING_FLOOR {
                unfunded.push(*account);
            }
        }
        if registered && unfunded.is_empty() {
            return Ok(rollup);
        }

        self.settle().await?;
        for account in unfunded {
            self.fund(account, FUNDING_FLOOR, FUNDING_TARGET).await?;
        }
        if !self.is_validating(rollup, attester).await? {
            if self.queue_position(rollup, attester).await?.is_none() {
                self.deposit(rollup, request).await?;
            }
            self.enter(rollup, attester).await?;
        }
        Ok(rollup)
    }

    pub(super) async fn require_local_chain(&self) -> Result<()> {
        let found = self.chain.chain_id().await?;
        if found != LOCAL_CHAIN_ID {
            return Err(Error::NotLocalChain {
                endpoint: self.chain.endpoint.shown.clone(),
                found,
                expected: LOCAL_CHAIN_ID,
            });
        }
        Ok(())
    }

    /// Whether the attester is validating already. An error if it can never be.
    async fn is_validating(&self, rollup: Address, attester: Address) -> Result<bool> {
        let status = self
            .chain
            .view(rollup, Rollup::getStatusCall { attester })
            .await?
            .into();
        match status {
            AttesterStatus::Validating => Ok(true),
            AttesterStatus::None => Ok(false),
            AttesterStatus::Zombie | AttesterStatus::Exiting | AttesterStatus::Other(_) => {
                Err(Error::NotStakeable {
                    attester,
                    rollup,
                    status,
                })
            }
        }
    }

    pub(super) async fn balance(&self, account: Address) -> Result<U256> {
        self.chain.balance(account).await
    }

    pub(super) async fn fund(
        &mut self,
        account: Address,
        floor: U256,
        target: U256,
    ) -> Result<bool> {
        let balance = self.balance(account).await?;
        if balance >= floor {
            return Ok(false);
        }
        let amount = target.saturating_sub(balance);
        let step = format!("send {} ETH to {account}", format_ether(amount));
        self.send(&step, account, amount, Bytes::new()).await?;
        Ok(true)
    }

    async fn deposit(&mut self, rollup: Address, request: &StakeRequest<'_>) -> Result<()> {
        let StakeRequest {
            attester,
            withdrawer,
            ..
        } = request;
        let (asset, stake, gse) = tokio::try_join!(
            self.chain.view(rollup, Rollup::getStakingAssetCall {}),
            self.chain
                .view(rollup, Rollup::getActivationThresholdCall {}),
            self.chain.view(rollup, Rollup::getGSECall {}),
        )?;
        let owner = self.deployer.address();

        let balance = self
            .chain
            .view(asset, Token::balanceOfCall { owner })
            .await?;
        if balance < stake {
            let mint = Token::mintCall {
                to: owner,
                amount: stake.saturating_sub(balance),
            };
            self.call("mint the stake to the deployer", asset, mint)
                .await?;
        }
        let allowance = self
            .chain
            .view(
                asset,
                Token::allowanceCall {
                    owner,
                    spender: rollup,
                },
            )
            .await?;
        if allowance < stake {
            let approve = Token::approveCall {
                spender: rollup,
                amount: stake,
            };
            self.call("let the rollup take the stake", asset, approve)
                .await?;
        }

        let public_key = attester.bls.public_g1();
        let digest = self
            .chain
            .view(
                gse,
                Gse::getRegistrationDigestCall {
                    publicKey: public_key.into(),
                },
            )
            .await?;
        let proof = attester.bls.prove_possession(G1Point::from(digest))?;
        let deposit = Rollup::depositCall {
            attester: attester.address(),
            withdrawer: *withdrawer,
            publicKeyInG1: public_key.into(),
            publicKeyInG2: attester.bls.public_g2().into(),
            proofOfPossession: proof.into(),
            // Without it the stake stays behind when the network moves to a new rollup.
            moveWithLatestRollup: true,
        };
        self.call(
            &format!("deposit for attester {}", attester.address()),
            rollup,
            deposit,
        )
        .await?;
        Ok(())
    }

    /// Flushes the entry queue until the attester is validating.
    async fn enter(&mut self, rollup: Address, attester: Address) -> Result<()> {
        let mut flush = None;
        let mut reported = String::new();
        loop {
            let position = self.queue_position(rollup, attester).await?;
            // This is read after the queue, not before: another flush may come between the two calls.
            if self.is_validating(rollup, attester).await? {
                return Ok(());
            }
            let Some(position) = position else {
                return Err(Error::DepositRefused {
                    attester,
                    rollup,
                    transaction: flush,
                });
            };
            let (places, next, now) = tokio::try_join!(
                self.chain
                    .view(rollup, Rollup::getAvailableValidatorFlushesCall {}),
                self.chain
                    .view(rollup, Rollup::getNextFlushableEpochCall {}),
                self.chain.view(rollup, Rollup::getCurrentEpochCall {}),
            )?;
            if places.is_zero() {
                let wait = format!(
                    "waiting for the entry queue: place {position}, opens in epoch {next} (now {now})"
                );
                if wait != reported {
                    (self.progress)(&wait);
                    reported = wait;
                }
                self.pause("the entry queue to open").await?;
                continue;
            }
            let receipt = self
                .call(
                    "flush the entry queue",
                    rollup,
                    Rollup::flushEntryQueueCall {},
                )
                .await?;
            flush = Some(receipt.transaction_hash);
            if refuses(&receipt, rollup, attester) {
                return Err(Error::DepositRefused {
                    attester,
                    rollup,
                    transaction: flush,
                });
            }
        }
    }

    async fn queue_position(&self, rollup: Address, attester: Address) -> Result<Option<u64>> {
        let length = self
            .chain
            .view(rollup, Rollup::getEntryQueueLengthCall {})
            .await?;
        // A local queue is short. An absurd length only means that an absurd number of places is read.
        for position in 0..length.saturating_to::<u64>() {
            let index = U256::from(position);
            let entry = self
                .chain
                .view(rollup, Rollup::getEntryQueueAtCall { index })
                .await?;
            if entry.attester == attester {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }
}

/// Whether a flush removed this attester from the queue. The stake then went back to the withdrawer.
fn refuses(receipt: &Receipt, rollup: Address, attester: Address) -> bool {
    let logs = receipt.logs.iter().filter(|log| log.address == rollup);
    let mut failed = logs.filter_map(|log| logged::<Rollup::FailedDeposit>(&log.topics, &log.data));
    failed.any(|failed| failed.attester == attester)
}

impl From<G2Point> for G2 {
    fn from(G2Point { x0, x1, y0, y1 }: G2Point) -> Self {
        Self { x0, x1, y0, y1 }
    }
}
