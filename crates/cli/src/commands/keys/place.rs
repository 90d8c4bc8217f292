//! A keystore directory on this host. It is checked as a whole, and files are only added to it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aztec::Component;
use aztec::keystores::{self, DIRECTORY};
use keys::Address;
use keys::keystore::survey::{About, Grade, Note, STAGED, Survey};
use keys::keystore::{Document, Listed, listed};
use provision::Fault;
use provision::engine::{NewFiles, Permissions};
use provision::host::{FileType, Meta, resolved};
use zeroize::Zeroizing;

use crate::context::{Context, User, View};
use crate::exit::Failure;
use crate::printer::Printer;

/// Mode of a file that only its owner can access.
pub const FILE: u32 = 0o600;

/// A directory as it is now.
#[derive(Debug)]
pub struct Place {
    /// Its absolute path.
    pub dir: PathBuf,
    /// Its content; `None` if the directory does not exist.
    pub survey: Option<Survey>,
}

/// The failure of an unusable input; nothing was changed.
pub fn refused(error: keys::Error, what: impl Into<String>, fix: &str) -> Failure {
    Failure::usage(Fault::new(what).fix(fix).because(error.to_string()))
}

/// The absolute path of a path.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(Fault::new("the path is not usable").because(error)))
}

impl Place {
    /// Surveys a directory.
    pub fn look(dir: &Path, view: &View) -> Result<Self, Failure> {
        let dir = absolute(dir)?;
        let survey = keystores::survey(&dir, view.user.uid, view.probe());
        let survey = survey.map_err(Failure::usage)?;
        Ok(Self { dir, survey })
    }

    /// Surveys an existing keystore directory.
    pub fn existing(dir: &Path, view: &View) -> Result<(PathBuf, Survey), Failure> {
        let Self { dir, survey } = Self::look(dir, view)?;
        let survey = survey.ok_or_else(|| {
            Failure::usage(
                Fault::new(format!("{} does not exist", dir.display()))
                    .fix("Create keys with `aztec-kit keys new`, or name another directory."),
            )
        })?;
        Ok((dir, survey))
    }

    /// Surveys a keystore directory whose keys will be used. Refuses a directory that is not sound.
    pub fn sound(dir: &Path, view: &View) -> Result<(PathBuf, Survey), Failure> {
        let (dir, survey) = Self::existing(dir, view)?;
        match worst(&survey, false) {
            Some(note) => Err(unsound(&dir, note)),
            None => Ok((dir, survey)),
        }
    }

    /// Refuses a keystore under this name if the node would not start with it in the directory.
    pub fn admits(&self, name: &str, bytes: &[u8], view: &View) -> Result<(), Failure> {
        let document = Document::parse(bytes).map_err(|error| {
            refused(error, "the keystore is not usable", "Use another keystore.")
        })?;
        if let Some(survey) = &self.survey {
            if let Some(note) = worst(survey, true) {
                return Err(unsound(&self.dir, note));
            }
            is_new(survey, &document)?;
        }
        // The whole directory, as `keys check` will see it.
        let together =
            keystores::survey_with(&self.dir, view.user.uid, (name, bytes), view.probe());
        let together = together.map_err(Failure::usage)?;
        if let Some(note) = worst(&together, false) {
            return Err(Failure::usage(
                Fault::new(format!(
                    "with this keystore in {}, {}: {}",
                    self.dir.display(),
                    note.about,
                    note.seen
                ))
                .fix("Fix the keystore that you import. Nothing was written."),
            ));
        }
        match &self.survey {
            Some(survey) => changes_nothing(survey, name, &document),
            None => Ok(()),
        }
    }

    /// Whether the directory has no keystore yet.
    pub fn is_empty(&self) -> bool {
        let survey = self.survey.as_ref();
        survey.is_none_or(|survey| survey.documents.is_empty())
    }

    /// The schema version that a new keystore must have.
    pub fn version(&self) -> u8 {
        // A file without validators may have either version.
        let mut others = self.survey.iter().flat_map(|survey| &survey.documents);
        let second = others.any(|(_, it)| it.schema_version == 2 && !it.validators.is_empty());
        if second { 2 } else { 1 }
    }

