//! Presents a local L1 (anvil) to readers of blobs as Ethereum with a consensus layer.
//!
//! anvil keeps the blobs of its blocks, even after a restart, but serves them by its own methods: it has no
//! Beacon API, and the beacon root in each of its blocks is zero (seen with 1.4.4). The standalone archiver of
//! Aztec 4.1.2 has no other way to get blobs (blob-client/dest/client/http.js).
//!
//! There is no consensus here, so the blocks themselves provide its values: the slot of a block is its number,
//! and its root is its hash. The beacon root in a block is that of its parent, as in Ethereum.
//!
//! * [`view`] is that translation. It is pure.
//! * [`serve`] is the server. It passes JSON-RPC (`POST /`) on to the L1, and answers the Beacon API from it.

mod l1;
mod server;
pub mod view;

pub use server::serve;
