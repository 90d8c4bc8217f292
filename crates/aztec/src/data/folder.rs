//! A release is a folder: its needs, its variables, and the packages to install.
//!
//! aztec-kit carries those under `data/releases/`, which the build finds. A host may have more of the same shape under
//! `/etc/aztec/releases/`.

use std::path::Path;

use provision::Fault;
use provision::host::{FileType, Probe};
use provision::kinds::LockText;
use serde::de::DeserializeOwned;

/// A release as the files of its folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder {
    /// The name of the folder.
    pub version: &'static str,
    /// Its path on this host; `None` if aztec-kit carries it.
    pub place: Option<&'static Path>,
    /// `release.toml`: its needs, its API, its components.
    pub facts: &'static str,
    /// `env.toml`: the variables that it reads. It can be missing if `facts` names a release that this one is like.
    pub env: Option<&'static str>,
    /// `omit.toml`: the files of its packages that no role reads.
    pub omit: Option<&'static str>,
    /// `package-lock.json`: all its packages, pinned.
    pub lock: Option<LockText>,
}

/// The releases that aztec-kit carries, in no order.
pub(crate) static CARRIED: &[Folder] = include!(concat!(env!("OUT_DIR"), "/releases.rs"));

impl Folder {
    /// The release in a directory of a host; `None` if it has no `release.toml`.
    ///
    /// Its texts stay in memory until aztec-kit ends, because a run reads them once.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn of_host(place: &Path, probe: &dyn Probe) -> Result<Option<Self>, Fault> {
        let text = |name: &str| -> Result<Option<&'static str>, Fault> {
            let path = place.join(name);
            // A pipe without a writer would block the run.
            if let Some(other) = probe.kind(&path)?.filter(|kind| *kind != FileType::File) {
                let what = format!("{} is a {} and not a file", path.display(), other.word());
                return Err(Fault::new(what).fix("Move it away."));
            }
            let text = probe.text(&path)?;
            Ok(text.map(|text| &*text.leak()))
        };
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let Some(facts) = text(FACTS)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            version: name.into_owned().leak(),
            place: Some(Box::leak(place.into())),
            facts,
            env: text(ENV)?,
            omit: text(OMIT)?,
            lock: text(LOCK)?.map(LockText::Plain),
        }))
    }

    /// One of its files, for people.
    pub fn file(&self, name: &str) -> String {
        match self.place {
            Some(place) => place.join(name).display().to_string(),
            None => format!("data/releases/{}/{name}", self.version),
        }
    }
}

/// The file with the facts.
pub(crate) const FACTS: &str = "release.toml";
/// The file with the variables.
pub(crate) const ENV: &str = "env.toml";
/// The file with the files of its packages that no role reads.
pub(crate) const OMIT: &str = "omit.toml";
/// The file with its packages.
pub(crate) const LOCK: &str = "package-lock.json";

/// Reads one of the files.
///
/// # Errors
///
/// With file and line, and never with a value. An unknown word of an enumeration is the exception.
pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Fault> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text[..at].matches('\n').count() + 1;
        let message = error.message().lines().next().unwrap_or_default();
        // The message shows a value of the wrong type before the expected type, and a value may be secret.
        let expected = message
            .strip_prefix("invalid ")
            .and(message.rsplit_once(", expected "));
        let what = expected.map_or(message.to_owned(), |(_, it)| format!("it must be {it}"));
        Fault::new(format!("{file}:{line}: {what}"))
            .fix("Correct the line. docs/reference/releases.md lists the keys of a release.")
    })
}

/// The line of a key such as `roles.txe`, or of its nearest parent that is there; 1 for the whole text.
pub(crate) fn line_of(text: &str, key: &str) -> usize {
    let Ok(document) = text.parse::<toml_edit::Document<String>>() else {
        return 1;
    };
    let mut at = 0;
    let mut table: Option<&dyn toml_edit::TableLike> = Some(document.as_table());
    for part in key.split('.') {
        let Some((name, item)) = table.and_then(|table| table.get_key_value(part)) else {
            break;
        };
        at = name.span().map_or(at, |span| span.start);
        table = item.as_table_like();
    }
    text[..at.min(text.len())].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_value_of_another_type_is_not_repeated() {
        let fault = read::<BTreeMap<String, Vec<u8>>>("env.toml", "\nA = \"S3CRET, expected x\"\n");
        let message = fault.unwrap_err().chain();
        assert_eq!(message, "env.toml:2: it must be a sequence");
    }

    #[test]
    fn the_line_of_a_key_is_found_at_any_depth() {
        let text = "like = \"1.0.0\"\n\n[roles.txe]\nflags = []\n[roles]\nbot = { flags = [\n] }\n";
        let cases = [
            ("like", 1),
            ("roles.txe", 3),
            ("roles.txe.flags", 4),
            ("roles.bot", 6),
            ("roles.txe.other", 3),
            ("none", 1),
        ];
        for (key, line) in cases {
            assert_eq!(line_of(text, key), line, "{key}");
        }
    }
}
