//! Failures of programs that a host in memory queries.

use crate::Fault;
use crate::host::Output;

/// The way in which a program fails to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It prints nothing and exits with 0.
    Silent,
    /// It prints half of the output and exits with 0.
    Half,
    /// It prints something else and exits with 0.
    Nonsense,
    /// It exits with 1 and prints nothing.
    Fails,
    /// It does not end, or its output is late or endless, so the real host kills it.
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

    /// Replaces the output of a program.
    pub(super) fn befall(self, argv: &[String], mut output: Output) -> Result<Output, Fault> {
        output.code = 0;
        match self {
            Self::Silent => output.stdout.clear(),
            Self::Half => {
                let half = output.stdout.len() / 2;
                output
                    .stdout
                    .truncate(output.stdout.floor_char_boundary(half));
            }
            Self::Nonsense => output.stdout = "Segmentation fault\n".into(),
            Self::Fails => {
                output.stdout.clear();
                output.code = 1;
            }
            Self::GivenUp => {
                return Err(Fault::new(format!(
                    "`{}` did not finish within 20 s and was stopped",
                    argv.join(" ")
                )));
            }
        }
        Ok(output)
    }
}
