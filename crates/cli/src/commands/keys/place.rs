//! A directory of keystores on this host: looked at as a whole, added to, never changed otherwise.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aztec::checks::keystore::{self, DIRECTORY};
use l1::Address;
use l1::keys::keystore::Document;
use l1::keys::keystore::survey::{Grade, Listed, Note, Survey};
use provision::Fault;
use provision::engine::{NewFiles, Permissions};
use provision::host::{FileType, resolved};
use zeroize::Zeroizing;

use super::flags::{KEYSTORE, PROVER_KEYSTORE};
use crate::context::{Context, User, View};
use crate::exit::Failure;
use crate::printer::Printer;

/// Nobody but the owner.
pub const FILE: u32 = 0o600;

/// A directory as it is now.
#[derive(Debug)]
pub struct Place {
    /// Its absolute path.
    pub dir: PathBuf,
    /// What is in it; `None` when there is no directory.
    pub survey: Option<Survey>,
}

/// What is wrong with something that the operator gave; nothing was touched.
pub fn refused(error: l1::Error, what: impl Into<String>, fix: &str) -> Failure {
    Failure::usage(Fault::new(what).fix(fix).because(error.to_string()))
}

/// A path that names the same wherever this is run.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(Fault::new("the path is not usable").because(error)))
}

impl Place {
    /// Looks at a directory.
    pub fn look(dir: &Path, view: &View) -> Result<Self, Failure> {
        let dir = absolute(dir)?;
        let survey = keystore::survey(&dir, view.user.uid, view.probe());
        let survey = survey.map_err(Failure::usage)?;
        Ok(Self { dir, survey })
    }

    /// Looks at a directory of keystores to read from.
    pub fn existing(dir: &Path, view: &View) -> Result<(PathBuf, Survey), Failure> {
        let Self { dir, survey } = Self::look(dir, view)?;
        let survey = survey.ok_or_else(|| {
            Failure::usage(
                Fault::new(format!("{} does not exist", dir.display()))
                    .fix("Make keys with `aztec-kit keys new`, or name the directory."),
            )
        })?;
        Ok((dir, survey))
    }

    /// Looks at a directory of keystores whose keys are to be used: refuses one that is not sound.
    pub fn sound(dir: &Path, view: &View) -> Result<(PathBuf, Survey), Failure> {
        let (dir, survey) = Self::existing(dir, view)?;
        match worst(&survey, false) {
            Some(note) => Err(unsound(&dir, note)),
            None => Ok((dir, survey)),
        }
    }

    /// Whether these keystores may come into the directory; refuses what the node would not start with.
    pub fn admits(&self, document: &Document) -> Result<(), Failure> {
        let Some(survey) = &self.survey else {
            return Ok(());
        };
        if let Some(note) = worst(survey, true) {
            return Err(unsound(&self.dir, note));
        }
        let known = survey.attesters();
        let owner = |address: &Address| known.iter().find(|one| one.attester == Some(*address));
        let new = document
            .validators
            .iter()
            .flat_map(|entry| &entry.attesters);
        for address in new.filter_map(|one| one.eth.address()) {
            if let Some(Listed { file, .. }) = owner(&address) {
                return Err(Failure::usage(
                    Fault::new(format!("attester {address} is in {file} already")).fix(
                        "An attester must be on one node once. For further ones of the same mnemonic give --first-index.",
                    ),
                ));
            }
        }
        let others = survey.documents.iter().map(|(_, it)| it.schema_version);
        if others
            .into_iter()
            .any(|version| version != document.schema_version)
        {
            return Err(Failure::usage(
                Fault::new("the keystores there have another schemaVersion, and the node refuses a mixture")
                    .fix("Use one version in one directory."),
            ));
        }
        Ok(())
    }

    /// Puts a keystore into the directory, under a name that was free. What belongs to it elsewhere is made `before`, when
    /// nothing stands against it any more: a secret of no keystore would be left there.
    pub fn add(
        &self,
        name: Option<&str>,
        bytes: &[u8],
        mut files: NewFiles,
        view: &View,
        before: impl FnOnce(&mut NewFiles) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let document = Document::parse(bytes).map_err(|error| {
            Failure::failed(
                Fault::new("what would be written is no keystore").because(error.to_string()),
            )
        })?;
        files.make_dir(&self.dir, mine(DIRECTORY, view.user))?;
        let mut held = files.hold(&self.dir)?;
        // Again, now that nobody else adds to it.
        let now = Self::look(&self.dir, view)?;
        now.admits(&document)?;
        self.name_is_free(name, view)?;
        let name = match name {
            Some(name) => format!("{name}.json"),
            None => self.free(view)?,
        };
        before(held.elsewhere())?;
        Ok(held.put_new(OsStr::new(&name), bytes, mine(FILE, view.user))?)
    }

    /// Refuses a name that is taken.
    pub fn name_is_free(&self, name: Option<&str>, view: &View) -> Result<(), Failure> {
        let Some(name) = name else { return Ok(()) };
        is_free(&self.dir.join(format!("{name}.json")), view)
    }

