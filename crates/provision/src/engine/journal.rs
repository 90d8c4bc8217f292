//! The write-ahead journal: every change is on disk before it is made.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::receipt::Receipt;
use super::record::{Event, FORMAT};
use super::{fold, frame};
use crate::{Fault, code};

/// Stores events.
pub trait Journal {
    /// The fold of all events.
    fn receipt(&self) -> Result<Receipt, Fault>;
    /// Makes an event durable. When this returns, the event survives a power cut.
    fn append(&mut self, event: &Event) -> Result<(), Fault> {
        self.append_if(event, &|_| true).map(drop)
    }
    /// Appends the event if the fold of all events fulfils a condition, and returns whether it did. No other writer
    /// comes between.
    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault>;
    /// Replaces a long journal by its fold. Call it when nothing is in progress.
    fn compact(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// A journal in memory, for tests. It folds events as a file does.
#[derive(Debug, Default, Clone)]
pub struct MemoryJournal(Receipt);

impl Journal for MemoryJournal {
    fn receipt(&self) -> Result<Receipt, Fault> {
        Ok(self.0.clone())
    }

    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        let agreed = when(&self.0);
        if agreed {
            fold::step(&mut self.0, event.clone());
        }
        Ok(agreed)
    }
}

/// A journal in memory with several writers, for tests.
#[cfg(feature = "fake")]
#[derive(Debug, Default, Clone)]
pub struct SharedJournal(std::sync::Arc<std::sync::Mutex<Written>>);

/// The content of a [`SharedJournal`].
#[cfg(feature = "fake")]
#[derive(Debug, Default, Clone)]
pub struct Written {
    events: Vec<Event>,
    journal: MemoryJournal,
}

#[cfg(feature = "fake")]
impl Written {
    /// All appended events, the oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

#[cfg(feature = "fake")]
impl SharedJournal {
    /// Locks the journal. Other users wait meanwhile.
    pub fn lock(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(feature = "fake")]
impl Journal for SharedJournal {
    fn receipt(&self) -> Result<Receipt, Fault> {
        self.lock().journal.receipt()
    }

    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        let mut written = self.lock();
        let agreed = written.journal.append_if(event, when)?;
        if agreed {
            written.events.push(event.clone());
        }
        Ok(agreed)
    }
}

/// A journal in a file of a directory that only root can enter. It starts with a header. Each line is a record with its
/// length and its checksum ([`frame`]).
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: Option<File>,
    /// The length up to which the file is known to be intact.
    intact: u64,
}

/// A journal with more records is replaced by its fold.
const COMPACT_RECORDS: usize = 4000;

/// The name and version in the header of a journal.
const PROGRAM: &str = concat!("aztec-kit ", env!("CARGO_PKG_VERSION"));

impl FileJournal {
    /// The journal in `dir`. Nothing is created before the first event.
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("journal.jsonl"),
            file: None,
            intact: 0,
        }
    }

    fn fault(&self, verb: &str, error: io::Error) -> Fault {
        let fault = Fault::new(format!(
            "failed to {verb} the journal {}",
            self.path.display()
        ));
        let fault = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => {
                fault.fix("Free some space on its file system, then run the same command again.")
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                fault.fix("Its file system is mounted read-only. Find out why in `dmesg`, then mount it for writing.")
            }
            _ => fault,
        };
        fault.because(error)
    }

    fn bytes(&self) -> Result<Vec<u8>, Fault> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.fault("read", error)),
        }
    }

    /// The intact records in the bytes of a journal file.
    fn intact<'a>(&self, bytes: &'a [u8]) -> Result<frame::Records<'a>, Fault> {
        frame::records(bytes).map_err(|damage| {
            let path = self.path.display();
            Fault::new(format!(
                "line {line} of the journal {path} is damaged, and intact lines follow it",
                line = damage.line
            ))
            .fix(format!(
                "Copy the file, read that line, and delete it (`sed -i {line}d {path}`). Its content is lost; every \
                 other line stays valid. Never delete the file: it records the prior states, the secrets that aztec-kit \
                 created, and the changes that wait for a confirmation.",
                line = damage.line
            ))
        })
    }

    fn event(&self, record: &[u8]) -> Result<Event, Fault> {
        let event = serde_json::from_slice(record).map_err(|error| {
            self.newer("a record that this version of aztec-kit does not know")
                .because(error)
        })?;
        match event {
            Event::Begin { format, program } if format > FORMAT => Err(self.newer(&format!(
                "format {format}, and this version of aztec-kit reads formats up to {FORMAT}; {program} created it"
            ))),
            event => Ok(event),
        }
    }

    fn newer(&self, what: &str) -> Fault {
        Fault::new(format!("the journal {} has {what}", self.path.display()))
            .fix(
                "A newer aztec-kit wrote it. Use that version or a newer one. Nothing was changed.",
            )
            .coded(code::NEWER_RECORD)
    }

    /// The events in the bytes of a journal file.
    pub(crate) fn events(&self, bytes: &[u8]) -> Result<Vec<Event>, Fault> {
        let records = self.intact(bytes)?.records;
        let events = records.into_iter().map(|record| self.event(record));
        events.collect()
    }

    /// The file that has the name now: intact, in the current format, and locked against other writers until it is
    /// unlocked. `confirm` runs beside an apply, and a compaction gives the name to another file.
    fn locked(&mut self) -> Result<&File, Fault> {
        loop {
            let file = match self.file.take() {
                Some(file) => file,
                None => self.open()?,
            };
            file.lock().map_err(|error| self.fault("lock", error))?;
            if self.named(&file) && self.prepare(&file)? {
                return Ok(self.file.insert(file));
            }
            self.intact = 0;
        }
    }

    /// Whether this file has the name now.
    fn named(&self, file: &File) -> bool {
        let id = |meta: io::Result<fs::Metadata>| meta.ok().map(|meta| (meta.dev(), meta.ino()));
        id(fs::metadata(&self.path)) == id(file.metadata())
    }

    fn open(&self) -> Result<File, Fault> {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        if !dir.is_dir() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(|error| self.fault("create the directory of", error))?;
            dir.parent()
                .map_or(Ok(()), synced)
                .map_err(|error| self.fault("sync the directory of", error))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(|error| self.fault("open", error))?;
        synced(dir).map_err(|error| self.fault("sync the directory of", error))?;
        Ok(file)
    }

    /// Truncates a record that its writer did not finish because it died or found no space, so that the next record
    /// starts on its own line. Gives a new file its header. An older format is replaced by its fold. Then `false`: the
    /// file that has the name now must be opened.
    fn prepare(&mut self, mut file: &File) -> Result<bool, Fault> {
        let length = file
            .metadata()
            .map_err(|error| self.fault("read the size of", error))?
            .len();
        if length > 0 && length == self.intact {
            return Ok(true);
        }
        let bytes = self.bytes()?;
        let found = self.intact(&bytes)?;
        if let Some(first) = found.records.first() {
            let first = self.event(first)?;
            if !matches!(first, Event::Begin { format: FORMAT, .. }) {
                self.replace(self.events(&bytes)?)?;
                return Ok(false);
            }
        }
        if found.whole < bytes.len() {
            file.set_len(found.whole as u64)
                .map_err(|error| self.fault("repair", error))?;
        }
        self.intact = found.whole as u64;
        if self.intact == 0 {
            let header = framed(&begin())?;
            file.write_all(&header)
                .map_err(|error| self.fault("begin", error))?;
            self.intact = header.len() as u64;
        }
        Ok(true)
    }

    /// Replaces the file by one that holds the fold of these events.
    fn replace(&self, events: Vec<Event>) -> Result<(), Fault> {
        let staged = self.path.with_extension("jsonl.new");
        if let Err(error) = fs::remove_file(&staged)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(self.fault("replace", error));
        }
        let mut bytes = framed(&begin())?;
        let receipt = fold::fold(events);
        bytes.extend(framed(&Event::Snapshot { receipt })?);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&staged, &self.path))
            .and_then(|()| self.path.parent().map_or(Ok(()), synced))
            .map_err(|error| {
                // A partial file takes space that the next try needs.
                fs::remove_file(&staged).ok();
                self.fault("replace", error)
            })
    }
}

