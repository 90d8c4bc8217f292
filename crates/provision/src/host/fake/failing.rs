//! Writes of a host in memory that fail like real ones, with the error of the operating system.

use std::io;

use crate::Fault;

/// The error of a failed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errno {
    /// The disk is full, for a moment.
    NoSpace,
    /// The disk does not answer, once.
    Io,
    /// The file system is read-only from here on, as ext4 makes itself after an error.
    ReadOnly,
}

impl Errno {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoSpace, Self::Io, Self::ReadOnly];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSpace => "ENOSPC",
            Self::Io => "EIO",
            Self::ReadOnly => "EROFS",
        }
    }

    /// The error of the standard library.
    pub fn error(self) -> io::Error {
        let number = match self {
            Self::NoSpace => rustix::io::Errno::NOSPC,
            Self::Io => rustix::io::Errno::IO,
            Self::ReadOnly => rustix::io::Errno::ROFS,
        };
        number.into()
    }

    /// The fault of the real host.
    pub fn fault(self) -> Fault {
        Fault::new("failed to write").because(self.error())
    }
}

/// The write (counted from 0) that fails, and its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// The number of the write.
    pub at: usize,
    /// Its error.
    pub errno: Errno,
}

impl Failing {
    /// Whether that write fails.
    pub(super) fn meets(self, write: usize) -> bool {
        match self.errno {
            Errno::NoSpace | Errno::Io => write == self.at,
            Errno::ReadOnly => write >= self.at,
        }
    }
}
