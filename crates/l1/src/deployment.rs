//! The addresses that `aztec deploy-l1-contracts --json` prints.
//!
//! It prints one pretty-printed object. Each address in it is a string, or the text `Not deployed`. Log lines
//! go to standard error, but a captured terminal mixes them in, and some of them contain JSON too. For this reason
//! the last object with a `registryAddress` counts.

use alloy_primitives::Address;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The L1 contracts of a new deployment that a node needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The registry, the only address that a node is configured with.
    pub registry: Address,
    /// The rollup that is canonical after the deployment.
    pub rollup: Address,
    /// The token that validators stake.
    pub staking_asset: Option<Address>,
    /// The governance staking escrow.
    pub gse: Option<Address>,
    /// The fee token.
    pub fee_juice: Option<Address>,
    /// The portal that bridges the fee token.
    pub fee_juice_portal: Option<Address>,
    /// On test networks, the contract that mints the fee token to anyone.
    pub fee_asset_handler: Option<Address>,
    /// The governance contract.
    pub governance: Option<Address>,
    /// The contract that collects signals for governance proposals.
    pub governance_proposer: Option<Address>,
}

impl Deployment {
    /// Finds the addresses in the output of the command.
    ///
    /// # Errors
    ///
    /// If there is no object with a `registryAddress`, or if an address in it is not 20 bytes of
    /// hex or is zero.
    pub fn parse(output: &str) -> Result<Self> {
        let object =
            last_object_with(output, "registryAddress").ok_or_else(|| Error::Deployment {
                problem: "it has no JSON object with a registryAddress".to_owned(),
            })?;
        Ok(Self {
            registry: required(&object, "registryAddress")?,
            rollup: required(&object, "rollupAddress")?,
            staking_asset: optional(&object, "stakingAssetAddress")?,
            gse: optional(&object, "gseAddress")?,
            fee_juice: optional(&object, "feeJuiceAddress")?,
            fee_juice_portal: optional(&object, "feeJuicePortalAddress")?,
            fee_asset_handler: optional(&object, "feeAssetHandlerAddress")?,
            governance: optional(&object, "governanceAddress")?,
            governance_proposer: optional(&object, "governanceProposerAddress")?,
        })
    }
}

fn last_object_with(output: &str, key: &str) -> Option<Map<String, Value>> {
    let mut found = None;
    let mut from = 0;
    while let Some(offset) = output[from..].find('{') {
        let start = from + offset;
        let mut objects =
            serde_json::Deserializer::from_str(&output[start..]).into_iter::<Map<String, Value>>();
        match objects.next() {
            Some(Ok(object)) => {
                from = start + objects.byte_offset();
                if object.contains_key(key) {
                    found = Some(object);
                }
            }
            _ => from = start + 1,
        }
    }
    found
}

fn required(object: &Map<String, Value>, key: &str) -> Result<Address> {
    optional(object, key)?.ok_or_else(|| Error::Deployment {
        problem: format!("{key} is missing"),
    })
}

fn optional(object: &Map<String, Value>, key: &str) -> Result<Option<Address>> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text == "Not deployed" => Ok(None),
        Some(value) => {
            value
                .as_str()
                .and_then(address)
                .map(Some)
                .ok_or_else(|| Error::Deployment {
                    problem: format!("{key} is {value}, not an address"),
                })
        }
    }
}

fn address(text: &str) -> Option<Address> {
    // The library also accepts addresses without `0x`, which the tool never writes.
    let address: Address = text.starts_with("0x").then(|| text.parse().ok())??;
    (!address.is_zero()).then_some(address)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;

    const REAL: &str = include_str!("../tests/data/deploy-l1-contracts-4.1.2.json");

    fn expected() -> Deployment {
        Deployment {
            registry: address!("b7f8bc63bbcad18155201308c8f3540b07f84f5e"),
            rollup: address!("322813fd9a801c5507c9de605d63cea4f2ce6c44"),
            staking_asset: Some(address!("0165878a594ca255338adfa4d48449f69242eb8f")),
            gse: Some(address!("610178da211fef7d417bc0e6fed39f05609ad788")),
            fee_juice: Some(address!("a513e6e4b8f2a923d98304ec87f64353c4d5c853")),
            fee_juice_portal: Some(address!("cd30abb6f952619b2768d152667e69a320bbaa53")),
            fee_asset_handler: Some(address!("959922be3caee4b8cd9a407cc3ac1c251c2007b1")),
            governance: Some(address!("0dcd1bf9a1b36ce34237eeafef220932846bcd82")),
            governance_proposer: Some(address!("a51c1fc2f0d1a1b8494ed1fe312d7c3a78ed91c0")),
        }
    }

    #[test]
    fn the_output_of_release_4_1_2_parses() {
        assert_eq!(Deployment::parse(REAL).unwrap(), expected());
    }

    #[test]
    fn lines_around_the_object_are_skipped() {
        let early = r#"INFO config {"registryAddress":"0x1","slots":{"a":1}} and { "#;
        let output = format!("Initializing…\n{early}\n{REAL}\n{{\"rollupVersion\":1}} done {{\n");
        assert_eq!(Deployment::parse(&output).unwrap(), expected());
    }

    #[test]
    fn optional_contracts_may_be_missing() {
        let output = r#"{"registryAddress":"0xb7f8bc63bbcad18155201308c8f3540b07f84f5e",
            "rollupAddress":"0x322813fd9a801c5507c9de605d63cea4f2ce6c44","gseAddress":"Not deployed"}"#;
        let deployment = Deployment::parse(output).unwrap();
        assert_eq!((deployment.gse, deployment.staking_asset), (None, None));
    }

    #[test]
    fn anything_except_an_address_is_refused() {
        let cases = [
            ("", "it has no JSON object with a registryAddress"),
            ("deployed!", "it has no JSON object with a registryAddress"),
            (
                r#"{"rollupAddress":"0x322813fd9a801c5507c9de605d63cea4f2ce6c44"}"#,
                "it has no JSON object with a registryAddress",
            ),
            (
                r#"{"registryAddress":"0x00"}"#,
                r#"registryAddress is "0x00", not an address"#,
            ),
            (
                r#"{"registryAddress":7}"#,
                "registryAddress is 7, not an address",
            ),
            (
                r#"{"registryAddress":"Not deployed"}"#,
                "registryAddress is missing",
            ),
            (
                r#"{"registryAddress":"b7f8bc63bbcad18155201308c8f3540b07f84f5e"}"#,
                r#"registryAddress is "b7f8bc63bbcad18155201308c8f3540b07f84f5e", not an address"#,
            ),
            (
                r#"{"registryAddress":"0x0000000000000000000000000000000000000000"}"#,
                r#"registryAddress is "0x0000000000000000000000000000000000000000", not an address"#,
            ),
            (
                r#"{"registryAddress":"0xb7f8bc63bbcad18155201308c8f3540b07f84f5e"}"#,
                "rollupAddress is missing",
            ),
        ];
        for (output, expected) in cases {
            let error = Deployment::parse(output).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the output of deploy-l1-contracts is not usable: {expected}")
            );
        }
    }
}
