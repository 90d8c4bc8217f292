//! The consensus side of Ethereum: the few calls of the Beacon API that show whether an endpoint is usable.

use serde_json::Value;

use crate::{
    answer,
    error::{Error, Result},
    failure::{Failure, Status},
    http::{
        endpoint::Endpoint,
        exchange::{Opened, Request, exchange, open},
    },
    limits::Limits,
    retry::{Patience, patiently},
};

/// Bytes of an answer. The longest is the configuration of the chain, with some 20 KiB.
const LONGEST: usize = 64 << 10;

/// One consensus endpoint.
#[derive(Debug)]
pub(crate) struct Api {
    pub endpoint: Endpoint,
    pub limits: Limits,
    pub patience: Patience,
}

/// The sync status of an endpoint: `getSyncingStatus` of the Beacon API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync {
    /// The newest slot that it has.
    pub head_slot: u64,
    /// The number of slots between that and now.
    pub distance: u64,
    /// Whether it is still syncing. `None` if the answer does not say so, or says something else than a boolean.
    pub syncing: Option<bool>,
    /// Whether its head was not verified by an execution client.
    pub optimistic: Option<bool>,
    /// Whether its execution client does not answer. Older releases do not say so (Lodestar 1.5.1).
    pub execution_offline: Option<bool>,
}

/// The paths of the calls.
pub(crate) const CHAIN: &str = "eth/v1/config/deposit_contract";
pub(crate) const SYNC: &str = "eth/v1/node/syncing";
pub(crate) const VERSION: &str = "eth/v1/node/version";
pub(crate) const IDENTITY: &str = "eth/v1/node/identity";
pub(crate) const GENESIS: &str = "eth/v1/beacon/genesis";
pub(crate) const SPEC: &str = "eth/v1/config/spec";
pub(crate) const HEADERS: &str = "eth/v1/beacon/headers";

impl Api {
    pub(crate) async fn chain_id(&self) -> Result<u64, Failure> {
        let answer = self.get(CHAIN).await?;
        number(&answer, "chain_id").ok_or(Failure::NotThatAnswer)
    }

    pub(crate) async fn sync(&self) -> Result<Sync, Failure> {
        let (status, answer) = self.read(SYNC).await?;
        let mut sync = sync(&answer).ok_or(Failure::NotThatAnswer)?;
        // "Node is syncing but can serve incomplete data", as `getHealth` of the Beacon API.
        if status == 206 {
            sync.syncing = Some(true);
        }
        Ok(sync)
    }

    /// Gets a path and reads the answer, which is JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.read(path).await.map(|(_, answer)| answer)
    }

    /// Gets a path and reads the status and the answer.
    async fn read(&self, path: &str) -> Result<(u16, Value), Failure> {
        let call = async || self.read_once(path).await;
        patiently(self.patience, self.limits, call).await
    }

    async fn read_once(&self, path: &str) -> Result<(u16, Value), Failure> {
        let limit = self.limits.next()?;
        let answer = exchange(&self.endpoint, &Request::get(path), limit, LONGEST).await?;
        let failure = match answer.status {
            200..300 => match serde_json::from_slice(&answer.body) {
                Ok(value) => return Ok((answer.status, value)),
                Err(_) if answer::is_page(&answer.body) => Failure::Page,
                Err(_) => Failure::NotThatAnswer,
            },
            code => Failure::Status(Status {
                code,
                retry_after: answer.retry_after(),
                message: answer::words(&answer.body),
            }),
        };
        Err(answer.or_moved(failure))
    }

    /// Gets a path whose answer is too long to be kept.
    pub(crate) async fn open(&self, path: &str) -> Result<Opened, Failure> {
        open(&self.endpoint, &Request::get(path), self.limits.next()?).await
    }

    pub(crate) fn failed(&self, call: &str, failure: &Failure) -> Error {
        self.endpoint.failed(call, failure)
    }
}

/// Reads a sync status, `None` if the answer has none.
pub(crate) fn sync(answer: &Value) -> Option<Sync> {
    let flag = |name: &str| answer["data"][name].as_bool();
    Some(Sync {
        head_slot: number(answer, "head_slot")?,
        distance: number(answer, "sync_distance")?,
        syncing: flag("is_syncing"),
        optimistic: flag("is_optimistic"),
        execution_offline: flag("el_offline"),
    })
}

/// Reads a number in an answer of the Beacon API, which writes it as a string.
pub(crate) fn number(answer: &Value, name: &str) -> Option<u64> {
    let text = answer["data"][name].as_str()?;
    // Only digits are valid. A sign is not part of the format.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_digits_only() {
        let read = |text: &str| number(&serde_json::json!({"data": {"n": text}}), "n");
        assert_eq!(read("5"), Some(5));
        for other in ["+5", "-5", "", " 5", "0x5"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