    fn free(&self, view: &View) -> Result<String, Failure> {
        for number in 1..=u16::MAX {
            let name = format!("key{number}.json");
            if view.host.meta(&self.dir.join(&name))?.is_none() {
                return Ok(name);
            }
        }
        Err(Failure::usage(
            Fault::new("no name is free").fix("Give --name."),
        ))
    }
}

/// The first thing that forbids to use a directory; to add to one that is still empty is fine.
fn worst(survey: &Survey, adding: bool) -> Option<&Note> {
    let empty = adding && survey.documents.is_empty();
    survey
        .notes
        .iter()
        .find(|note| note.grade == Grade::Bad && !(empty && note.check == "keystores"))
}

fn unsound(dir: &Path, note: &Note) -> Failure {
    Failure::usage(
        Fault::new(format!("{}: {}", note.check, note.message)).fix(format!(
            "Put that right first; `aztec-kit keys check {}` shows all of it.",
            dir.display()
        )),
    )
}

/// A file with a key of somebody: a regular file that only its owner can read.
pub fn secret_file(path: &Path, view: &View) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bad = |what: String, fix: &str| Err(Failure::usage(Fault::new(what).fix(fix)));
    let shown = path.display();
    let Some(meta) = view.host.meta(path).map_err(Failure::usage)? else {
        return bad(format!("{shown} does not exist"), "Check the path.");
    };
    if meta.file_type != FileType::File {
        let what = format!("{shown} is a {}, not a file", meta.file_type.word());
        return bad(what, "Name the file itself.");
    }
    if meta.mode & 0o077 != 0 {
        return bad(
            format!(
                "{shown} has mode {:04o}: others can read the keys in it",
                meta.mode
            ),
            "If nobody has, `chmod 600` it and run this again; otherwise make new keys.",
        );
    }
    let bytes = view.host.read(path).map_err(Failure::usage)?;
    Ok(Zeroizing::new(bytes.unwrap_or_default()))
}

/// Where a new file may go: its directory exists and is no keystore directory, and the name is free.
pub fn outside(path: &Path, keystores: &[&Path], view: &View) -> Result<PathBuf, Failure> {
    let path = absolute(path)?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    let leads = |path: &Path| resolved(path, view.probe()).map_err(Failure::usage);
    let real = leads(parent)?;
    let kind = view.host.meta(&real).map_err(Failure::usage)?;
    if kind.is_none_or(|meta| meta.file_type != FileType::Directory) {
        return Err(Failure::usage(
            Fault::new(format!("{} is not a directory", parent.display()))
                .fix("Name a directory that exists."),
        ));
    }
    let services = [Path::new(KEYSTORE), Path::new(PROVER_KEYSTORE)];
    for keystore in keystores.iter().chain(&services) {
        let keystore = absolute(keystore)?;
        if real.starts_with(leads(&keystore)?) || path.starts_with(&keystore) {
            return Err(Failure::usage(
                Fault::new(format!(
                    "{} is in the keystore directory, where the node would load it",
                    path.display()
                ))
                .fix("Choose another place."),
            ));
        }
    }
    is_free(&path, view)?;
    Ok(path)
}

fn is_free(path: &Path, view: &View) -> Result<(), Failure> {
    match view.host.meta(path).map_err(Failure::usage)? {
        None => Ok(()),
        Some(_) => Err(Failure::usage(
            Fault::new(format!(
                "{} exists, and keys are never overwritten",
                path.display()
            ))
            .fix("Choose another name."),
        )),
    }
}

/// The note of the file that was last made among the keys of this host.
const NOTE: &str = "last keys";

/// What makes new files in these places. Below the configuration of this host that is a run, for root; elsewhere it is
/// nobody's business.
pub fn new_files(
    places: &[&Path],
    cx: &Context,
    printer: &mut Printer,
) -> Result<NewFiles, Failure> {
    let config = Path::new(aztec::CONFIG).parent().unwrap_or(Path::new("/"));
    for place in places {
        let ours = resolved(place, cx.view.probe()).map_err(Failure::usage)?;
        if ours.starts_with(config) && cx.view.require_root().is_ok() {
            return Ok(cx.begin(printer)?.new_files(NOTE));
        }
    }
    Ok(cx.access.new_files())
}

/// Creates a file that must not exist, outside the keystore directory: synced, with its final mode from the start.
pub fn put(
    path: &Path,
    bytes: &[u8],
    for_whom: Permissions,
    files: &mut NewFiles,
) -> Result<(), Failure> {
    let mut held = files.hold(path.parent().unwrap_or(Path::new("/")))?;
    held.put_new(path.file_name().unwrap_or_default(), bytes, for_whom)?;
    Ok(())
}

/// For whoever runs this.
pub fn mine(mode: u32, User { uid, gid }: User) -> Permissions {
    Permissions { uid, gid, mode }
}
