//! The prior state of a file, and how it is restored.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::engine::Reverted;
use crate::host::{FileType, HostMut, Meta, NewFile};
use crate::kinds::before::{self, digest};

/// The prior state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// Nothing.
    Nothing,
    /// A file with a copy.
    Kept {
        /// Digest of its content.
        sha256: String,
        /// Numeric owner.
        uid: u32,
        /// Numeric group.
        gid: u32,
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link and its target.
    Link(PathBuf),
    /// The type of anything else. It cannot be restored.
    Special(String),
    /// In journals of earlier versions: a file with its content, owner, group and mode.
    File(String, u32, u32, u32),
    /// In journals of earlier versions: a file whose content was not recorded.
    Unrecorded,
}

impl Prior {
    /// Restores it at this path.
    pub(super) fn restore(
        &self,
        path: &Path,
        host_mut: &mut dyn HostMut,
    ) -> Result<Reverted, Fault> {
        match self {
            Self::Nothing => host_mut.remove(path)?,
            Self::Kept {
                sha256,
                uid,
                gid,
                mode,
            } => return restore_copy(path, sha256, (*uid, *gid, *mode), host_mut),
            Self::Special(word) => {
                return Ok(Reverted::Kept(format!(
                    "it was a {word} before, which cannot be restored"
                )));
            }
            Self::Unrecorded => {
                return Ok(Reverted::Kept(
                    "its prior content was not recorded because it contains keys".into(),
                ));
            }
            Self::Link(target) => host_mut.symlink(path, target)?,
            Self::File(text, uid, gid, mode) => host_mut.put(&NewFile {
                path,
                bytes: text.as_bytes(),
                uid: *uid,
                gid: *gid,
                mode: *mode,
            })?,
        }
        Ok(Reverted::Restored)
    }
}

/// Restores owner, mode, and the content from its copy.
fn restore_copy(
    path: &Path,
    sha256: &str,
    (uid, gid, mode): (u32, u32, u32),
    host_mut: &mut dyn HostMut,
) -> Result<Reverted, Fault> {
    let file = |meta: Meta| meta.file_type == FileType::File;
    let now = match host_mut.meta(path)?.is_some_and(file) {
        true => host_mut.read(path)?,
        false => None,
    };
    if now.is_some_and(|now| digest(&now) == sha256) {
        host_mut.own(path, uid, gid, mode)?;
    } else if let Some(bytes) = before::kept(path, sha256, host_mut.probe())? {
        host_mut.put(&NewFile {
            path,
            bytes: &bytes,
            uid,
            gid,
            mode,
        })?;
    } else {
        return Ok(Reverted::Kept(format!(
            "the copy of its prior content is no longer in {}",
            before::STORE
        )));
    }
    before::restored(path, sha256, host_mut)?;
    Ok(Reverted::Restored)
}
