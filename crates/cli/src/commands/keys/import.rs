//! `aztec-kit keys import`

use std::path::{Path, PathBuf};

use keys::keystore::{Bls, Document, NewEntry, Signer, render_entries};
use keys::{Address, Mnemonic};
use provision::Fault;
use zeroize::Zeroizing;

use super::new::{Range, admitted, keystore};
use super::place::{Place, given, new_files, private, refused};
use super::secrets::Secrets;
use super::{ask, list};
use crate::args::keys::{ImportArgs, PUBLISHERS};
use crate::console::Console;
use crate::context::Context;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Imports keys.
pub fn run(args: &ImportArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let (target, view) = (&args.target, &cx.view);
    let place = Place::look(&target.out, view)?;
    let files = new_files(&[&place.dir], cx, printer)?;
    place.free_name(target.name.as_deref(), view)?;
    let keystore = if args.mnemonic_stdin {
        from_mnemonic(args, &place, &*printer.console())?
    } else {
        let mut secrets = Secrets::new(args.password_stdin, view, printer);
        match &args.from {
            Some(file) => from_keystore(file, &place, &mut secrets)?,
            None => from_keys(args, &place, &mut secrets)?,
        }
    };
    admitted(&place, target, &keystore, view)?;
    let path = place.add(target.name.as_deref(), &keystore, files, view, |_| Ok(()))?;
    list::new_keystore(&path, &keystore, printer)?;
    Ok(exit::OK)
}

fn from_mnemonic(
    args: &ImportArgs,
    place: &Place,
    console: &dyn Console,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if args.account_index == PUBLISHERS {
        return Err(Failure::usage(
            Fault::new(format!(
                "account {PUBLISHERS} is reserved for publishers: its keys could be an attester and a publisher at the same time"
            ))
            .fix("If attesters of this account already exist, import their keystore with --from."),
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
    keystore(&mnemonic, &range, &args.target, place.version())
}

/// The keystore as it is if all its keys are inline. Otherwise files and mnemonics are replaced with their keys. Settings
/// for all its validators move into each validator if other keystores are in the directory, because the node would apply
/// them to those too.
fn from_keystore(
    file: &Path,
    place: &Place,
    secrets: &mut Secrets<'_>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (meta, bytes) = given(file, secrets.view)?;
    let failed = |fix| {
        move |error| {
            let what = format!("{} is not usable", file.display());
            refused(error, what, fix)
        }
    };
    let document = Document::parse(&bytes).map_err(failed(
        "Name a keystore that the node accepts, see docs/reference/keys.md.",
    ))?;
    if document.holds_secrets() {
        private(file, &meta)?;
    }
    let for_all = document.publishers.is_some()
        || document.coinbase.is_some()
        || document.fee_recipient.is_some()
        || document.remote_signer.is_some();
    let inline = document.files.is_empty() && document.mnemonics.is_empty();
    if inline && (place.is_empty() || !for_all || !document.extras.is_empty()) {
        return Ok(bytes);
    }
    // The files are opened first, so that an error names the file.
    let mut opened = secrets.files(file, &document.files)?.into_iter();
    let keystore = document.inlined(place.version(), &mut |_| {
        Ok(opened.next().unwrap_or_default())
    });
    keystore.map_err(failed(
        "See docs/reference/keys.md for the keystores that can be imported.",
    ))
}

fn from_keys(
    args: &ImportArgs,
    place: &Place,
    secrets: &mut Secrets<'_>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
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
                    Fault::new("an address needs a remote signer that holds its key").fix(
                        "Name the signer with `--remote-signer URL`, or import the key instead.",
                    ),
                )
            })
    };
    let attester = match (&attester, &args.attester_address) {
        (Some(key), _) => Signer::Key(key),
        (None, Some(address)) => remote(address)?,
        (None, None) => {
            return Err(Failure::usage(Fault::new("no attester was named").fix(
                "Name its key with `--attester-key`, or its address with `--attester-address`.",
            )));
        }
    };
    let mut payers: Vec<_> = publishers.iter().map(Signer::Key).collect();
    for address in &args.publisher_address {
        payers.push(remote(address)?);
    }
    let entry = NewEntry {
        attesters: vec![(attester, bls.as_ref().map(Bls::Key))],
        publishers: payers,
        coinbase: target.coinbase,
        fee_recipient: target.fee_recipient.unwrap_or_default(),
    };
    Ok(render_entries(place.version(), &[entry]))
}