fn synced(dir: &Path) -> io::Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all())
}

fn begin() -> Event {
    Event::Begin {
        format: FORMAT,
        program: PROGRAM.into(),
    }
}

fn framed(event: &Event) -> Result<Vec<u8>, Fault> {
    let json = serde_json::to_vec(event)
        .map_err(|error| Fault::new("failed to serialize a journal event").because(error))?;
    Ok(frame::framed(&json))
}

impl Journal for FileJournal {
    fn receipt(&self) -> Result<Receipt, Fault> {
        Ok(fold::fold(self.events(&self.bytes()?)?))
    }

    fn append(&mut self, event: &Event) -> Result<(), Fault> {
        self.write(event, None).map(drop)
    }

    fn append_if(&mut self, event: &Event, when: &dyn Fn(&Receipt) -> bool) -> Result<bool, Fault> {
        self.write(event, Some(when))
    }

    fn compact(&mut self) -> Result<(), Fault> {
        if self.intact(&self.bytes()?)?.records.len() < COMPACT_RECORDS {
            return Ok(());
        }
        self.locked()?;
        self.replace(self.events(&self.bytes()?)?)?;
        self.file = None;
        Ok(())
    }
}

impl FileJournal {
    fn write(
        &mut self,
        event: &Event,
        when: Option<&dyn Fn(&Receipt) -> bool>,
    ) -> Result<bool, Fault> {
        let line = framed(event)?;
        self.locked()?;
        let agreed = match when {
            Some(when) => self.receipt().map(|receipt| when(&receipt)),
            None => Ok(true),
        };
        let Some(mut file) = self.file.as_ref() else {
            return Err(Fault::new("the journal is not open"));
        };
        let written = match agreed {
            Ok(true) => file.write_all(&line).and_then(|()| file.sync_data()),
            _ => Ok(()),
        };
        let unlocked = file.unlock();
        let agreed = agreed?;
        written
            .and(unlocked)
            .map_err(|error| self.fault("write", error))?;
        if agreed {
            self.intact += line.len() as u64;
        }
        Ok(agreed)
    }
}
