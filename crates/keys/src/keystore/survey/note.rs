//! A finding of a survey: a subject, a grade, what was seen, and what to do.

use std::fmt;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// No problem.
    Good,
    /// The node works with it, but not as it should.
    Odd,
    /// The node does not start with it, or a key is in danger.
    Bad,
}

/// The subject of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The directory itself.
    Directory,
    /// A file of the directory, by its name.
    File(String),
    /// All keystores together.
    Keystores,
    /// The attesters of all keystores.
    Attesters,
    /// The publishers of all keystores.
    Publishers,
    /// The BLS keys of all keystores.
    BlsKeys,
    /// The keys that another node has too, with the path of its directory or list.
    Shared(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "directory",
            Self::File(name) => name,
            Self::Keystores => "keystores",
            Self::Attesters => "attesters",
            Self::Publishers => "publishers",
            Self::BlsKeys => "BLS keys",
            Self::Shared(other) => return write!(f, "shared with {other}"),
        })
    }
}

impl From<&str> for About {
    /// A file.
    fn from(name: &str) -> Self {
        Self::File(name.to_owned())
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The subject of the finding.
    pub about: About,
    /// The result.
    pub grade: Grade,
    /// What was seen: a clause without a full stop. It contains no secret.
    pub seen: String,
    /// What to do, in whole sentences. It contains no secret.
    pub fix: Option<String>,
}

impl Note {
    /// A note without advice.
    pub fn new(about: impl Into<About>, grade: Grade, seen: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            grade,
            seen: seen.into(),
            fix: None,
        }
    }

    /// Adds what to do, in whole sentences.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Self { fix, ..self }
    }
}

/// A count with the right form of its noun.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
