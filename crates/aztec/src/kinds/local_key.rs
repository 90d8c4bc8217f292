//! The keys of a local network. Each is created once, in the keystore format that the node loads.

use keys::keystore::{self, Validator};
use keys::{Mnemonic, WordCount, derive_attester, derive_publisher, generate_mnemonic};
use l1::B256;
use provision::Fault;
use provision::kinds::Maker;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fault::fault;

/// The owner of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// An attester: an Ethereum key and a BLS key.
    Validator,
    /// The publisher of proofs: an Ethereum key.
    Prover,
}

/// Creates a keystore with one fresh key.
///
/// Its mnemonic is dropped: a local network has no value, and a mnemonic that was never written cannot leak.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LocalKey {
    /// The owner of the key.
    pub role: KeyRole,
}

impl LocalKey {
    fn keystore(&self, mnemonic: &Mnemonic) -> keys::Result<Zeroizing<Vec<u8>>> {
        Ok(match self.role {
            KeyRole::Prover => keystore::render_prover(&derive_publisher(mnemonic, 0, 0)?),
            KeyRole::Validator => keystore::render(&[Validator {
                attester: &derive_attester(mnemonic, 0, 0)?,
                publishers: &[],
                coinbase: None,
                fee_recipient: B256::ZERO,
            }]),
        })
    }
}

impl Maker for LocalKey {
    fn kind(&self) -> &'static str {
        match self.role {
            KeyRole::Validator => "validator-key",
            KeyRole::Prover => "prover-key",
        }
    }

    fn make(&self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        generate_mnemonic(WordCount::TwentyFour)
            .and_then(|mnemonic| self.keystore(&mnemonic))
            .map_err(|error| fault("failed to create a key", error))
    }
}

#[cfg(test)]
mod tests {
    use provision::kinds::{Owner, Secret};

    use super::*;
    use crate::kinds::Kind;

    #[test]
    fn a_record_of_an_earlier_version_is_the_same_resource() {
        let key = Secret {
            path: "/etc/aztec/keystore/validator.json".into(),
            owner: Owner::root(0o600),
            maker: LocalKey {
                role: KeyRole::Validator,
            },
        };
        let journaled = serde_json::json!({"local_key": {
            "role": "validator",
            "path": "/etc/aztec/keystore/validator.json",
            "owner": {"user": "root", "group": "root", "mode": 0o600},
        }});
        assert_eq!(serde_json::to_value(Kind::from(key)).unwrap(), journaled);
        assert!(serde_json::from_value::<Kind>(journaled).is_ok());
    }
}