    /// Adds a keystore to the directory under a free name. `before` creates its files elsewhere after all checks, so that no
    /// secret without a keystore is left there.
    pub fn add(
        &self,
        name: Option<&str>,
        bytes: &[u8],
        mut files: NewFiles,
        view: &View,
        before: impl FnOnce(&mut NewFiles) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        files.make_dir(&self.dir, mine(DIRECTORY, view.user))?;
        let mut held = files.hold(&self.dir)?;
        // The checks run again, now that nobody else can add to the directory.
        let now = Self::look(&self.dir, view)?;
        let name = now.free_name(name, view)?;
        now.admits(&name, bytes, view)?;
        before(held.elsewhere())?;
        Ok(held.put_new(OsStr::new(&name), bytes, mine(FILE, view.user))?)
    }

    /// The file name of a new keystore: the given name, or the first free one. Refuses a given name that is taken.
    pub fn free_name(&self, given: Option<&str>, view: &View) -> Result<String, Failure> {
        if let Some(name) = given {
            let name = format!("{name}.json");
            is_free(&self.dir.join(&name), view)?;
            return Ok(name);
        }
        for number in 1..=u16::MAX {
            let name = format!("key{number}.json");
            if view.host.meta(&self.dir.join(&name))?.is_none() {
                return Ok(name);
            }
        }
        Err(Failure::usage(
            Fault::new("no default name is free").fix("Choose a name with --name."),
        ))
    }
}

