//! `aztec-kit keys import`

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use l1::Address;
use l1::keys::encrypted::{Format, format, open_bls, open_eth};
use l1::keys::keystore::{Bls, Document, NewEntry, Signer, render_entries};
use l1::keys::{BlsKey, EthKey, Mnemonic, raw_key};
use provision::Fault;
use zeroize::Zeroizing;

use super::flags::{ATTESTERS, PUBLISHERS, Target, address};
use super::new::{Range, admitted, keystore};
use super::place::{Place, new_files, refused, secret_file};
use super::{ask, list};
use crate::console::Console;
use crate::context::{Context, View};
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Flags of `keys import`.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("source").required(true)
    .args(["mnemonic_stdin", "from", "attester_key", "attester_address"]))]
pub struct ImportArgs {
    /// Read a mnemonic from standard input
    #[arg(long)]
    mnemonic_stdin: bool,
    /// How many attesters of the mnemonic
    #[arg(long, value_name = "N", default_value_t = 1, requires = "mnemonic_stdin", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// How many publishers of the mnemonic, of an account that no attester comes from
    #[arg(long, value_name = "N", default_value_t = 0, requires = "mnemonic_stdin", value_parser = clap::value_parser!(u32).range(..=100))]
    publishers: u32,
    /// Address index of the first attester
    #[arg(
        long,
        value_name = "I",
        default_value_t = 0,
        requires = "mnemonic_stdin"
    )]
    first_index: u32,
    /// Address index of the first publisher [default: that of the first attester]
    #[arg(long, value_name = "I", requires = "publishers")]
    first_publisher: Option<u32>,
    /// BIP-44 account of the attesters
    #[arg(long, value_name = "A", default_value_t = ATTESTERS, requires = "mnemonic_stdin")]
    account_index: u32,
    /// A keystore to take over: of `aztec validator-keys` or of `keys export`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["coinbase", "fee_recipient", "remote_signer"])]
    from: Option<PathBuf>,
    /// A file with the attester's Ethereum key: hexadecimal or JSON V3
    #[arg(long, value_name = "FILE", conflicts_with = "remote_signer")]
    attester_key: Option<PathBuf>,
    /// The attester's address, when the remote signer has its key
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "remote_signer")]
    attester_address: Option<Address>,
    /// A file with the attester's BLS key: hexadecimal or as `keys export` encrypts it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mnemonic_stdin", "from"])]
    bls_key: Option<PathBuf>,
    /// A file with a publisher's Ethereum key; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mnemonic_stdin", "from"])]
    publisher_key: Vec<PathBuf>,
    /// A publisher's address, when the remote signer has its key; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "remote_signer", conflicts_with_all = ["mnemonic_stdin", "from"])]
    publisher_address: Vec<Address>,
    /// Read the password of encrypted files from standard input
    #[arg(long, conflicts_with = "mnemonic_stdin")]
    password_stdin: bool,
    #[command(flatten)]
    pub target: Target,
}

/// Brings keys in.
pub fn run(args: &ImportArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let (target, view) = (&args.target, &cx.view);
    let place = Place::look(&target.out, view)?;
    let files = new_files(&[&place.dir], cx, printer)?;
    place.name_is_free(target.name.as_deref(), view)?;
    let console = printer.console();
    let keystore = if args.mnemonic_stdin {
        from_mnemonic(args, &*console)?
    } else if let Some(file) = &args.from {
        from_keystore(file, Secrets::new(args, view, &*console))?
    } else {
        from_keys(Secrets::new(args, view, &*console))?
    };
    admitted(&place, &keystore)?;
    let path = place.add(target.name.as_deref(), &keystore, files, view, |_| Ok(()))?;
    list::made(&path, &keystore, printer)?;
    Ok(exit::OK)
}

fn from_mnemonic(args: &ImportArgs, console: &dyn Console) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if args.account_index == PUBLISHERS {
        return Err(Failure::usage(
            Fault::new(format!(
                "account {PUBLISHERS} is where publishers come from: an attester of it could be a publisher too"
            ))
            .fix("If its attesters exist already, bring them in with --from, out of their keystore."),
        ));
    }
    let phrase = ask::secret("mnemonic", console)?;
    let mnemonic = Mnemonic::parse(&phrase).map_err(|error| {
        let fix = error.fix();
        refused(error, "failed to read the mnemonic", fix)
    })?;
    let range = Range {
        account: args.account_index,
        first: args.first_index,
        count: args.count,
        first_publisher: args.first_publisher.unwrap_or(args.first_index),
        publishers: args.publishers,
    };
    keystore(&mnemonic, &range, &args.target)
}

