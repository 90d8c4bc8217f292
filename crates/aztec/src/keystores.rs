//! Directories of keystores, judged by the rules of `keys check` and of the node.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keys::Address;
use keys::keystore::Document;
use keys::keystore::survey::{About, Grade, Note, Seen, Sort, Survey};
use provision::Fault;
use provision::host::{FileType, Probe};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Permission bits of a directory of keystores, which only its owner can use.
pub const DIRECTORY: u32 = 0o700;
/// Permission bits of a keystore.
const FILE: u32 = 0o600;
/// The owner of the keystores of the services.
pub(crate) const ROOT: u32 = 0;

/// Judges a directory of keystores that must belong to `owner`; `None` if it does not exist.
pub fn survey(dir: &Path, owner: u32, probe: &dyn Probe) -> Result<Option<Survey>, Fault> {
    look(dir, owner, None, probe)
}

/// Judges a directory as if it had one more keystore, of `owner`.
pub fn survey_with(
    dir: &Path,
    owner: u32,
    (name, bytes): (&str, &[u8]),
    probe: &dyn Probe,
) -> Result<Survey, Fault> {
    let mut seen = entries(dir, probe)?;
    seen.push(Seen {
        name: name.to_owned(),
        sort: Sort::File,
        mode: FILE,
        uid: owner,
        bytes: Some(Zeroizing::new(bytes.to_vec())),
    });
    Ok(Survey::of(seen, owner))
}

/// A keystore in a directory.
#[derive(Debug)]
pub(crate) struct Keystore {
    /// The name of its file.
    pub name: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Its content.
    pub document: Document,
}

impl Keystore {
    /// Its attesters; `None` for one in an encrypted file.
    pub fn attesters(&self) -> impl Iterator<Item = Option<Address>> {
        let entries = self.document.validators.iter();
        entries
            .flat_map(|entry| &entry.attesters)
            .map(|attester| attester.eth.address())
    }

    /// The keys in it, by names that do not reveal them; `None` if it contains more than keys of validators.
    pub fn keys(&self) -> Option<BTreeSet<String>> {
        let Document {
            prover,
            publishers,
            extras,
            funding,
            mnemonics,
            files,
            ..
        } = &self.document;
        let plain = prover.is_none()
            && publishers.is_none()
            && extras.is_empty()
            && funding.is_empty()
            && mnemonics.is_empty()
            && files.is_empty();
        let names = self.document.keys().into_iter().map(|(name, _)| name);
        plain.then(|| names.collect())
    }
}

/// The keystores that the node would load from a directory, in the order of their names; `None` if it does not exist.
pub(crate) fn keystores(dir: &Path, probe: &dyn Probe) -> Result<Option<Vec<Keystore>>, Fault> {
    let meta = probe.meta(dir)?;
    if meta.is_none_or(|meta| meta.file_type != FileType::Directory) {
        return Ok(None);
    }
    let seen = entries(dir, probe)?;
    let digests: BTreeMap<_, _> = seen
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), sha256(entry.bytes.as_ref()?))))
        .collect();
    let documents = Survey::of(seen, ROOT).documents.into_iter();
    Ok(Some(
        documents
            .map(|(name, document)| Keystore {
                sha256: digests.get(&name).cloned().unwrap_or_default(),
                name,
                document,
            })
            .collect(),
    ))
}

/// SHA-256 of a file, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

/// Judges a directory of keystores. `created` is a keystore that aztec-kit creates itself. A run repairs the owner and
/// mode of that file and of its directory, so they are judged as if they were right.
pub(crate) fn look(
    dir: &Path,
    owner: u32,
    created: Option<&Path>,
    probe: &dyn Probe,
) -> Result<Option<Survey>, Fault> {
    let Some(meta) = probe.meta(dir)? else {
        return Ok(None);
    };
    let shown = dir.display();
    let mut notes = Vec::new();
    if meta.file_type != FileType::Directory {
        let seen = format!("{shown} is a {}", meta.file_type.word());
        let note = Note::new(About::Directory, Grade::Bad, seen);
        return Ok(Some(Survey {
            documents: Vec::new(),
            notes: vec![note.fix("Name the directory itself.")],
        }));
    }
    let mut bad = |seen: String, fix: String| {
        notes.push(Note::new(About::Directory, Grade::Bad, seen).fix(fix));
    };
    if created.is_none() {
        if meta.mode & 0o777 != DIRECTORY {
            let seen = format!("{shown} has mode {:04o}, not {DIRECTORY:04o}", meta.mode);
            bad(
                seen,
                format!("Run `chmod 700 {shown}`, and make new keys if others could read them."),
            );
        }
        if meta.uid != owner {
            let seen = format!("{shown} belongs to user {}, not to {owner}", meta.uid);
            bad(seen, format!("Run `chown {owner} {shown}`."));
        }
    }
    if notes.is_empty() {
        let seen = format!("{shown}, for its owner alone");
        notes.push(Note::new(About::Directory, Grade::Good, seen));
    }
    let mut seen = entries(dir, probe)?;
    for entry in &mut seen {
        if entry.sort == Sort::File && created == Some(dir.join(&entry.name).as_path()) {
            (entry.uid, entry.mode) = (owner, FILE);
        }
    }
    let mut survey = Survey::of(seen, owner);
    survey.notes.splice(0..0, notes);
    Ok(Some(survey))
}

fn entries(dir: &Path, probe: &dyn Probe) -> Result<Vec<Seen>, Fault> {
    let mut entries = Vec::new();
    for name in probe.list(dir)?.unwrap_or_default() {
        let path = dir.join(&name);
        let Some(meta) = probe.meta(&path)? else {
            continue;
        };
        let sort = match meta.file_type {
            FileType::File => Sort::File,
            FileType::Directory => Sort::Directory,
            FileType::Symlink => Sort::Symlink,
            FileType::Other => Sort::Other,
        };
        let bytes = match sort {
            Sort::File => probe.read(&path)?.map(Zeroizing::new),
            _ => None,
        };
        entries.push(Seen {
            name,
            sort,
            mode: meta.mode,
            uid: meta.uid,
            bytes,
        });
    }
    Ok(entries)
}
