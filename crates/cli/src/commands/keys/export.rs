//! `aztec-kit keys export`

use std::ffi::OsStr;
use std::path::PathBuf;

use aztec::checks::keystore;
use clap::Args as ClapArgs;
use l1::keys::encrypted::{seal_bls, seal_eth};
use l1::keys::keystore::AnyKey;
use provision::Fault;

use serde_json::json;

use super::ask;
use super::flags::Source;
use super::place::{self, Place, refused};
use crate::context::Context;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Flags of `keys export`.
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    #[command(flatten)]
    source: Source,
    /// New directory for the backup (outside the keystore directory)
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Read the password from standard input; without it the terminal asks
    #[arg(long)]
    password_stdin: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Writes every key into an encrypted file, and keystores that name these files.
pub fn run(args: &ExportArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let view = &cx.view;
    let (dir, survey) = Place::sound(args.source.path(), view)?;
    let out = place::outside(&args.out, &[&dir], view)?;
    let failed = |error| {
        refused(
            error,
            "failed to export the keys",
            "Copy what cannot be exported by hand, encrypted.",
        )
    };
    let mut files = Vec::new();
    let mut keys = Vec::new();
    for (name, document) in &survey.documents {
        files.push((name.clone(), document.outlined().map_err(failed)?));
        for (name, key) in document.keys() {
            if keys.iter().all(|(taken, _)| *taken != name) {
                keys.push((name, key));
            }
        }
    }
    if let Some((name, _)) = files
        .iter()
        .find(|(name, _)| keys.iter().any(|(taken, _)| taken == name))
    {
        return Err(Failure::usage(
            Fault::new(format!("{name} has the name of a file of the backup")).fix("Rename it."),
        ));
    }
    let console = printer.console();
    if !args.password_stdin && !console.is_typed() {
        return Err(Failure::usage(
            Fault::new("no password was given").fix("Add --password-stdin and pipe it in."),
        ));
    }
    let password = ask::new_password(&*console)?;
    let mut sealed = Vec::new();
    for (name, key) in keys {
        let bytes = match key {
            AnyKey::Eth(key) => seal_eth(key, &password),
            // How it was derived is not in a keystore.
            AnyKey::Bls(key) => seal_bls(key, &password, ""),
        };
        sealed.push((name, bytes.map_err(failed)?));
    }
    let mut made = place::new_files(&[&out], cx, printer)?;
    made.make_dir(&out, place::mine(keystore::DIRECTORY, view.user))?;
    let mut held = made.hold(&out)?;
    let mut names = Vec::new();
    let sealed = sealed.iter().map(|(name, bytes)| (name, bytes.as_slice()));
    // Last: a backup whose keystore is there is complete.
    let files = files.iter().map(|(name, bytes)| (name, bytes.as_slice()));
    for (name, bytes) in sealed.chain(files) {
        held.put_new(OsStr::new(name), bytes, place::mine(place::FILE, view.user))?;
        names.push(name.clone());
    }
    if printer.json() {
        printer.document(&json!({ "directory": out, "files": names }));
    } else {
        printer.text(&format!("{}\n{}", out.display(), names.join("\n")));
    }
    printer.say("Move it off this host. `aztec-kit keys import --from FILE --password-stdin` brings it back.");
    Ok(exit::OK)
}
