//! Sending a transaction and waiting for what becomes of it.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, Bytes},
    providers::Provider,
    rpc::types::{TransactionReceipt, TransactionRequest},
    sol_types::SolCall,
};

use super::run::Run;
use crate::{
    client::{reason, revert_data, revert_reason},
    error::{Error, Result},
};

/// Local blocks come every 1 to 12 seconds; a call costs a millisecond.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

impl Run<'_> {
    /// Waits until no transaction of the deployer is pending.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let mut waiting = false;
        loop {
            let count = |pending: bool| {
                let call = self.chain.provider.get_transaction_count(self.deployer);
                async move {
                    if pending {
                        call.pending().await
                    } else {
                        call.await
                    }
                }
            };
            let (mined, sent) = tokio::try_join!(count(false), count(true))
                .map_err(|error| self.chain.failed("eth_getTransactionCount", &error))?;
            if sent <= mined {
                return Ok(());
            }
            if !waiting {
                waiting = true;
                (self.progress)(
                    "waiting for the deployer's pending transactions of an earlier run",
                );
            }
            self.pause("the deployer's pending transactions").await?;
        }
    }

    pub(super) async fn call<C: SolCall>(
        &mut self,
        step: &str,
        contract: Address,
        call: C,
    ) -> Result<TransactionReceipt> {
        let input = Bytes::from(call.abi_encode());
        self.send(
            step,
            TransactionRequest::default()
                .to(contract)
                .input(input.into()),
        )
        .await
    }

    /// Sends one transaction and waits for its receipt.
    pub(super) async fn send(
        &mut self,
        step: &str,
        request: TransactionRequest,
    ) -> Result<TransactionReceipt> {
        (self.progress)(step);
        let request = request.from(self.deployer);
        let refused = |error: alloy::transports::TransportError| match revert_data(&error) {
            Some(data) => Error::Reverted {
                step: step.to_owned(),
                reason: revert_reason(&data),
                transaction: None,
            },
            None => Error::Rpc {
                endpoint: self.chain.endpoint.clone(),
                call: format!("the transaction to {step}"),
                reason: reason(&error),
            },
        };
        let gas = self
            .chain
            .provider
            .estimate_gas(request.clone())
            .await
            .map_err(refused)?;
        // The estimate is for the state of now; a flush in the next epoch may do more.
        let request = request.gas_limit(gas.saturating_add(gas / 2));
        let pending = self
            .sender
            .send_transaction(request.clone())
            .await
            .map_err(refused)?;
        let hash = *pending.tx_hash();
        self.transactions.push(hash);

        let receipt = self.receipt(step, hash).await?;
        if receipt.status() {
            return Ok(receipt);
        }
        // A receipt does not say why; the same call most likely fails for the same reason.
        let reason = match self.chain.provider.call(request).await {
            Err(error) => reason(&error),
            Ok(_) => "no reason that still holds".to_owned(),
        };
        Err(Error::Reverted {
            step: step.to_owned(),
            reason,
            transaction: Some(hash),
        })
    }

    async fn receipt(&self, step: &str, hash: B256) -> Result<TransactionReceipt> {
        loop {
            let receipt = self
                .chain
                .provider
                .get_transaction_receipt(hash)
                .await
                .map_err(|error| self.chain.failed(format!("receipt of {hash}"), &error))?;
            if let Some(receipt) = receipt {
                return Ok(receipt);
            }
            self.pause(&format!("transaction {hash} ({step})")).await?;
        }
    }

    pub(super) async fn pause(&self, what: &str) -> Result<()> {
        if self.started.elapsed() >= self.deadline {
            return Err(Error::Deadline {
                what: what.to_owned(),
                seconds: self.deadline.as_secs(),
            });
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        Ok(())
    }
}
