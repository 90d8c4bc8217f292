//! The keystores of components: their directories, and the key that a local network creates there.

use crate::layout;

/// The facts about the keystores of a component.
#[derive(Debug)]
pub struct KeystoreSpec {
    /// Their directory.
    pub directory: &'static str,
    /// The keystore that aztec-kit creates on a local network.
    pub local_key: &'static str,
    /// The action if the directory does not exist on a live network, as a sentence without its period.
    pub advice: &'static str,
}

/// The keystores of a sequencer.
pub(super) static VALIDATORS: KeystoreSpec = KeystoreSpec {
    directory: layout::KEYSTORE,
    local_key: layout::VALIDATOR_KEY,
    advice: "Create keys with `aztec-kit keys new`, or import yours with `aztec-kit keys import`.",
};

/// The keystores of a prover node.
pub(super) static PROVER: KeystoreSpec = KeystoreSpec {
    directory: layout::PROVER_KEYSTORE,
    local_key: layout::PROVER_KEY,
    advice: "Put a keystore there with the key that pays for the proofs (directory 0700, file 0600, both owned by root).",
};
