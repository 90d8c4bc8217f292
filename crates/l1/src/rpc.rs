//! Calls of any JSON-RPC method, for servers that are not Ethereum nodes but use the same protocol.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{client::Connection, error::Result};

/// One JSON-RPC endpoint.
#[derive(Debug)]
pub struct Rpc {
    connection: Connection,
}

impl Rpc {
    /// Prepares a connection. The first call opens it. `timeout` bounds each call.
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
        let answer = connection.block_on(connection.call(method, json!([])));
        answer.map_err(|failure| connection.failed(method, &failure))
    }
}
