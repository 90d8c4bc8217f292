//! A directory of keystores on this host: looked at as a whole, added to, never changed otherwise.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aztec::keystores::{self, DIRECTORY};
use keys::Address;
use keys::keystore::survey::{About, Grade, Note, STAGED, Survey};
use keys::keystore::{Document, Listed, listed};
use provision::Fault;
use provision::engine::{NewFiles, Permissions};
use provision::host::{FileType, Meta, resolved};
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
pub fn refused(error: keys::Error, what: impl Into<String>, fix: &str) -> Failure {
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
        let survey = keystores::survey(&dir, view.user.uid, view.probe());
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

    /// Whether this keystore may come into the directory under this name; refuses what the node would not start with.
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
        // All of it as `keys check` will see it.
        let together =
            keystores::survey_with(&self.dir, view.user.uid, (name, bytes), view.probe());
        let together = together.map_err(Failure::usage)?;
        if let Some(note) = worst(&together, false) {
            return Err(Failure::usage(
                Fault::new(format!(
                    "with this keystore in {}, {}: {}",
                    self.dir.display(),
                    note.about,
                    note.message
                ))
                .fix("Put that right in what you bring in. Nothing was written."),
            ));
        }
        match &self.survey {
            Some(survey) => changes_nothing(survey, name, &document),
            None => Ok(()),
        }
    }

    /// Whether there is no keystore yet.
    pub fn is_empty(&self) -> bool {
        let survey = self.survey.as_ref();
        survey.is_none_or(|survey| survey.documents.is_empty())
    }

    /// The schema version that a new keystore has to be of.
    pub fn version(&self) -> u8 {
        // A file without validators may be of either version.
        let mut others = self.survey.iter().flat_map(|survey| &survey.documents);
        let second = others.any(|(_, it)| it.schema_version == 2 && !it.validators.is_empty());
        if second { 2 } else { 1 }
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
        files.make_dir(&self.dir, mine(DIRECTORY, view.user))?;
        let mut held = files.hold(&self.dir)?;
        // Again, now that nobody else adds to it.
        let now = Self::look(&self.dir, view)?;
        let name = now.free_name(name, view)?;
        now.admits(&name, bytes, view)?;
        before(held.elsewhere())?;
        Ok(held.put_new(OsStr::new(&name), bytes, mine(FILE, view.user))?)
    }

    /// The name that a keystore gets: the given one, unless that is taken, or the first that is free.
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
            Fault::new("no name is free").fix("Give --name."),
        ))
    }
}

/// Refuses an attester that is there already, with a word on how that comes about.
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
                Fault::new(format!("attester {address} is in {file} already")).fix(
                    "An attester must be on one node once. For further ones of the same mnemonic give --first-index.",
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses a keystore with which others would pay, sign or be paid differently, or that would itself: the node makes one
/// keystore of all files, and what one of them says for all validators it says for those of the others.
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
                "together the files would give {who} another {field}: what a file says for all validators counts for those of the other files, too"
            ))
            .fix(format!(
                "Name the {field} in each element of validators[] instead of once for the file. Nothing was written."
            )),
        ));
    }
    Ok(())
}

/// The first thing that forbids to use a directory; to add to one that is still empty is fine.
fn worst(survey: &Survey, adding: bool) -> Option<&Note> {
    let empty = adding && survey.documents.is_empty();
    survey
        .notes
        .iter()
        .find(|note| note.grade == Grade::Bad && !(empty && note.about == About::Keystores))
}

fn unsound(dir: &Path, note: &Note) -> Failure {
    Failure::usage(
        Fault::new(format!("{}: {}", note.about, note.message)).fix(format!(
            "Put that right first; `aztec-kit keys check {}` shows all of it.",
            dir.display()
        )),
    )
}

/// A file that somebody gives, as plain text, and what is known of it.
pub fn given(path: &Path, view: &View) -> Result<(Meta, Zeroizing<Vec<u8>>), Failure> {
    let bad = |what: String, fix: &str| Err(Failure::usage(Fault::new(what).fix(fix)));
    let shown = path.display();
    let Some(meta) = view.host.meta(path).map_err(Failure::usage)? else {
        return bad(format!("{shown} does not exist"), "Check the path.");
    };
    if meta.file_type != FileType::File {
        let what = format!("{shown} is a {}, not a file", meta.file_type.word());
        return bad(what, "Name the file itself.");
    }
    let bytes = view.host.read(path).map_err(Failure::usage)?;
    let bytes = Zeroizing::new(bytes.unwrap_or_default());
    Ok((meta, keys::plain(bytes)))
}

/// Refuses a file with keys in it that are not encrypted, if others can read it.
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
        .fix("If nobody has, `chmod 600` it and run this again; otherwise make new keys."),
    ))
}

/// Where a new file may go: its directory exists and is no keystore directory, and the name is free.
pub fn outside(path: &Path, keystores: &[&Path], view: &View) -> Result<PathBuf, Failure> {
    let path = apart(path, keystores, view)?;
    is_free(&path, view)?;
    Ok(path)
}

/// An absolute path that is in no keystore directory, below a directory that exists.
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
    Ok(path)
}

/// A directory for a backup: a new one, or what a killed run has made of it.
#[derive(Debug)]
pub struct Begun {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub names: BTreeSet<String>,
}

/// [`outside`] for a directory that may be there.
pub fn outside_or_begun(path: &Path, keystores: &[&Path], view: &View) -> Result<Begun, Failure> {
    let kind = view.host.kind(&absolute(path)?).map_err(Failure::usage)?;
    if kind != Some(FileType::Directory) {
        let path = outside(path, keystores, view)?;
        return Ok(Begun {
            path,
            names: BTreeSet::new(),
        });
    }
    let path = apart(path, keystores, view)?;
    let names = view.host.list(&path).map_err(Failure::usage)?;
    let names = names.unwrap_or_default().into_iter();
    // What a kill left of a file that had no name yet is encrypted, and in nobody's way.
    let names = names.filter(|name| !name.ends_with(STAGED));
    Ok(Begun {
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
