//! The bytes of secrets, which are wiped on drop.

use zeroize::Zeroizing;

/// The 32 bytes of a private key of either curve, big-endian, wiped on drop.
pub type KeyBytes = Zeroizing<[u8; 32]>;

/// A BIP-39 seed, wiped on drop.
pub(crate) type Seed = Zeroizing<[u8; 64]>;
