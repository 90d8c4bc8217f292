//! The connection to one JSON-RPC endpoint, and the methods of Ethereum that this crate asks.

use std::{future::Future, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_sol_types::{SolCall, SolEvent};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

use crate::{
    answer::{self, Failure},
    error::{Error, Result},
    http::{self, LONGEST},
};

/// One JSON-RPC endpoint.
#[derive(Debug)]
pub(crate) struct Connection {
    http: reqwest::Client,
    url: Url,
    /// Scheme, host and port: all of the URL that may be shown.
    pub(crate) endpoint: String,
    runtime: &'static Runtime,
}

/// Which block a question is about.
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

/// What is read of a block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Block {
    pub number: U64,
    pub timestamp: U64,
    /// Hashes.
    pub transactions: Vec<B256>,
    /// Wei; `None` before London.
    pub base_fee_per_gas: Option<U256>,
}

impl Connection {
    /// Prepares a connection; the first call opens it. `timeout` bounds each call.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self> {
        let url = http::parse(url)?;
        let endpoint = http::shown(&url);
        let refused = |reason: String| Error::Client {
            endpoint: endpoint.clone(),
            reason,
        };
        let http = http::http_client(&url, timeout).map_err(refused)?;
        let runtime = http::runtime().map_err(refused)?;
        Ok(Self {
            http,
            url,
            endpoint,
            runtime,
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Calls a method. `null` is a result like any other.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, Failure> {
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(asked.to_string());
        let answer = request.send().await.map_err(Failure::Http)?;
        let status = answer.status().as_u16();
        let body = http::body(answer, LONGEST).await;
        let body = body.map_err(Failure::Http)?.map_err(Failure::TooLong)?;
        let result = answer::result(status, &body)?;
        serde_json::from_value(result).map_err(|_| Failure::NotThatAnswer)
    }

    /// The same, where a failure is to be told as it is.
    async fn asked<T: DeserializeOwned>(
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
        let id: U64 = self.asked(METHOD, json!([]), || METHOD.into()).await?;
        Ok(id.to())
    }

    pub(crate) async fn block_number(&self) -> Result<u64> {
        const METHOD: &str = "eth_blockNumber";
        let number: U64 = self.asked(METHOD, json!([]), || METHOD.into()).await?;
        Ok(number.to())
    }

    /// A block with the hashes of its transactions, `None` if the node has none such.
    pub(crate) async fn block(&self, at: At) -> Result<Option<Block>, Failure> {
        self.call("eth_getBlockByNumber", json!([at.tag(), false]))
            .await
    }

    pub(crate) async fn head(&self) -> Result<Block> {
        const CALL: &str = "eth_getBlockByNumber(latest)";
        let block = self.block(At::Latest).await;
        let block = block.map_err(|failure| self.failed(CALL, &failure))?;
        block.ok_or_else(|| Error::Rpc {
            endpoint: self.endpoint.clone(),
            call: CALL.to_owned(),
            reason: "the node has no block".to_owned(),
        })
    }

    pub(crate) async fn code(&self, address: Address) -> Result<Bytes> {
        let what = || format!("eth_getCode of {address}");
        self.asked("eth_getCode", json!([address, "latest"]), what)
            .await
    }

    pub(crate) async fn balance(&self, account: Address) -> Result<U256> {
        let what = || format!("eth_getBalance of {account}");
        self.asked("eth_getBalance", json!([account, "latest"]), what)
            .await
    }

    pub(crate) async fn storage(&self, contract: Address, slot: U256) -> Result<B256> {
        let what = || format!("eth_getStorageAt of {contract}");
        // Some clients leave out the zeros in front.
        let word: U256 = self
            .asked("eth_getStorageAt", json!([contract, slot, "latest"]), what)
            .await?;
        Ok(word.into())
    }

    /// How many transactions an account has sent, as of a block.
    pub(crate) async fn nonce(&self, account: Address, at: At) -> Result<u64> {
        const METHOD: &str = "eth_getTransactionCount";
        let asked = self.asked(METHOD, json!([account, at.tag()]), || METHOD.into());
        let count: U64 = asked.await?;
        Ok(count.to())
    }

    /// Calls a view function.
    pub(crate) async fn view<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return> {
        let name = || format!("{} of {contract}", C::SIGNATURE);
        let request = json!({"to": contract, "data": Bytes::from(call.abi_encode())});
        let answer: Bytes = self
            .asked("eth_call", json!([request, "latest"]), name)
            .await?;
        returned::<C>(&answer).ok_or_else(|| Error::NotThatContract {
            endpoint: self.endpoint.clone(),
            call: name(),
            length: answer.len(),
        })
    }

    pub(crate) fn failed(&self, call: impl Into<String>, failure: &Failure) -> Error {
        Error::Rpc {
            endpoint: self.endpoint.clone(),
            call: call.into(),
            reason: failure.reason(),
        }
    }
}

/// What a view function answered; nothing when it is not of that function.
pub(crate) fn returned<C: SolCall>(answer: &[u8]) -> Option<C::Return> {
    C::abi_decode_returns_validate(answer).ok()
}

/// What a contract logged; nothing when it is another event.
pub(crate) fn logged<E: SolEvent>(topics: &[B256], data: &[u8]) -> Option<E> {
    E::decode_raw_log_validate(topics.iter().copied(), data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::{Registry, Rollup};

    /// A status of 257 is not the status 1, and no address has more than 20 bytes.
    #[test]
    fn a_word_with_more_in_it_than_its_type_has_is_no_answer() {
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
    fn a_refused_connection_says_so_without_the_url() {
        let connection = Connection::new("http://127.0.0.1:9/KEY", Duration::from_secs(2)).unwrap();
        let error = connection.block_on(connection.chain_id()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "eth_chainId on http://127.0.0.1:9 failed: Connection refused (os error 111)"
        );
    }
}
