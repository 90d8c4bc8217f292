//! The output of a program.

use crate::Fault;

/// The output of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit code; 128 + signal when killed.
    pub code: i32,
    /// Standard output; U+FFFD where it was not UTF-8.
    pub stdout: String,
    /// Standard error, as `stdout`.
    pub stderr: String,
    /// The reason why this is not the whole output. It is never set for a query, which then has no answer.
    pub unfinished: Option<Unfinished>,
}

/// Why an output is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// It was longer than the limit.
    TooLong,
    /// The program ended, but a process that it started may still write.
    KeptOpen,
}

/// How much of a program's error message goes into a fault.
const COMPLAINT_BYTES: usize = 1500;

impl Output {
    /// For programs that are run for their effect. Returns the output if the program exited with 0, otherwise a fault
    /// with the end of its error message.
    pub fn ok(self, argv: &[String]) -> Result<Self, Fault> {
        if self.code == 0 {
            return Ok(self);
        }
        let message = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let message = message.trim();
        let mut start = message.len().saturating_sub(COMPLAINT_BYTES);
        while !message.is_char_boundary(start) {
            start += 1;
        }
        Err(Fault::new(format!(
            "`{}` exited with {}: {}",
            argv.join(" "),
            self.code,
            &message[start..]
        )))
    }

    /// For programs that are run for their output. As [`Output::ok`], and the output is complete.
    pub fn answer(self, argv: &[String]) -> Result<Self, Fault> {
        self.ok(argv)?.whole(argv)
    }

    /// Refuses an incomplete output, whatever the exit code.
    pub fn whole(self, argv: &[String]) -> Result<Self, Fault> {
        let why = match self.unfinished {
            None => return Ok(self),
            Some(Unfinished::TooLong) => "printed more than the limit",
            Some(Unfinished::KeptOpen) => {
                "ended, but a process that it started kept its output open"
            }
        };
        Err(Fault::new(format!("`{}` {why}", argv.join(" ")))
            .fix("Find out what it waits for, then run the same command again."))
    }
}
