//! Roots, from which machines boot. Each is made once per cache.

use std::path::PathBuf;

use anyhow::Result;

use super::debian::Debian;
use crate::cache;

/// A read-only root file system, as a stack of directories.
#[derive(Debug, Clone)]
pub struct Root {
    pub(super) id: String,
    /// The directories, the uppermost first, as the kernel's overlay expects them.
    pub(super) layers: Vec<PathBuf>,
}

impl Root {
    /// A freshly installed Debian of this suite (`trixie`, `bookworm`).
    pub fn pristine(suite: &str) -> Result<Root> {
        let debian = Debian::new(suite, &[]);
        let id = format!("{suite}-{}", debian.fingerprint());
        let path = cache::once("roots", &id, |partial| debian.install(partial, &[]))?;
        Ok(Root {
            id,
            layers: vec![path],
        })
    }

    /// The root's name in the cache: the same content always has the same name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its directories on the outer machine, the uppermost first.
    pub fn layers(&self) -> &[PathBuf] {
        &self.layers
    }
}
