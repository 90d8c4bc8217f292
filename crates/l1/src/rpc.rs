//! Calls of any JSON-RPC method, for servers that are not Ethereum nodes but speak like one.

use std::borrow::Cow;
use std::time::Duration;

use alloy::providers::Provider;
use serde_json::Value;

use crate::{client::Connection, error::Result};

/// One JSON-RPC endpoint.
#[derive(Debug)]
pub struct Rpc {
    connection: Connection,
}

impl Rpc {
    /// Prepares a connection; the first call opens it. `timeout` bounds each call.
    ///
    /// # Errors
    ///
    /// If the URL is not `http` or `https`, or the CA store of the host cannot be read.
    pub fn connect(url: &str, timeout: Duration) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(url, timeout)?,
        })
    }

    /// Calls a method without parameters and returns its result.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub fn call(&self, method: &str) -> Result<Value> {
        let connection = &self.connection;
        connection.block_on(async {
            let name = Cow::Owned(method.to_owned());
            let answer = connection.provider.raw_request(name, Vec::<Value>::new());
            answer
                .await
                .map_err(|error| connection.failed(method, &error))
        })
    }
}
