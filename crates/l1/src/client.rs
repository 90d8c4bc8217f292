//! The connection to one JSON-RPC endpoint, and the methods of Ethereum that this crate calls.

use std::{future::Future, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_sol_types::{SolCall, SolEvent};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    answer::{self, Http},
    error::{Error, Result},
    failure::Failure,
    http::{
        self,
        endpoint::Endpoint,
        exchange::{Answer, Request, exchange},
    },
    limits::Limits,
    retry::{Patience, patiently},
};

/// The most calls in one request. Public endpoints accept a hundred and more.
const BATCH: usize = 100;

/// Bytes of an answer. The longest are blocks and contracts.
const LONGEST: usize = 4 << 20;

/// One JSON-RPC endpoint.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) endpoint: Endpoint,
    runtime: &'static Runtime,
    limits: Limits,
    patience: Patience,
}

/// The block that a call is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    Latest,
    Pending,
    Number(u64),
}

impl At {
    fn tag(self) -> Value {
        match self {
            Self::Latest => "latest".into(),
            Self::Pending => "pending".into(),
            Self::Number(number) => format!("{number:#x}").into(),
        }
    }
}

/// The fields of a block that this crate reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Block {
    pub number: U64,
    pub timestamp: U64,
    /// The hashes of its transactions.
    pub transactions: Vec<B256>,
    /// In wei. `None` before London.
    pub base_fee_per_gas: Option<U256>,
    /// `None` before Cancun.
    pub parent_beacon_block_root: Option<B256>,
    /// `None` before Cancun.
    pub blob_gas_used: Option<U64>,
}

impl Connection {
    /// Prepares a connection. The first call opens it. `timeout` bounds each call.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self> {
        let endpoint = Endpoint::new(url)?;
        Self::to(endpoint, Limits::each(timeout), Patience::None)
    }

    pub(crate) fn to(endpoint: Endpoint, limits: Limits, patience: Patience) -> Result<Self> {
        let runtime = http::runtime().map_err(|reason| endpoint.unusable(reason))?;
        endpoint.prepare()?;
        Ok(Self {
            endpoint,
            runtime,
            limits,
            patience,
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Makes later calls wait while a quota is used up, instead of failing at once. This is for callers that need every
    /// answer.
    pub(crate) fn be_patient(&mut self) {
        self.patience = Patience::Quota;
    }

    /// Calls a method. `null` is a result like any other.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, Failure> {
        self.call_up_to(method, params, LONGEST).await
    }

    /// Calls a method whose answer has at most `longest` bytes.
    pub(crate) async fn call_up_to<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
        longest: usize,
    ) -> Result<T, Failure> {
        let call = async || self.call_once(method, &params, longest).await;
        patiently(self.patience, self.limits, call).await
    }

    /// Calls a method, and never makes the call again.
    pub(crate) async fn call_once<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Value,
        longest: usize,
    ) -> Result<T, Failure> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = self.post(&request, longest).await?;
        let result = answer::result(http_of(&answer), &answer.body);
        let result = result.map_err(|failure| answer.or_moved(failure))?;
        match serde_json::from_str(result.get()) {
            Ok(result) => Ok(result),
            Err(_) if result.get() == "null" => Err(Failure::Null),
            Err(_) => Err(Failure::NotThatAnswer),
        }
    }

    async fn post(&self, request: &Value, longest: usize) -> Result<Answer, Failure> {
        let request = Request::post("", request.to_string());
        let limit = self.limits.next()?;
        exchange(&self.endpoint, &request, limit, longest).await
    }

    /// Calls a method with each of these parameters, in one request.
    async fn batch<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &[Value],
    ) -> Result<Vec<T>, Failure> {
        let requests = params.iter().enumerate().map(
            |(id, params)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}),
        );
        let answer = self.post(&requests.collect(), LONGEST).await?;
        let results = answer::results(http_of(&answer), &answer.body, params.len())?;
        let results = results.into_iter();
        let results = results.map(|result| serde_json::from_str(result.get()));
        results
            .collect::<Result<_, _>>()
            .map_err(|_| Failure::NotThatAnswer)
    }

    /// Calls a method with each of any number of parameters, in several requests. While a quota is used up, it waits and makes
    /// the requests smaller. A server that does not support batches gets single calls.
    async fn many<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &[Value],
    ) -> Result<Vec<T>, Failure> {
        let (mut answers, mut at_once, mut batches) = (Vec::new(), BATCH, true);
        let mut failed = 0;
        while let Some(left) = params.get(answers.len()..).filter(|left| !left.is_empty()) {
            let next = &left[..at_once.min(left.len())];
            let answer = match next {
                [one] => self.call(method, one.clone()).await.map(|one| vec![one]),
                several => self.batch(method, several).await,
            };
            match answer {
                Ok(some) => {
                    answers.extend(some);
                    failed = 0;
                    if batches {
                        at_once = (2 * at_once).min(BATCH);
                    }
                }
                Err(failure) if failure.is_limit() => {
                    failed += 1;
                    let Some(wait) = Patience::Quota.wait(failed, &failure) else {
                        return Err(failure);
                    };
                    // Each call of a batch counts towards the quota.
                    at_once = (at_once / 2).max(1);
                    tokio::time::sleep(wait).await;
                }
                Err(failure) if next.len() == 1 => return Err(failure),
                // Some servers answer a batch with an error, others close the connection.
                Err(_) => (at_once, batches) = (1, false),
            }
        }
        Ok(answers)
    }

    /// Calls a method, and turns a failure into an error of this crate.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
        what: impl FnOnce() -> String,
    ) -> Result<T> {
        let answer = self.call(method, params).await;
        answer.map_err(|failure| self.failed(what(), &failure))
    }

    pub(crate) async fn chain_id(&self) -> Result<u64> {
        const METHOD: &str = "eth_chainId";
        let id: U64 = self.ask(METHOD, json!([]), || METHOD.into()).await?;
        Ok(id.to())
    }

    pub(crate) async fn block_number(&self) -> Result<u64> {
        const METHOD: &str = "eth_blockNumber";
        let number: U64 = self.ask(METHOD, json!([]), || METHOD.into()).await?;
        Ok(number.to())
    }

    /// A block with the hashes of its transactions, `None` if the node does not have it.
    pub(crate) async fn block(&self, at: At) -> Result<Option<Block>, Failure> {
        self.call("eth_getBlockByNumber", json!([at.tag(), false]))
            .await
    }

    pub(crate) async fn head(&self) -> Result<Block> {
        const CALL: &str = "eth_getBlockByNumber(latest)";
        let block = self.block(At::Latest).await;
        let block = block.map_err(|failure| self.failed(CALL, &failure))?;
        block.ok_or_else(|| self.failed(CALL, &Failure::Null))
    }

    pub(crate) async fn code(&self, address: Address) -> Result<Bytes> {
        let what = || format!("eth_getCode of {address}");
        self.ask("eth_getCode", json!([address, "latest"]), what)
            .await
    }

    pub(crate) async fn balance(&self, account: Address) -> Result<U256> {
        let what = || format!("eth_getBalance of {account}");
        self.ask("eth_getBalance", json!([account, "latest"]), what)
            .await
    }

    pub(crate) async fn storage(&self, contract: Address, slot: U256) -> Result<B256> {
        let what = || format!("eth_getStorageAt of {contract}");
        // Some clients leave out leading zeros.
        let word: U256 = self
            .ask("eth_getStorageAt", json!([contract, slot, "latest"]), what)
            .await?;
        Ok(word.into())
    }

    /// The number of transactions that an account has sent, as of a block.
    pub(crate) async fn nonce(&self, account: Address, at: At) -> Result<u64> {
        const METHOD: &str = "eth_getTransactionCount";
        let answer = self.ask(METHOD, json!([account, at.tag()]), || METHOD.into());
        let count: U64 = answer.await?;
        Ok(count.to())
    }

    /// Calls a view function.
    pub(crate) async fn view<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return> {
        let answer = self.call("eth_call", eth_call(contract, &call)).await;
        let answer = answer.map_err(|failure| self.failed(name::<C>(contract), &failure))?;
        self.decoded::<C>(contract, &answer)
    }

    /// Calls a view function with each of these arguments.
    pub(crate) async fn views<C: SolCall>(
        &self,
        contract: Address,
        calls: &[C],
    ) -> Result<Vec<C::Return>> {
        let params: Vec<_> = calls.iter().map(|call| eth_call(contract, call)).collect();
        let answers = self.many("eth_call", &params).await;
        let answers = answers.map_err(|failure| self.failed(name::<C>(contract), &failure))?;
        let decoded = |answer: &Bytes| self.decoded::<C>(contract, answer);
        answers.iter().map(decoded).collect()
    }

    fn decoded<C: SolCall>(&self, contract: Address, answer: &Bytes) -> Result<C::Return> {
        returned::<C>(answer).ok_or_else(|| Error::NotThatContract {
            endpoint: self.endpoint.shown.clone(),
            call: name::<C>(contract),
            length: answer.len(),
        })
    }

    pub(crate) fn failed(&self, call: impl Into<String>, failure: &Failure) -> Error {
        self.endpoint.failed(call, failure)
    }
}

