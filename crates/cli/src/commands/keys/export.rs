//! `aztec-kit keys export`

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use aztec::keystores;
use keys::encrypted::{Password, Sealer, open_bls, open_eth};
use keys::keystore::survey::Survey;
use keys::keystore::{AnyKey, outlined};
use provision::Fault;
use zeroize::Zeroizing;

use super::ask;
use super::parallel::EVERY;
use super::place::{self, BackupDir, Place, refused};
use crate::args::keys::ExportArgs;
use crate::context::{Context, View};
use crate::documents::Exported;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Writes every key into an encrypted file, and keystores that name these files. If a run was killed, the same command
/// continues it: it checks the files that are there and keeps them.
pub fn run(args: &ExportArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let view = &cx.view;
    let (dir, survey) = Place::sound(&args.source.dir, view)?;
    let begun = place::new_or_begun(&args.out, &[&dir], view)?;
    let backup = Backup::of(&survey)?;
    let complete = backup.written(&begun, view)?;
    let console = printer.console();
    if !args.password_stdin && !console.is_typed() {
        return Err(Failure::usage(
            Fault::new("no password was given")
                .fix("Add --password-stdin and pipe the password in."),
        ));
    }
    let password = ask::new_password(&*console)?;
    let out = &begun.path;
    // Files of a killed run have the same password. Any other file is foreign.
    let opens = Password::new(password.clone());
    let (there, missing): (Vec<_>, Vec<_>) = backup
        .keys
        .iter()
        .partition(|(name, _)| begun.names.contains(name));
    for (name, key) in there {
        holds(&out.join(name), *key, &opens, view)?;
    }
    let sealer = Sealer::new(&password).map_err(|error| {
        let fix = error.fix();
        refused(error, WHAT, fix)
    })?;
    let mut files = place::new_files(&[out], cx, printer)?;
    files.make_dir(out, place::mine(keystores::DIRECTORY, view.user))?;
    let mut held = files.hold(out)?;
    let mine = place::mine(place::FILE, view.user);
    let mut reported = Instant::now();
    for (count, (name, key)) in missing.iter().enumerate() {
        let bytes = match key {
            AnyKey::Eth(key) => sealer.eth(key),
            // A keystore does not contain the derivation path.
            AnyKey::Bls(key) => sealer.bls(key, ""),
        };
        held.put_new(OsStr::new(name), &bytes.map_err(failed)?, mine)?;
        if reported.elapsed() > EVERY {
            printer.say(&format!("{count} of {} keys written", missing.len()));
            reported = Instant::now();
        }
    }
    // The keystores come last: a backup with its keystores is complete.
    for (name, bytes) in backup
        .keystores
        .iter()
        .filter(|(name, _)| !complete.contains(name.as_str()))
    {
        held.put_new(OsStr::new(name), bytes, mine)?;
    }
    let names: Vec<_> = backup.names().collect();
    if printer.json() {
        printer.document(&Exported {
            directory: out,
            files: &names,
        });
    } else {
        printer.text(&format!("{}\n{}", out.display(), names.join("\n")));
    }
    printer.say("Move the backup off this host. `aztec-kit keys import --from FILE --password-stdin` restores it.");
    Ok(exit::OK)
}

/// The operation that failed, in errors.
const WHAT: &str = "failed to export the keys";

fn failed(error: keys::Error) -> Failure {
    refused(
        error,
        WHAT,
        "Make an encrypted copy by hand of any key that cannot be exported.",
    )
}

/// The files of a backup, by their names.
struct Backup<'a> {
    /// The keys, each once.
    keys: Vec<(String, AnyKey<'a>)>,
    /// Keystores that name the files of the keys.
    keystores: Vec<(String, Zeroizing<Vec<u8>>)>,
}

impl<'a> Backup<'a> {
    fn of(survey: &'a Survey) -> Result<Self, Failure> {
        let mut keystores = Vec::new();
        let mut keys: Vec<(String, AnyKey<'_>)> = Vec::new();
        let mut taken = BTreeSet::new();
        let outlined = outlined(&survey.by_name()).map_err(failed)?;
        for ((name, document), bytes) in survey.documents.iter().zip(outlined) {
            // The settings of a file without validators are written into each validator of the other files.
            if !document.validators.is_empty() {
                keystores.push((name.clone(), bytes));
            }
            for (name, key) in document.keys() {
                if taken.insert(name.clone()) {
                    keys.push((name, key));
                }
            }
        }
        match keystores.iter().find(|(name, _)| taken.contains(name)) {
            None => Ok(Self { keys, keystores }),
            Some((name, _)) => Err(Failure::usage(
                Fault::new(format!(
                    "keystore {name} has the same name as a key file of the backup"
                ))
                .fix("Rename the keystore."),
            )),
        }
    }

    /// The keystores that a killed run has written. Refuses a directory with any other file.
    fn written(&self, begun: &BackupDir, view: &View) -> Result<BTreeSet<&str>, Failure> {
        let mut complete = BTreeSet::new();
        for (name, bytes) in &self.keystores {
            if begun.names.contains(name) && place::given(&begun.path.join(name), view)?.1 == *bytes
            {
                complete.insert(name.as_str());
            }
        }
        let keys: BTreeSet<_> = self.keys.iter().map(|(name, _)| name.as_str()).collect();
        let other =
            |name: &&String| !complete.contains(name.as_str()) && !keys.contains(name.as_str());
        match begun.names.iter().find(other) {
            None => Ok(complete),
            Some(other) => Err(Failure::usage(
                Fault::new(format!(
                    "{} exists, and {other} in it does not belong to an interrupted backup",
                    begun.path.display()
                ))
                .fix("Choose another name. An export never overwrites a file."),
            )),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let keys = self.keys.iter().map(|(name, _)| name.as_str());
        keys.chain(self.keystores.iter().map(|(name, _)| name.as_str()))
    }
}

/// Refuses a file that does not contain this key under this password.
fn holds(path: &Path, key: AnyKey<'_>, password: &Password, view: &View) -> Result<(), Failure> {
    let (_, bytes) = place::given(path, view)?;
    let same = match key {
        AnyKey::Eth(key) => {
            open_eth(&bytes, password).map(|found| found.address() == key.address())
        }
        AnyKey::Bls(key) => {
            open_bls(&bytes, password).map(|found| found.public_g1() == key.public_g1())
        }
    };
    if same.as_ref().is_ok_and(|same| *same) {
        return Ok(());
    }
    let why = same.map_or_else(
        |error| error.to_string(),
        |_| "it contains another key".to_owned(),
    );
    Err(Failure::usage(
        Fault::new(format!("{} does not belong to this backup", path.display()))
            .because(why)
            .fix("Enter the password of the interrupted export, or choose another directory."),
    ))
}
