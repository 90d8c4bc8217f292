//! Flags and commands of `keys`, and the parsers of their values.

use std::path::PathBuf;

use aztec::Component;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Subcommand};
use keys::WordCount;
use keys::keystore::{parse_address, parse_aztec_address, parse_signer};
use l1::{Address, B256};
use url::Url;

/// BIP-44 account of the attesters: `m/44'/60'/0'/0/i`.
pub const ATTESTERS: u32 = 0;
/// BIP-44 account of the publishers, so that a publisher can never be an attester: `m/44'/60'/1'/0/i`.
pub const PUBLISHERS: u32 = 1;

/// Flags of `keys`.
#[derive(Debug, ClapArgs)]
pub struct KeysArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Create keys from a new mnemonic, which is shown once and on the terminal only
    New(NewArgs),
    /// Import keys from a mnemonic, a keystore or key files
    Import(ImportArgs),
    /// List addresses and public keys; shows no secret
    List(ListArgs),
    /// Check keystore files, permissions and duplicates; changes nothing
    Check(CheckArgs),
    /// Write the file that registers attesters (public keys and proofs of possession)
    StakerOutput(StakerOutputArgs),
    /// Export an encrypted backup
    Export(ExportArgs),
}

impl KeysArgs {
    /// Whether the result is always JSON, as a file for other programs.
    pub fn is_for_machines(&self) -> bool {
        matches!(self.command, KeysCommand::StakerOutput(_))
    }
}

/// Flags of `keys new`.
#[derive(Debug, ClapArgs)]
pub struct NewArgs {
    /// Number of attesters
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: u32,
    /// Number of separate keys that pay for the attesters' transactions, shared by all of them
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    pub publishers: u32,
    /// Length of the mnemonic
    #[arg(long, value_name = "N", default_value = "24",
        value_parser = PossibleValuesParser::new(["12", "24"]).map(length))]
    pub words: WordCount,
    /// Write the mnemonic to this new file instead of showing it (outside the keystore directory)
    #[arg(long, value_name = "PATH")]
    pub mnemonic_file: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `keys import`.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("source").required(true)
    .args(["mnemonic_stdin", "from", "attester_key", "attester_address"]))]
pub struct ImportArgs {
    /// Read a mnemonic from standard input
    #[arg(long)]
    pub mnemonic_stdin: bool,
    /// Number of attesters of the mnemonic
    #[arg(long, value_name = "N", default_value_t = 1, requires = "mnemonic_stdin", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: u32,
    /// Number of publishers of the mnemonic, from an account that no attester uses
    #[arg(long, value_name = "N", default_value_t = 0, requires = "mnemonic_stdin", value_parser = clap::value_parser!(u32).range(..=100))]
    pub publishers: u32,
    /// Address index of the first attester
    #[arg(
        long,
        value_name = "I",
        default_value_t = 0,
        requires = "mnemonic_stdin"
    )]
    pub first_index: u32,
    /// Address index of the first publisher [default: the first attester's]
    #[arg(long, value_name = "I", requires = "publishers")]
    pub first_publisher: Option<u32>,
    /// BIP-44 account of the attesters
    #[arg(long, value_name = "A", default_value_t = ATTESTERS, requires = "mnemonic_stdin")]
    pub account_index: u32,
    /// Keystore to import, made by `aztec validator-keys` or `keys export`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["coinbase", "fee_recipient", "remote_signer"])]
    pub from: Option<PathBuf>,
    /// File with the attester's Ethereum key: hexadecimal or JSON V3
    #[arg(long, value_name = "FILE", conflicts_with = "remote_signer")]
    pub attester_key: Option<PathBuf>,
    /// Address of the attester, if the remote signer holds its key
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "remote_signer")]
    pub attester_address: Option<Address>,
    /// File with the attester's BLS key: hexadecimal, or encrypted by `keys export`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mnemonic_stdin", "from"])]
    pub bls_key: Option<PathBuf>,
    /// File with a publisher's Ethereum key; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mnemonic_stdin", "from"])]
    pub publisher_key: Vec<PathBuf>,
    /// Address of a publisher, if the remote signer holds its key; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "remote_signer", conflicts_with_all = ["mnemonic_stdin", "from"])]
    pub publisher_address: Vec<Address>,
    /// Read the password of encrypted files from standard input; a second line is the password of the BLS files, if
    /// it differs
    #[arg(long, conflicts_with = "mnemonic_stdin")]
    pub password_stdin: bool,
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `keys list`.
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    #[command(flatten)]
    pub source: Source,
}

/// Flags of `keys check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    #[command(flatten)]
    pub source: Source,
    /// Keys of another node: its directory, or the output of `keys list --json` there; may be repeated
    #[arg(long, value_name = "PATH")]
    pub other: Vec<PathBuf>,
}

/// Flags of `keys staker-output`.
#[derive(Debug, ClapArgs)]
pub struct StakerOutputArgs {
    #[command(flatten)]
    pub source: Source,
    /// Only this attester; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub attester: Vec<Address>,
    /// Ethereum execution endpoints, in order of preference; @FILE or - reads them [default: from kit.toml]
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        env = "L1_RPC_URLS",
        hide_env_values = true
    )]
    pub l1_rpc_urls: Vec<String>,
    /// Registry contract of the network [default: from kit.toml]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub registry: Option<Address>,
    /// Write to this new file instead of standard output (outside the keystore directory)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Flags of `keys export`.
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    #[command(flatten)]
    pub source: Source,
    /// New directory for the backup, or the one of an interrupted export (outside the keystore directory)
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    pub password_stdin: bool,
}

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
    #[arg(long, value_name = "DIR", default_value = keystore())]
    pub out: PathBuf,
    /// Name of the file without .json [default: key1, or the next free one]
    #[arg(long, value_parser = name)]
    pub name: Option<String>,
}

/// The place of existing keystores.
#[derive(Debug, ClapArgs)]
pub struct Source {
    /// Keystore directory
    #[arg(value_name = "DIR", default_value = keystore())]
    pub dir: PathBuf,
}

/// The keystore directory of the sequencer, which is the default of the flags.
fn keystore() -> Option<&'static str> {
    let keystores = Component::Sequencer.spec().keystores;
    keystores.map(|it| it.directory)
}

fn length(words: String) -> WordCount {
    if words == "12" {
        WordCount::Twelve
    } else {
        WordCount::TwentyFour
    }
}

/// An address with its prefix.
fn address(text: &str) -> Result<Address, String> {
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