/// Refuses an attester that is already in the directory.
fn is_new(survey: &Survey, document: &Document) -> Result<(), Failure> {
    let known = survey.attesters();
    let owner = |address: &Address| known.iter().find(|one| one.attester == Some(*address));
    let new = document
        .validators
        .iter()
        .flat_map(|entry| &entry.attesters);
    for address in new.filter_map(|one| one.eth.address()) {
        if let Some(Listed { file, .. }) = owner(&address) {
            return Err(Failure::usage(
                Fault::new(format!("attester {address} is already in {file}")).fix(
                    "An attester may be on one node only, and only once. For more attesters of the same mnemonic, add --first-index.",
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses a keystore that would change the payers, signers or recipients of any validator, existing or new. The node
/// merges all files into one keystore, so a setting for all validators of one file also applies to the other files.
fn changes_nothing(survey: &Survey, name: &str, new: &Document) -> Result<(), Failure> {
    let before = survey.attesters();
    let alone = listed(&[(name, new)]);
    let mut documents = survey.by_name();
    documents.push((name, new));
    documents.sort_by_key(|(name, _)| *name);
    let together = listed(&documents);
    for was in before.iter().chain(&alone) {
        let of = |one: &&Listed| one.file == was.file && one.attester == was.attester;
        let Some(now) = together.iter().find(of) else {
            continue;
        };
        let field = if now.coinbase != was.coinbase {
            "coinbase"
        } else if now.publishers != was.publishers {
            "publisher"
        } else if now.fee_recipient != was.fee_recipient {
            "feeRecipient"
        } else if now.signer != was.signer || now.payers != was.payers {
            "remoteSigner"
        } else {
            continue;
        };
        let who = was
            .attester
            .map_or_else(|| was.role.clone(), |it| format!("attester {it}"));
        return Err(Failure::usage(
            Fault::new(format!(
                "the merged files would give {who} another {field}: a setting for all validators of one file also applies to the other files"
            ))
            .fix(format!(
                "Set the {field} in each element of validators[] instead of once for the file. Nothing was written."
            )),
        ));
    }
    Ok(())
}

/// The first problem that forbids using a directory. An empty directory is fine for an addition.
fn worst(survey: &Survey, adding: bool) -> Option<&Note> {
    let empty = adding && survey.documents.is_empty();
    survey
        .notes
        .iter()
        .find(|note| note.grade == Grade::Bad && !(empty && note.about == About::Keystores))
}

fn unsound(dir: &Path, note: &Note) -> Failure {
    Failure::usage(
        Fault::new(format!("{}: {}", note.about, note.seen)).fix(format!(
            "{} `aztec-kit keys check {}` shows every problem.",
            note.fix.as_deref().unwrap_or("Fix this first."),
            dir.display()
        )),
    )
}

/// The metadata of an input file, and its content as plain text.
pub fn given(path: &Path, view: &View) -> Result<(Meta, Zeroizing<Vec<u8>>), Failure> {
    let bad = |what: String, fix: &str| Err(Failure::usage(Fault::new(what).fix(fix)));
    let shown = path.display();
    let Some(meta) = view.host.meta(path).map_err(Failure::usage)? else {
        return bad(format!("{shown} does not exist"), "Check the path.");
    };
    if meta.file_type != FileType::File {
        let what = format!("{shown} is a {}, not a file", meta.file_type.word());
        return bad(what, "Name a regular file.");
    }
    let bytes = view.host.read(path).map_err(Failure::usage)?;
    let bytes = Zeroizing::new(bytes.unwrap_or_default());
    Ok((meta, keys::plain(bytes)))
}

/// Refuses a file with unencrypted keys if others can read it.
pub fn private(path: &Path, meta: &Meta) -> Result<(), Failure> {
    if meta.mode & 0o077 == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(Failure::usage(
        Fault::new(format!(
            "{shown} has mode {:04o}: others can read the keys in it",
            meta.mode
        ))
        .fix("If nobody else has read it, run `chmod 600` on it and run the command again. Otherwise create new keys."),
    ))
}

/// The absolute path of a new file. Its directory must exist and must not be a keystore directory, and its name must be
/// free.
pub fn outside(path: &Path, keystores: &[&Path], view: &View) -> Result<PathBuf, Failure> {
    let path = apart(path, keystores, view)?;
    is_free(&path, view)?;
    Ok(path)
}

/// An absolute path outside every keystore directory, in a directory that exists.
fn apart(path: &Path, keystores: &[&Path], view: &View) -> Result<PathBuf, Failure> {
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
    let services = Component::all().filter_map(|it| it.spec().keystores);
    let services = services.map(|it| Path::new(it.directory));
    for keystore in keystores.iter().copied().chain(services) {
        let keystore = absolute(keystore)?;
        if real.starts_with(leads(&keystore)?) || path.starts_with(&keystore) {
            return Err(Failure::usage(
                Fault::new(format!(
                    "{} is in the keystore directory, where the node would load it",
                    path.display()
                ))
                .fix("Choose another directory."),
            ));
        }
    }
    Ok(path)
}

/// A directory for a backup: a new one, or the one of a killed run.
#[derive(Debug)]
pub struct BackupDir {
    /// Its path.
    pub path: PathBuf,
    /// The names of its files.
    pub names: BTreeSet<String>,
}

/// [`outside`] for a directory that may already exist.
pub fn new_or_begun(path: &Path, keystores: &[&Path], view: &View) -> Result<BackupDir, Failure> {
    let kind = view.host.kind(&absolute(path)?).map_err(Failure::usage)?;
    if kind != Some(FileType::Directory) {
        let path = outside(path, keystores, view)?;
        return Ok(BackupDir {
            path,
            names: BTreeSet::new(),
        });
    }
    let path = apart(path, keystores, view)?;
    let names = view.host.list(&path).map_err(Failure::usage)?;
    let names = names.unwrap_or_default().into_iter();
    // A temporary file of a killed run is encrypted and harmless.
    let names = names.filter(|name| !name.ends_with(STAGED));
    Ok(BackupDir {
        path,
        names: names.collect(),
    })
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

/// The note with the last keystore that was created on this host.
const NOTE: &str = "last keys";

/// The writer of new files in these places. For root, a place below the configuration of this host needs a run with the
/// lock. Other places need neither.
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

/// Creates a new file outside the keystore directory. It is synced and has its final mode from the start.
pub fn put(
    path: &Path,
    bytes: &[u8],
    permissions: Permissions,
    files: &mut NewFiles,
) -> Result<(), Failure> {
    let mut held = files.hold(path.parent().unwrap_or(Path::new("/")))?;
    held.put_new(path.file_name().unwrap_or_default(), bytes, permissions)?;
    Ok(())
}

/// Permissions for the user that runs aztec-kit.
pub fn mine(mode: u32, User { uid, gid }: User) -> Permissions {
    Permissions { uid, gid, mode }
}
