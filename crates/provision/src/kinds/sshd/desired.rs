//! The drop-in as it should be on this host.

use std::path::{Path, PathBuf};

use super::config::Config;
use super::strict;
use crate::Fault;
use crate::host::Probe;

/// The desired drop-in. A stricter value of the host stays.
#[derive(Debug)]
pub(super) struct Desired {
    pub path: PathBuf,
    /// Keywords in lower case and their values.
    pub values: Vec<(String, String)>,
    pub text: String,
}

impl Desired {
    /// Compares the settings with the rest of the configuration, as an sshd with these options reads it.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be read.
    pub fn read(
        path: &Path,
        settings: &[(String, String)],
        options: &[String],
        probe: &dyn Probe,
    ) -> Result<Self, Fault> {
        let others = Config::read(probe, Some((path, "")))?.after(options);
        let value = |keyword: &str, value: &str| match others.first(keyword) {
            Some(theirs) => strict::stricter(keyword, &theirs.directive.value, value),
            None => value.to_owned(),
        };
        let mut text =
            "# Written by aztec-kit; changes here are undone by its next run.\n".to_owned();
        let mut values = Vec::new();
        for (keyword, configured) in settings {
            let lower = keyword.to_ascii_lowercase();
            let value = value(&lower, configured);
            text += &format!("{keyword} {value}\n");
            values.push((lower, value));
        }
        Ok(Self {
            path: path.to_owned(),
            values,
            text,
        })
    }
}
