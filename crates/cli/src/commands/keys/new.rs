//! `aztec-kit keys new`

use keys::keystore::{Bls, NewEntry, Signer, render_entries};
use keys::{AttesterKeys, EthKey, Mnemonic, derive_attester, derive_publisher};
use provision::Fault;
use zeroize::Zeroizing;

use super::ask::Terminal;
use super::list;
use super::place::{self, Place, refused};
use crate::args::keys::{ATTESTERS, NewArgs, PUBLISHERS, Target};
use crate::context::{Context, View};
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// A selection of the keys of a mnemonic.
pub struct Range {
    /// BIP-44 account of the attesters.
    pub account: u32,
    /// Address index of the first attester.
    pub first: u32,
    /// Number of attesters.
    pub count: u32,
    /// Address index of the first publisher.
    pub first_publisher: u32,
    /// Number of publishers.
    pub publishers: u32,
}

/// Creates keys from a new mnemonic.
pub fn run(args: &NewArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let (target, view) = (&args.target, &cx.view);
    let place = Place::look(&target.out, view)?;
    place.free_name(target.name.as_deref(), view)?;
    let file = args.mnemonic_file.as_deref();
    let file = file
        .map(|file| place::outside(file, &[&place.dir], view))
        .transpose()?;
    // Checks come before the operator writes the mnemonic down.
    let places = [Some(place.dir.as_path()), file.as_deref()];
    let places: Vec<_> = places.into_iter().flatten().collect();
    let files = place::new_files(&places, cx, printer)?;
    let mnemonic = keys::generate_mnemonic(args.words).map_err(|error| {
        Fault::new("failed to create a mnemonic")
            .fix(error.fix())
            .because(error.to_string())
    })?;
    let range = Range {
        account: ATTESTERS,
        first: 0,
        count: args.count,
        first_publisher: 0,
        publishers: args.publishers,
    };
    let keystore = keystore(&mnemonic, &range, target, place.version())?;
    admitted(&place, target, &keystore, view)?;
    if file.is_none() {
        terminal(printer)?.entrust(&mnemonic)?;
    }
    let mut is_written = false;
    let name = target.name.as_deref();
    let path = place.add(name, &keystore, files, view, |files| {
        let Some(file) = &file else { return Ok(()) };
        let mine = place::mine(place::FILE, view.user);
        let mut phrase = mnemonic.phrase();
        phrase.push('\n');
        place::put(file, phrase.as_bytes(), mine, files)?;
        is_written = true;
        Ok(())
    });
    if let Some(file) = file.filter(|_| is_written) {
        let file = file.display();
        printer.say(&match path {
            Ok(_) => format!("The mnemonic is in {file}. Move it off this host."),
            Err(_) => format!(
                "{file} contains a mnemonic, but its keys may be missing in {}: check both.",
                target.out.display()
            ),
        });
    }
    let path = path?;
    list::new_keystore(&path, &keystore, printer)?;
    Ok(exit::OK)
}

fn terminal(printer: &Printer) -> Result<Terminal, Failure> {
    Terminal::open(&*printer.console()).ok_or_else(|| {
        Failure::usage(
            Fault::new(
                "there is no terminal, and the mnemonic is shown on a terminal only",
            )
            .fix("Run the command on a terminal (`ssh -t`), or name a file for the mnemonic with --mnemonic-file PATH."),
        )
    })
}

/// Checks before any write whether the keystore directory accepts this keystore.
pub fn admitted(
    place: &Place,
    target: &Target,
    keystore: &[u8],
    view: &View,
) -> Result<(), Failure> {
    let name = place.free_name(target.name.as_deref(), view)?;
    place.admits(&name, keystore, view)
}

/// The keystore with these keys of a mnemonic.
pub fn keystore(
    mnemonic: &Mnemonic,
    range: &Range,
    target: &Target,
    schema_version: u8,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: keys::Error| {
        let fix = error.fix();
        refused(error, "failed to derive the keys", fix)
    };
    let index = |first: u32, offset| first.saturating_add(offset);
    let attesters = (0..range.count)
        .map(|offset| derive_attester(mnemonic, range.account, index(range.first, offset)))
        .collect::<Result<Vec<AttesterKeys>, _>>()
        .map_err(failed)?;
    let publishers = (0..range.publishers)
        .map(|offset| derive_publisher(mnemonic, PUBLISHERS, index(range.first_publisher, offset)))
        .collect::<Result<Vec<EthKey>, _>>()
        .map_err(failed)?;
    let signer = |key| match &target.remote_signer {
        Some(url) => Signer::Remote(EthKey::address(key), url),
        None => Signer::Key(key),
    };
    let entries: Vec<_> = attesters
        .iter()
        .map(|attester| NewEntry {
            attesters: vec![(signer(&attester.eth), Some(Bls::Key(&attester.bls)))],
            publishers: publishers.iter().map(signer).collect(),
            coinbase: target.coinbase,
            fee_recipient: target.fee_recipient.unwrap_or_default(),
        })
        .collect();
    Ok(render_entries(schema_version, &entries))
}
