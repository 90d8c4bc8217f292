//! One run: it sends transactions and waits for their receipts.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_sol_types::SolCall;
use keys::EthKey;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{request::LOCAL_CHAIN_ID, transaction::Transaction};
use crate::{
    client::{At, Connection},
    error::{Error, Result},
    failure::Failure,
    revert::revert_reason,
};

/// Local blocks come every 1 to 12 seconds, and a call takes a millisecond.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The tip for the block producer, in wei. Nobody bids for a local block.
const TIP: u128 = 1_000_000_000;

/// The fields of a receipt that this crate reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub transaction_hash: B256,
    status: U64,
    pub logs: Vec<Log>,
}

/// A log of a contract.
#[derive(Debug, Deserialize)]
pub(super) struct Log {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
}

/// One run of the steps, with the means that all of them use.
pub(super) struct Run<'a> {
    pub(super) chain: &'a Connection,
    pub(super) deployer: &'a EthKey,
    pub(super) progress: &'a mut dyn FnMut(&str),
    started: Instant,
    deadline: Duration,
    pub(super) transactions: Vec<B256>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        chain: &'a Connection,
        deployer: &'a EthKey,
        deadline: Duration,
        progress: &'a mut dyn FnMut(&str),
    ) -> Self {
        Self {
            chain,
            deployer,
            progress,
            started: Instant::now(),
            deadline,
            transactions: Vec::new(),
        }
    }

    /// Waits until no transaction of the deployer is pending.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let mut waiting = false;
        loop {
            let count = |at| self.chain.nonce(self.deployer.address(), at);
            let (mined, sent) = tokio::try_join!(count(At::Latest), count(At::Pending))?;
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
    ) -> Result<Receipt> {
        self.send(step, contract, U256::ZERO, call.abi_encode().into())
            .await
    }

    /// Sends one transaction and waits for its receipt.
    pub(super) async fn send(
        &mut self,
        step: &str,
        to: Address,
        value: U256,
        input: Bytes,
    ) -> Result<Receipt> {
        (self.progress)(step);
        let refused = |failure: Failure| match failure.revert_data() {
            Some(data) => Error::Reverted {
                step: step.to_owned(),
                reason: revert_reason(&data),
                transaction: None,
            },
            None => self
                .chain
                .failed(format!("the transaction to {step}"), &failure),
        };
        let call =
            json!({"from": self.deployer.address(), "to": to, "value": value, "data": input});
        let gas: Result<U64, _> = self.chain.call("eth_estimateGas", json!([call])).await;
        let gas: u64 = gas.map_err(refused)?.to();
        // The nonce is read from the chain each time. A cached one would be wrong after any failure.
        let nonce = self
            .chain
            .nonce(self.deployer.address(), At::Pending)
            .await?;
        let base_fee = self.chain.head().await?.base_fee_per_gas;
        let base_fee: u128 = base_fee.unwrap_or_default().saturating_to();
        let transaction = Transaction {
            // The id is fixed, so that the signed transaction is invalid on every public chain.
            chain_id: LOCAL_CHAIN_ID,
            nonce,
            // The estimate is for the current state, and a flush in the next epoch may do more.
            gas_limit: gas.saturating_add(gas / 2),
            // Six blocks full of other transactions double the base fee.
            max_fee_per_gas: base_fee.saturating_mul(2).saturating_add(TIP),
            max_priority_fee_per_gas: TIP,
            to,
            value,
            input,
        };
        let signature = self.deployer.sign(&transaction.hash());
        let raw = transaction.signed(&signature);
        let sent = self.chain.call("eth_sendRawTransaction", json!([raw]));
        let hash: B256 = sent.await.map_err(refused)?;
        self.transactions.push(hash);

        let receipt = self.receipt(step, hash).await?;
        if !receipt.status.is_zero() {
            return Ok(receipt);
        }
        // A receipt does not say why. The same call most likely fails for the same reason.
        let again = self
            .chain
            .call::<Value>("eth_call", json!([call, "latest"]));
        let reason = match again.await {
            Err(failure) => failure.reason(&self.chain.endpoint.secrets),
            Ok(_) => "an unknown reason: the same call succeeds now".to_owned(),
        };
        Err(Error::Reverted {
            step: step.to_owned(),
            reason,
            transaction: Some(hash),
        })
    }

    async fn receipt(&self, step: &str, hash: B256) -> Result<Receipt> {
        loop {
            let receipt = self.chain.call("eth_getTransactionReceipt", json!([hash]));
            let receipt: Option<Receipt> = receipt
                .await
                .map_err(|failure| self.chain.failed(format!("receipt of {hash}"), &failure))?;
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