fn http_of(answer: &Answer) -> Http {
    Http {
        status: answer.status,
        retry_after: answer.retry_after(),
    }
}

fn eth_call<C: SolCall>(contract: Address, call: &C) -> Value {
    json!([{"to": contract, "data": Bytes::from(call.abi_encode())}, "latest"])
}

fn name<C: SolCall>(contract: Address) -> String {
    format!("{} of {contract}", C::SIGNATURE)
}

/// The return value of a view function, `None` if the bytes do not decode as one.
pub(crate) fn returned<C: SolCall>(answer: &[u8]) -> Option<C::Return> {
    C::abi_decode_returns_validate(answer).ok()
}

/// The event in a log of a contract, `None` if it is another event.
pub(crate) fn logged<E: SolEvent>(topics: &[B256], data: &[u8]) -> Option<E> {
    E::decode_raw_log_validate(topics.iter().copied(), data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::{Registry, Rollup};

    /// The status 257 is not the status 1, and no address has more than 20 bytes.
    #[test]
    fn a_word_that_is_too_large_for_its_type_does_not_decode() {
        let word = |number: U256| number.to_be_bytes::<32>();
        let status = |number: u64| returned::<Rollup::getStatusCall>(&word(U256::from(number)));
        assert_eq!(status(1), Some(1));
        assert_eq!(status(255), Some(255));
        assert_eq!(status(257), None);
        let rollup = |number: U256| returned::<Registry::getCanonicalRollupCall>(&word(number));
        assert_eq!(rollup(U256::from(1)), Some(Address::with_last_byte(1)));
        assert_eq!(rollup((U256::from(1) << 160) + U256::from(1)), None);
        assert_eq!(returned::<Rollup::getStatusCall>(&[]), None);
    }

    #[test]
    fn the_error_of_a_refused_connection_has_no_url() {
        let connection = Connection::new("http://127.0.0.1:9/KEY", Duration::from_secs(2)).unwrap();
        let error = connection.block_on(connection.chain_id()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "eth_chainId on http://127.0.0.1:9 failed: Connection refused (os error 111)"
        );
    }
}
