//! The prior state of UFW, and the copies of its prior rules.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::state::{RULES, Seen};
use crate::Fault;
use crate::host::{HostMut, Probe};
use crate::kinds::before::{self, Stay};

/// The prior state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    pub(super) enabled: bool,
    pub(super) at_boot: bool,
    pub(super) policy: String,
    texts: [Option<Before>; 2],
}

/// Prior rules. They are not journaled, because the comments of an operator may contain anything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Before {
    /// A copy exists.
    Kept {
        /// Its digest.
        sha256: String,
    },
    /// In journals of earlier versions: the text itself.
    Text(String),
}

impl Before {
    /// The text; nothing when its copy is missing.
    fn text(&self, path: &str, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        match self {
            Self::Text(text) => Ok(Some(text.clone())),
            Self::Kept { sha256 } => {
                let bytes = before::kept(Path::new(path), sha256, probe)?;
                Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            }
        }
    }
}

impl Prior {
    /// The observed state, if it is to be restored later.
    pub(super) fn of(seen: &Seen) -> Self {
        Self {
            enabled: seen.enabled,
            at_boot: seen.at_boot,
            policy: seen.policy.clone(),
            texts: seen.texts.each_ref().map(|text| {
                text.as_ref().map(|text| Before::Kept {
                    sha256: before::digest(text.as_bytes()),
                })
            }),
        }
    }

    /// The prior rules of each address family.
    pub(super) fn texts(&self, probe: &dyn Probe) -> Result<[Option<String>; 2], Fault> {
        let text = |family: usize| match &self.texts[family] {
            Some(before) => before.text(RULES[family], probe),
            None => Ok(None),
        };
        Ok([text(0)?, text(1)?])
    }

    /// The prior rules are restored, so that their copies are needed only as long as they are on record.
    pub(super) fn restored(&self, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        for (path, text) in RULES.iter().zip(&self.texts) {
            if let Some(Before::Kept { sha256 }) = text {
                before::restored(Path::new(path), sha256, host_mut)?;
            }
        }
        Ok(())
    }
}

/// Copies the rules.
pub(super) fn keep(seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    // ufw itself writes the file, so its content does not tell who made a rule. A copy that is not on record may be
    // removed.
    for (path, text) in RULES.iter().zip(&seen.texts) {
        if let Some(text) = text {
            before::keep(Path::new(path), text.as_bytes(), Stay::OnRecord, host_mut)?;
        }
    }
    Ok(())
}
