//! What befalls programs of a host in memory that are asked something.

use crate::Fault;
use crate::host::Output;

/// How a program fails to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It says nothing and exits with 0.
    Silent,
    /// It says half and exits with 0.
    Half,
    /// It says something else and exits with 0.
    Nonsense,
    /// It exits with 1 and says nothing.
    Fails,
    /// It does not end, its output comes too late, or has no end: the real host gives up on it.
    GivenUp,
}

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Silent,
        Self::Half,
        Self::Nonsense,
        Self::Fails,
        Self::GivenUp,
    ];

    /// What is heard instead of what it would have said.
    pub(super) fn befall(self, argv: &[String], mut said: Output) -> Result<Output, Fault> {
        said.code = 0;
        match self {
            Self::Silent => said.stdout.clear(),
            Self::Half => {
                let half = said.stdout.len() / 2;
                said.stdout.truncate(said.stdout.floor_char_boundary(half));
            }
            Self::Nonsense => said.stdout = "Segmentation fault\n".into(),
            Self::Fails => {
                said.stdout.clear();
                said.code = 1;
            }
            Self::GivenUp => {
                return Err(Fault::new(format!(
                    "`{}` did not finish within 20 s and was stopped",
                    argv.join(" ")
                )));
            }
        }
        Ok(said)
    }
}
