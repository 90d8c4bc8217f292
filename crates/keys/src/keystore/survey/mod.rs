//! A directory of keystores as a whole: how the node would read it, and who else could.
//!
//! This module is pure: the caller reads the directory and passes its content. systemd copies every file of the
//! directory, also those of sub-directories, into one directory that only the service can read. It skips links. The node
//! loads every `*.json` there, and does not start if one of them is not a keystore.

mod content;
mod file;
mod note;
mod roles;

use std::collections::BTreeSet;

use alloy_primitives::Address;

use super::document::Document;
use super::merged::{Defaults, Listed, listed};
pub use file::{STAGED, Seen, Sort};
use note::counted;
pub use note::{About, Grade, Note};

/// The largest total size of a unit's credentials, in bytes. systemd refuses to start a unit with more.
const MOST_CREDENTIALS: usize = 1 << 20;

/// The result of the checks of a directory.
#[derive(Debug)]
pub struct Survey {
    /// The keystores, with the names of their files.
    pub documents: Vec<(String, Document)>,
    /// The findings.
    pub notes: Vec<Note>,
}

impl Survey {
    /// Checks a directory. Its files must belong to the user id `owner`.
    #[must_use]
    pub fn of(mut seen: Vec<Seen>, owner: u32) -> Self {
        // Node.js lists a directory in this order. It decides which file counts if two set a value for all validators.
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        let size: usize = seen
            .iter()
            .filter_map(|seen| seen.bytes.as_ref())
            .map(|b| b.len())
            .sum();
        let mut survey = Self {
            documents: Vec::new(),
            notes: Vec::new(),
        };
        for seen in seen {
            let (document, notes) = file::check(seen, owner);
            survey.documents.extend(document);
            survey.notes.extend(notes);
        }
        let together = together(&survey.by_name(), &survey.notes, size);
        survey.notes.extend(together);
        survey
    }

    /// Whether the node would start with it and no key is in danger.
    #[must_use]
    pub fn sound(&self) -> bool {
        self.notes.iter().all(|note| note.grade != Grade::Bad)
    }

    /// Every attester of every file, and the prover.
    #[must_use]
    pub fn attesters(&self) -> Vec<Listed> {
        listed(&self.by_name())
    }

    /// The keystores with their names, in the order in which the node reads them.
    #[must_use]
    pub fn by_name(&self) -> Vec<(&str, &Document)> {
        let documents = self.documents.iter();
        documents.map(|(name, it)| (name.as_str(), it)).collect()
    }

    /// Compares the directory with that of another node. Two nodes with one publisher use each other's nonces, and an
    /// attester on two nodes can be slashed.
    pub fn against(&mut self, other: &str, theirs: &[Listed]) {
        let ours = self.attesters();
        let publishers = |listed: &[Listed]| -> BTreeSet<Address> {
            listed
                .iter()
                .flat_map(|one| one.publishers.clone())
                .collect()
        };
        let attesters = |listed: &[Listed]| -> BTreeSet<Address> {
            listed.iter().filter_map(|one| one.attester).collect()
        };
        let mut notes = Vec::new();
        let mut note = |grade, seen: String, fix: &str| {
            notes.push(Note::new(About::Shared(other.to_owned()), grade, seen).fix(fix));
        };
        for address in publishers(&ours).intersection(&publishers(theirs)) {
            note(
                Grade::Bad,
                format!(
                    "{address} pays for the transactions of both nodes: they would use each other's nonces"
                ),
                "Give one of them a publisher of its own.",
            );
        }
        for address in attesters(&ours).intersection(&attesters(theirs)) {
            note(
                Grade::Odd,
                format!(
                    "attester {address} is on both nodes: it is slashed for signing twice, unless both share one signing database"
                ),
                "Remove it from one of them, or give both the same signing database (VALIDATOR_HA_SIGNING_ENABLED).",
            );
        }
        if notes.is_empty() {
            let about = About::Shared(other.to_owned());
            let seen = "no attester and no publisher";
            notes.push(Note::new(about, Grade::Good, seen));
        }
        self.notes.extend(notes);
    }
}

/// The findings about the keystores of a directory. `files` are those about its files, which have `size` bytes in total.
fn together(documents: &[(&str, &Document)], files: &[Note], size: usize) -> Vec<Note> {
    let all = Defaults::of(documents);
    let mut notes = as_one(documents, files, size);
    for (name, document) in documents {
        notes.extend(content::check(name, document, &all, documents.len()));
    }
    if notes.is_empty() && !documents.is_empty() {
        let validators = documents.iter().flat_map(|(_, it)| &it.validators);
        let count: usize = validators.map(|entry| entry.attesters.len()).sum();
        notes.push(Note::new(
            About::Keystores,
            Grade::Good,
            format!(
                "{} with {}",
                counted(documents.len(), "file", "files"),
                counted(count, "attester", "attesters")
            ),
        ));
    }
    notes.extend(roles::check(documents, &all));
    notes
}

/// The findings about all files together that the node, or systemd, refuses.
fn as_one(documents: &[(&str, &Document)], files: &[Note], size: usize) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut bad = |seen: String, fix: &str| {
        notes.push(Note::new(About::Keystores, Grade::Bad, seen).fix(fix));
    };
    // A broken keystore has a finding already, and is not a missing one.
    let broken = files.iter().any(|note| {
        note.grade == Grade::Bad
            && matches!(&note.about, About::File(name) if file::is_keystore(name))
    });
    if documents.is_empty() && !broken {
        bad(
            "there is none".into(),
            "Make one with `aztec-kit keys new`.",
        );
    }
    if size > MOST_CREDENTIALS {
        bad(
            format!(
                "the files have {size} bytes in total, and systemd passes on at most {MOST_CREDENTIALS}"
            ),
            "Spread the validators over several hosts.",
        );
    }
    // A file without validators may have either version.
    let second = documents.iter().any(|(_, it)| it.schema_version == 2);
    let first = |it: &Document| it.schema_version == 1 && !it.validators.is_empty();
    if second && documents.iter().any(|(_, it)| first(it)) {
        bad(
            "some have schemaVersion 1 and some 2, and the node refuses to mix them".into(),
            "Use one version.",
        );
    }
    let mut provers = documents.iter().filter(|(_, it)| it.prover.is_some());
    if let (Some((one, _)), Some((two, _))) = (provers.next(), provers.next()) {
        bad(
            format!("{one} and {two} both have a prover, and the node accepts only one"),
            "Remove one.",
        );
    }
    notes
}

#[cfg(test)]
mod tests;
