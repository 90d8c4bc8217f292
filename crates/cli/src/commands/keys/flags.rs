//! Flags that several verbs of `keys` share, and the parsers of their values.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use keys::keystore::{parse_address, parse_aztec_address, parse_signer};
use l1::{Address, B256};
use url::Url;

/// The keystore directory of the services, and the default of the flags.
pub const KEYSTORE: &str = "/etc/aztec/keystore";
/// The keystore of a prover node.
pub const PROVER_KEYSTORE: &str = "/etc/aztec/keystore-prover";
/// BIP-44 account of the attesters: `m/44'/60'/0'/0/i`.
pub const ATTESTERS: u32 = 0;
/// BIP-44 account of the publishers, so that a publisher can never be an attester: `m/44'/60'/1'/0/i`.
pub const PUBLISHERS: u32 = 1;

/// Content and place of the new keystore.
#[derive(Debug, ClapArgs)]
pub struct Target {
    /// Address that receives the L1 rewards [default: the attester]
    #[arg(long, value_name = "ADDRESS", value_parser = coinbase)]
    pub coinbase: Option<Address>,
    /// Address that receives the L2 fees; not used by the protocol yet [default: zero]
    #[arg(long, value_name = "ADDRESS", value_parser = fee_recipient)]
    pub fee_recipient: Option<B256>,
    /// Web3signer that holds the Ethereum keys; the keystore then has addresses only
    #[arg(long, value_name = "URL", value_parser = signer)]
    pub remote_signer: Option<Url>,
    /// Keystore directory
    #[arg(long, value_name = "DIR", default_value = KEYSTORE)]
    pub out: PathBuf,
    /// Name of the file without .json [default: key1, or the next free one]
    #[arg(long, value_parser = name)]
    pub name: Option<String>,
}

/// The place of existing keystores.
#[derive(Debug, ClapArgs)]
pub struct Source {
    /// Keystore directory
    #[arg(value_name = "DIR", default_value = KEYSTORE)]
    pub dir: PathBuf,
}

impl Source {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }
}

/// An address with its prefix.
pub fn address(text: &str) -> Result<Address, String> {
    if !text.starts_with("0x") {
        return Err("does not begin with 0x".into());
    }
    parse_address(text).map_err(str::to_owned)
}

fn coinbase(text: &str) -> Result<Address, String> {
    match address(text)? {
        Address::ZERO => Err("is zero: nobody would get the rewards".into()),
        address => Ok(address),
    }
}

fn fee_recipient(text: &str) -> Result<B256, String> {
    if !text.starts_with("0x") {
        return Err("does not begin with 0x".into());
    }
    parse_aztec_address(text).map_err(str::to_owned)
}

fn signer(text: &str) -> Result<Url, String> {
    let url = parse_signer(text).map_err(str::to_owned)?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err("contains a password, which everybody on this host could read".into())
    }
}

fn name(text: &str) -> Result<String, String> {
    let end = text.len().saturating_sub(".json".len());
    let name = match text.get(end..) {
        Some(ending) if ending.eq_ignore_ascii_case(".json") => &text[..end],
        _ => text,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.bytes().all(plain)
    {
        Ok(name.to_owned())
    } else {
        Err("is not 1 to 64 letters, digits, dots, dashes and underscores".into())
    }
}
