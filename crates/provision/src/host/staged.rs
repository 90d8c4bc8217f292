//! Staged files: new content beside a file, before it is renamed.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::HostMut;
use crate::Fault;

/// The suffix of a staged file.
const STAGED: &str = ".aztec-kit-new";

/// The hidden path beside a file where its new content is staged before it is renamed. The name is fixed, so that the
/// next run replaces the staged file of a killed one. `None` for a path without a file name, such as `/`.
pub(crate) fn staged(path: &Path) -> Option<PathBuf> {
    Some(path.with_file_name(staged_name(path.file_name()?)))
}

pub(super) fn staged_name(name: &OsStr) -> OsString {
    let mut staged = OsString::from(".");
    staged.push(name);
    staged.push(STAGED);
    staged
}

/// Whether this is the name of a staged file that a killed run may have left.
pub fn is_staged(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(STAGED)
}

/// Removes the staged file of a killed run.
///
/// # Errors
///
/// When it exists and cannot be removed.
pub(crate) fn clear_staged(path: &Path, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    match staged(path) {
        Some(staged) if host_mut.meta(&staged)?.is_some() => host_mut.remove(&staged),
        _ => Ok(()),
    }
}
