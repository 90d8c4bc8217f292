//! The layer 1 side of an Aztec node: reads of the rollup contracts, and staking on a local network.
//!
//! * [`reader`] reads a chain through one JSON-RPC endpoint.
//! * [`mod@observe`] asks several endpoints everything that is worth knowing, at once.
//! * [`http_probe`] asks a server of any kind over HTTP.
//! * [`staking`] registers a validator on a *local* network, in steps that can be repeated.
//! * [`deployment`] reads what `aztec deploy-l1-contracts --json` prints.
//!
//! Every function blocks. The HTTP library needs an asynchronous runtime. The process has one, and this crate hides it. Do
//! not call these functions from inside another runtime.

mod answer;
mod beacon;
mod bindings;
mod cause;
mod client;
pub mod deployment;
mod error;
mod failure;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod http;
pub mod http_probe;
mod limits;
pub mod observe;
pub mod reader;
mod retry;
mod revert;
mod rollup;
pub mod rpc;
mod secrets;
pub mod staking;

pub use alloy_primitives::{Address, B256, U256};
pub use cause::Cause;
pub use deployment::Deployment;
pub use error::{Error, Result};
pub use http::init_tls;
pub use observe::observe;
pub use observe::traces::Traces;
pub use reader::Reader;
pub use staking::Staker;
