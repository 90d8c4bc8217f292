//! A local L1 (anvil) as Ethereum with a consensus layer would look to who reads blobs.
//!
//! anvil keeps the blobs of its blocks, over restarts too, but shows them by methods of its own: it has no
//! Beacon API, and the beacon root in each of its blocks is zero (seen with 1.4.4). The standalone archiver of
//! Aztec 4.1.2 knows no other way to its blobs (blob-client/dest/client/http.js).
//!
//! There is no consensus here, so what stands for it is taken from the blocks themselves: the slot of a block
//! is its number, and its root is its hash. The beacon root in a block is that of its parent, as in Ethereum.
//!
//! * [`view`] is that translation: pure.
//! * [`serve`] is the server: JSON-RPC (`POST /`) goes through to the L1, the Beacon API is answered from it.

mod l1;
mod server;
pub mod view;

pub use server::serve;