/// As it is when all its keys are in it; otherwise with its keys in place of files and mnemonics.
fn from_keystore(file: &Path, mut secrets: Secrets<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = secret_file(file, secrets.view)?;
    let failed = |error| {
        refused(
            error,
            format!("{} is not usable", file.display()),
            "Give a keystore that the node accepts, see docs/reference/keys.md.",
        )
    };
    let document = Document::parse(&bytes).map_err(failed)?;
    if document.files.is_empty() && document.mnemonics.is_empty() {
        return Ok(bytes);
    }
    let beside = file.parent().unwrap_or(Path::new("."));
    // Opened first, with errors that say which file it was.
    let mut keys = Vec::new();
    for key in &document.files {
        let path = beside.join(&key.path);
        let bytes = secret_file(&path, secrets.view)?;
        let password = match &key.password {
            Some(password) => password.clone(),
            None => secrets.password()?,
        };
        let opened = match format(&bytes) {
            Some(Format::JsonV3) => open_eth(&bytes, &password).map(|key| key.to_bytes()),
            Some(Format::Bls) => open_bls(&bytes, &password).map(|key| key.to_bytes()),
            None => return Err(no_format(&path)),
        };
        keys.push(opened.map_err(|error| bad_file(error, &path))?);
    }
    let mut keys = keys.into_iter();
    document
        .inlined(&mut |_| Ok(keys.next().unwrap_or_default()))
        .map_err(failed)
}

fn from_keys(mut secrets: Secrets<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let args = secrets.args;
    let target = &args.target;
    let mut eth = |path: &PathBuf| secrets.eth(path);
    let attester = args.attester_key.as_ref().map(&mut eth).transpose()?;
    let publishers = args
        .publisher_key
        .iter()
        .map(&mut eth)
        .collect::<Result<Vec<_>, _>>()?;
    let bls = args
        .bls_key
        .as_ref()
        .map(|path| secrets.bls(path))
        .transpose()?;
    let remote = |address: &Address| {
        target
            .remote_signer
            .as_ref()
            .map(|url| Signer::Remote(*address, url))
            .ok_or_else(|| {
                Failure::usage(
                    Fault::new("an address needs a signer that has its key")
                        .fix("Name it with `--remote-signer URL`, or give the key instead."),
                )
            })
    };
    let attester = match (&attester, &args.attester_address) {
        (Some(key), _) => Signer::Key(key),
        (None, Some(address)) => remote(address)?,
        (None, None) => {
            return Err(Failure::usage(
                Fault::new("there is no attester")
                    .fix("Give its key, or its address with `--attester-address`."),
            ));
        }
    };
    let mut paying: Vec<_> = publishers.iter().map(Signer::Key).collect();
    for address in &args.publisher_address {
        paying.push(remote(address)?);
    }
    Ok(render_entries(&[NewEntry {
        attester,
        bls: bls.as_ref().map(Bls::Key),
        publishers: paying,
        coinbase: target.coinbase,
        fee_recipient: target.fee_recipient.unwrap_or_default(),
    }]))
}

/// Key files, opened with one password that is read when the first of them needs it.
struct Secrets<'a> {
    args: &'a ImportArgs,
    view: &'a View,
    console: &'a dyn Console,
    password: Option<Zeroizing<String>>,
}

impl<'a> Secrets<'a> {
    fn new(args: &'a ImportArgs, view: &'a View, console: &'a dyn Console) -> Self {
        Self {
            args,
            view,
            console,
            password: None,
        }
    }

    fn password(&mut self) -> Result<Zeroizing<String>, Failure> {
        if let Some(password) = &self.password {
            return Ok(password.clone());
        }
        if !self.args.password_stdin {
            return Err(Failure::usage(
                Fault::new("a key is encrypted, and no password was given")
                    .fix("Add --password-stdin and pipe the password in, or type it."),
            ));
        }
        let password = ask::secret("password", self.console)?;
        self.password = Some(password.clone());
        Ok(password)
    }

    fn eth(&mut self, path: &Path) -> Result<EthKey, Failure> {
        let bytes = secret_file(path, self.view)?;
        let key = match format(&bytes) {
            Some(Format::JsonV3) => open_eth(&bytes, &self.password()?),
            Some(Format::Bls) => return Err(no_format(path)),
            None => raw_key(&bytes).and_then(|key| EthKey::from_bytes(&key)),
        };
        key.map_err(|error| bad_file(error, path))
    }

    fn bls(&mut self, path: &Path) -> Result<BlsKey, Failure> {
        let bytes = secret_file(path, self.view)?;
        let key = match format(&bytes) {
            Some(Format::Bls) => open_bls(&bytes, &self.password()?),
            Some(Format::JsonV3) => return Err(no_format(path)),
            None => raw_key(&bytes).and_then(|key| BlsKey::from_bytes(&key)),
        };
        key.map_err(|error| bad_file(error, path))
    }
}

fn bad_file(error: l1::Error, path: &Path) -> Failure {
    refused(
        error,
        format!("failed to read the key in {}", path.display()),
        "Check the file and the password.",
    )
}

fn no_format(path: &Path) -> Failure {
    Failure::usage(
        Fault::new(format!("{} is not the kind of key file that belongs there", path.display()))
            .fix("Ethereum keys are JSON V3, BLS keys are as `aztec validator-keys` and `keys export` write them."),
    )
}
