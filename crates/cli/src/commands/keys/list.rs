//! `aztec-kit keys list`

use std::fmt::Write;
use std::path::Path;

use keys::keystore::survey::Survey;
use keys::keystore::{Document, Listed};

use super::place::{Place, refused};
use crate::args::keys::ListArgs;
use crate::context::View;
use crate::documents::{Listing, Made};
use crate::exit::{self, Failure};
use crate::printer::Printer;
use crate::styles::STRONG;

/// Shows the public data of the keys.
pub fn run(args: &ListArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let (_, survey) = Place::sound(&args.source.dir, view)?;
    let listed = survey.attesters();
    if printer.json() {
        printer.document(&Listing { attesters: &listed });
    } else {
        printer.text(&text(&listed));
    }
    Ok(exit::OK)
}

/// Shows the content of a new keystore.
pub fn new_keystore(path: &Path, keystore: &[u8], printer: &mut Printer) -> Result<(), Failure> {
    let document = Document::parse(keystore)
        .map_err(|error| refused(error, "the keystore is not usable", "Use another keystore."))?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let survey = Survey {
        documents: vec![(name, document)],
        notes: Vec::new(),
    };
    let listed = survey.attesters();
    if printer.json() {
        printer.document(&Made {
            file: path,
            attesters: &listed,
        });
    } else {
        printer.text(&format!("{}\n{}", path.display(), text(&listed)));
    }
    printer.say(
        "Next: fund every publisher with ETH and register the attesters with `aztec-kit keys staker-output`. If the\nnode is already running, restart it: it reads its keys when it starts.",
    );
    Ok(())
}

fn text(listed: &[Listed]) -> String {
    let mut text = String::new();
    for one in listed {
        let attester = one.attester.map_or_else(
            || {
                if one.role == "prover" {
                    "prover"
                } else {
                    "hidden"
                }
                .to_owned()
            },
            |address| address.to_string(),
        );
        let publishers: Vec<_> = one.publishers.iter().map(ToString::to_string).collect();
        let rows = [
            ("signer", one.signer.clone()),
            (
                "BLS key",
                one.bls_public_key
                    .clone()
                    .unwrap_or_else(|| "none".to_owned()),
            ),
            ("publishers", publishers.join(", ")),
            (
                "coinbase",
                one.coinbase
                    .map_or_else(|| "-".to_owned(), |address| address.to_string()),
            ),
            (
                "fees",
                one.fee_recipient
                    .map_or_else(|| "-".to_owned(), |word| word.to_string()),
            ),
        ];
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{STRONG}{attester}{STRONG:#}  {}", one.file);
        for (name, value) in rows {
            let _ = writeln!(text, "  {name:<10}  {value}");
        }
    }
    text
}
