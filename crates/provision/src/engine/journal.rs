//! The write-ahead journal: what is about to change is on disk before it changes.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ResourceId;
use super::receipt::{Entry, Origin, Receipt, TakenBack, Unconfirmed};
use crate::Fault;

/// One line of the journal. Readers ignore fields they do not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// All that came before, folded; first line after a compaction.
    Snapshot {
        /// The fold.
        receipt: Receipt,
    },
    /// A resource was found as wanted, and is now looked after.
    Adopted {
        /// Which.
        id: ResourceId,
        /// Its specification.
        spec: Value,
        /// See [`super::Kind::memory`].
        #[serde(default)]
        memory: Option<Value>,
    },
    /// A resource is about to change.
    Intent {
        /// Which.
        id: ResourceId,
        /// Its specification.
        spec: Value,
        /// What it was.
        prior: Value,
        /// Whether it was there at all.
        origin: Origin,
    },
    /// A change that can cut the operator off is about to be made, and will be taken back unless confirmed.
    Guarded {
        /// What to take back, and when.
        change: Unconfirmed,
    },
    /// Whatever waited for a confirmation got it.
    Confirmed,
    /// A change that nobody confirmed was taken back.
    TakenBack {
        /// What is on record of the resource from now on.
        before: Option<Entry>,
        /// Which, when, and what was left.
        what: TakenBack,
    },
    /// A change converged.
    Done {
        /// Which.
        id: ResourceId,
        /// See [`super::Kind::memory`].
        #[serde(default)]
        memory: Option<Value>,
    },
    /// A resource that is no longer wanted is about to go back to what was before us, which is on record.
    Removing {
        /// Which.
        id: ResourceId,
    },
    /// A resource is no longer looked after: it was restored, or left on purpose.
    Released {
        /// Which.
        id: ResourceId,
    },
    /// A value that the program remembers under a name.
    Noted {
        /// Name.
        name: String,
        /// Value.
        value: Value,
    },
}

/// Where events are kept.
pub trait Journal {
    /// The fold of all events.
    fn receipt(&self) -> Result<Receipt, Fault>;
    /// Makes an event durable. When this returns, the event survives a power cut.
    fn append(&mut self, event: &Event) -> Result<(), Fault>;
}

/// A journal in memory, for tests.
#[derive(Debug, Default, Clone)]
pub struct MemoryJournal(Vec<Event>);

impl Journal for MemoryJournal {
    fn receipt(&self) -> Result<Receipt, Fault> {
        Ok(Receipt::fold(self.0.iter().cloned()))
    }

    fn append(&mut self, event: &Event) -> Result<(), Fault> {
        self.0.push(event.clone());
        Ok(())
    }
}

/// A journal of JSON lines in a directory that only root can enter.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: Option<File>,
}

/// Past this many lines the journal is replaced by its fold.
const COMPACT_LINES: usize = 4000;

impl FileJournal {
    /// The journal in `dir`. Nothing is created before the first event.
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("journal.jsonl"),
            file: None,
        }
    }

    fn fault(&self, verb: &str, error: std::io::Error) -> Fault {
        Fault::new(format!(
            "failed to {verb} the journal {}",
            self.path.display()
        ))
        .because(error)
    }

    fn events(&self) -> Result<Vec<Event>, Fault> {
        // As bytes: a kill can tear a record in the middle of a letter.
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.fault("read", error)),
        };
        let mut events = Vec::new();
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            // A line without its end was being written when the power went: it never counted.
            if !line.ends_with(b"\n") {
                break;
            }
            events.push(serde_json::from_slice(line).map_err(|error| {
                Fault::new(format!(
                    "line {} of the journal {} is damaged",
                    number + 1,
                    self.path.display()
                ))
                .fix("Move the file aside and run again: what exists is then adopted as it is.")
                .because(error)
            })?);
        }
        Ok(events)
    }

    /// The file that has the name now, locked against other writers until it is unlocked: `confirm` works
    /// beside an apply, and a compaction gives the name to another file.
    fn locked(&mut self) -> Result<&File, Fault> {
        loop {
            let file = match self.file.take() {
                Some(file) => file,
                None => self.open()?,
            };
            file.lock().map_err(|error| self.fault("lock", error))?;
            if self.named(&file) {
                self.drop_torn_line(&file)?;
                return Ok(self.file.insert(file));
            }
        }
    }

    /// Whether the file that has the name is this one.
    fn named(&self, file: &File) -> bool {
        let id =
            |meta: std::io::Result<fs::Metadata>| meta.ok().map(|meta| (meta.dev(), meta.ino()));
        id(fs::metadata(&self.path)) == id(file.metadata())
    }

    fn open(&self) -> Result<File, Fault> {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| self.fault("create the directory of", error))?;
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(|error| self.fault("open", error))?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| self.fault("sync the directory of", error))?;
        Ok(file)
    }

    /// Cuts off a last line without its end, so that the next event does not run into it. Looked for before
    /// every event: a full disk tears a line of this process, a kill that of a `confirm` beside it.
    fn drop_torn_line(&self, file: &File) -> Result<(), Fault> {
        let read = |error| self.fault("read", error);
        let mut last = [b'\n'];
        if let Some(at) = file.metadata().map_err(read)?.len().checked_sub(1) {
            file.read_exact_at(&mut last, at).map_err(read)?;
        }
        if last == [b'\n'] {
            return Ok(());
        }
        let bytes = fs::read(&self.path).map_err(read)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        file.set_len(whole as u64)
            .map_err(|error| self.fault("mend", error))
    }

    /// Replaces a long journal by its fold. Call when nothing is in progress.
    pub fn compact(&mut self) -> Result<(), Fault> {
        if self.events()?.len() < COMPACT_LINES {
            return Ok(());
        }
        self.locked()?;
        let events = self.events()?;
        let staged = self.path.with_extension("jsonl.new");
        if let Err(error) = fs::remove_file(&staged)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(self.fault("compact", error));
        }
        let mut line = serde_json::to_vec(&Event::Snapshot {
            receipt: Receipt::fold(events),
        })
        .map_err(|error| Fault::new("failed to fold the journal").because(error))?;
        line.push(b'\n');
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)
            .and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&staged, &self.path))
            .map_err(|error| self.fault("compact", error))?;
        self.file = None;
        Ok(())
    }
}

impl Journal for FileJournal {
    fn receipt(&self) -> Result<Receipt, Fault> {
        Ok(Receipt::fold(self.events()?))
    }

    fn append(&mut self, event: &Event) -> Result<(), Fault> {
        let mut line = serde_json::to_vec(event)
            .map_err(|error| Fault::new("failed to write an event").because(error))?;
        line.push(b'\n');
        let mut file = self.locked()?;
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        let unlocked = file.unlock();
        written.and(unlocked).map_err(|error| {
            self.fault("write", error)
                .fix("Free some space on its file system and run the same command again.")
        })
    }
}
