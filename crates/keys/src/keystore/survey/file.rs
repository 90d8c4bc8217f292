//! One file of the directory: whether the service gets it, and whether others can read or change it.

use zeroize::Zeroizing;

use super::note::{Grade, Note};
use crate::keystore::document::Document;

/// The end of the name of a file that is still being written.
pub const STAGED: &str = ".aztec-kit-new";

/// One name in the directory.
#[derive(Debug)]
pub struct Seen {
    /// The name.
    pub name: String,
    /// The type of the file.
    pub sort: Sort,
    /// Permission bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// The content of a regular file.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
}

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else.
    Other,
}

/// Whether the node reads a file of this name as a keystore.
pub(super) fn is_keystore(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".json")
}

/// The keystore in a file that must belong to the user id `owner`, and the findings about the file.
pub(super) fn check(seen: Seen, owner: u32) -> (Option<(String, Document)>, Vec<Note>) {
    if let Some(note) = misplaced(&seen) {
        return (None, vec![note]);
    }
    if seen.name.starts_with('.') {
        return (None, Vec::new());
    }
    let mut notes = access(&seen, owner);
    let Seen { name, bytes, .. } = seen;
    match Document::parse(bytes.as_ref().map_or(&[], |bytes| bytes.as_slice())) {
        Ok(document) => (Some((name, document)), notes),
        Err(error) => {
            notes.push(
                Note::new(name.as_str(), Grade::Bad, error.to_string())
                    .fix("Put that right, or move the file out of this directory."),
            );
            (None, notes)
        }
    }
}

/// The finding about something that is not a keystore.
fn misplaced(seen: &Seen) -> Option<Note> {
    let name = seen.name.as_str();
    if name.starts_with('.') {
        let left = "a killed run left it half written, with keys in it";
        return name
            .ends_with(STAGED)
            .then(|| Note::new(name, Grade::Odd, left).fix("Remove it."));
    }
    let out = "Move it out of this directory.";
    let (grade, what, fix) = match seen.sort {
        Sort::File if is_keystore(name) => return None,
        Sort::File => (Grade::Odd, "the node reads only *.json", out),
        Sort::Directory => (
            Grade::Bad,
            "is a directory: systemd passes its files to the node as keystores too",
            out,
        ),
        Sort::Symlink => (
            Grade::Bad,
            "is a symlink: systemd skips it, so the node does not get the key",
            "Put the file itself there.",
        ),
        Sort::Other => (Grade::Bad, "is not a regular file", out),
    };
    Some(Note::new(name, grade, what).fix(fix))
}

/// The findings about name, mode and owner.
fn access(seen: &Seen, owner: u32) -> Vec<Note> {
    let (name, mode, uid) = (seen.name.as_str(), seen.mode, seen.uid);
    let mut notes = Vec::new();
    let mut bad = |seen: String, fix: String| {
        notes.push(Note::new(name, Grade::Bad, seen).fix(fix));
    };
    let mut letters = name.bytes();
    if !letters.all(|byte| (b' '..=b'~').contains(&byte) && byte != b':') || name.len() > 200 {
        bad(
            "cannot be the name of a systemd credential".into(),
            "Rename it.".into(),
        );
    }
    if mode & 0o7177 != 0 {
        bad(
            format!("has mode {mode:04o}: others can read or change it"),
            "If nobody has, run `chmod 600` on it. Otherwise create new keys.".into(),
        );
    }
    if uid != owner {
        bad(
            format!("belongs to user {uid}, not to {owner}"),
            format!("Run `chown {owner}` on it."),
        );
    }
    notes
}
