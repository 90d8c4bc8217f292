//! The disk of a virtual machine, with a cache that forgets: what the machine has not flushed is lost when its power
//! is cut, or some of it, as on a real one.
//!
//! QEMU reaches it by NBD (<https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>). The image that it begins
//! with is never written to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// What is written whole or not at all: a sector of today's disks, and a block of ext4.
const BLOCK: usize = 4096;

/// At the most in one request.
const LARGEST: u32 = 32 << 20;

/// A disk and whoever asks it.
#[derive(Debug, Clone)]
pub(super) struct Drive(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    platter: Mutex<Platter>,
    /// Told when the power fails.
    failed: Condvar,
}

#[derive(Debug)]
struct Platter {
    image: File,
    size: u64,
    /// What was flushed, in its place; a file without a name.
    kept: File,
    /// Which blocks these are.
    written: BTreeSet<u64>,
    /// What was written since.
    cache: BTreeMap<u64, Box<[u8; BLOCK]>>,
    /// Flushes so far.
    flushes: u64,
    /// At which flush the power fails, and whether that one is done before.
    fails: Option<(u64, bool)>,
    /// Nothing is answered any more.
    off: bool,
}

impl Drive {
    /// A disk with this content, at a socket. `kept` is a file that it makes and removes at once.
    pub fn new(image: &Path, socket: &Path, kept: &Path) -> Result<Drive> {
        let image = File::open(image).with_context(|| format!("{}", image.display()))?;
        let options = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(kept);
        let file = options.with_context(|| format!("cannot create {}", kept.display()))?;
        fs::remove_file(kept)?;
        let drive = Drive(Arc::new(Shared {
            platter: Mutex::new(Platter {
                size: image.metadata()?.len(),
                image,
                kept: file,
                written: BTreeSet::new(),
                cache: BTreeMap::new(),
                flushes: 0,
                fails: None,
                off: false,
            }),
            failed: Condvar::new(),
        }));
        let listener = UnixListener::bind(socket)
            .with_context(|| format!("cannot listen at {}", socket.display()))?;
        let served = drive.clone();
        // Ends with this process: whoever has the drive may boot once more.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // QEMU that was killed, or a disk that is off: either way this connection is over.
                let _ = served.serve(&stream);
            }
        });
        Ok(drive)
    }

    /// Flushes so far.
    pub fn flushes(&self) -> u64 {
        self.platter().flushes
    }

    /// Lets the power fail at the flush after so many others, before or right after it is done.
    pub fn fail_after(&self, flushes: u64, done: bool) {
        let mut platter = self.platter();
        platter.fails = Some((platter.flushes + flushes, done));
    }

    /// Waits up to this time for the power to fail, and whether it did.
    pub fn wait_until_off(&self, limit: Duration) -> bool {
        let platter = self.platter();
        let waited = self
            .0
            .failed
            .wait_timeout_while(platter, limit, |platter| !platter.off);
        waited.unwrap_or_else(PoisonError::into_inner).0.off
    }

    /// Forgets what was not flushed, but for the blocks that had reached the platter all the same; gives how many are
    /// lost. From now on nothing is answered.
    pub fn cut(&self, reached: &mut dyn FnMut() -> bool) -> Result<usize> {
        let mut platter = self.platter();
        platter.off = true;
        let cache = std::mem::take(&mut platter.cache);
        let mut lost = 0;
        for (block, bytes) in cache {
            if reached() {
                platter.keep(block, &bytes)?;
            } else {
                lost += 1;
            }
        }
        Ok(lost)
    }

    /// The power is back.
    pub fn on(&self) {
        let mut platter = self.platter();
        (platter.off, platter.fails) = (false, None);
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        let platter = self.0.platter.lock();
        platter.unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &UnixStream) -> io::Result<()> {
        let size = self.platter().size;
        if !greeted(stream, size)? {
            return Ok(());
        }
        loop {
            let request = Request::read(stream)?;
            let answer = self.answer(&request);
            match answer {
                Some(answer) => reply(stream, &request, &answer?)?,
                None => return Ok(()),
            }
        }
    }

    /// What is read, or nothing where nothing is; `None` when there is to be no answer.
    fn answer(&self, request: &Request) -> Option<io::Result<Vec<u8>>> {
        let mut platter = self.platter();
        if platter.off {
            return None;
        }
        let done = match request.kind {
            Kind::Read => platter.read(request.offset, request.length),
            Kind::Write => platter
                .write(request.offset, &request.data)
                .and_then(|()| match request.through {
                    true => platter.write_through(request.offset, request.data.len()),
                    false => Ok(()),
                })
                .map(|()| Vec::new()),
            Kind::Flush => {
                let fails = platter.fails.filter(|(at, _)| *at <= platter.flushes);
                platter.flushes += 1;
                let done = match fails {
                    Some((_, false)) => Ok(()),
                    _ => platter.flush(),
                };
                if fails.is_some() {
                    platter.off = true;
                    self.0.failed.notify_all();
                    return None;
                }
                done.map(|()| Vec::new())
            }
            Kind::End => return None,
        };
        Some(done)
    }
}

impl Platter {
    fn block(&self, at: u64) -> io::Result<Box<[u8; BLOCK]>> {
        if let Some(bytes) = self.cache.get(&at) {
            return Ok(bytes.clone());
        }
        let file = match self.written.contains(&at) {
            true => &self.kept,
            false => &self.image,
        };
        let mut bytes = Box::new([0; BLOCK]);
        file.read_exact_at(&mut bytes[..], at * BLOCK as u64)?;
        Ok(bytes)
    }

    fn read(&self, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let mut read = Vec::with_capacity(length as usize);
        for (at, from, to) in pieces(offset, length as usize) {
            read.extend_from_slice(&self.block(at)?[from..to]);
        }
        Ok(read)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut left = data;
        for (at, from, to) in pieces(offset, data.len()) {
            let (now, later) = left.split_at(to - from);
            let mut bytes = match to - from {
                BLOCK => Box::new([0; BLOCK]),
                _ => self.block(at)?,
            };
            bytes[from..to].copy_from_slice(now);
            self.cache.insert(at, bytes);
            left = later;
        }
        Ok(())
    }

    fn write_through(&mut self, offset: u64, length: usize) -> io::Result<()> {
        for (at, ..) in pieces(offset, length) {
            if let Some(bytes) = self.cache.remove(&at) {
                self.keep(at, &bytes)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        for (at, bytes) in std::mem::take(&mut self.cache) {
            self.keep(at, &bytes)?;
        }
        Ok(())
    }

    fn keep(&mut self, at: u64, bytes: &[u8; BLOCK]) -> io::Result<()> {
        self.kept.write_all_at(bytes, at * BLOCK as u64)?;
        self.written.insert(at);
        Ok(())
    }
}

/// The blocks of a range: which, and from where to where in it.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let size = BLOCK as u64;
    let end = offset + length as u64;
    let all = offset / size..end.div_ceil(size);
    all.map(move |at| {
        let begin = at * size;
        let within = |place: u64| usize::try_from(place - begin).unwrap_or(BLOCK);
        (at, within(offset.max(begin)), within(end.min(begin + size)))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Flush,
    End,
}

#[derive(Debug)]
struct Request {
    kind: Kind,
    /// Durable before it is answered (`NBD_CMD_FLAG_FUA`).
    through: bool,
    cookie: u64,
    offset: u64,
    length: u32,
    data: Vec<u8>,
}

const ASKED: u32 = 0x2560_9513;
const ANSWERED: u32 = 0x6744_6698;

impl Request {
    fn read(mut stream: &UnixStream) -> io::Result<Request> {
        if number::<4>(stream)? != u64::from(ASKED) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let through = number::<2>(stream)? & 1 != 0;
        let kind = match number::<2>(stream)? {
            0 => Kind::Read,
            1 => Kind::Write,
            2 => Kind::End,
            3 => Kind::Flush,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let (cookie, offset) = (number::<8>(stream)?, number::<8>(stream)?);
        let length = u32::try_from(number::<4>(stream)?).unwrap_or(u32::MAX);
        if length > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut data = Vec::new();
        if kind == Kind::Write {
            data.resize(length as usize, 0);
            stream.read_exact(&mut data)?;
        }
        Ok(Request {
            kind,
            through,
            cookie,
            offset,
            length,
            data,
        })
    }
}

fn reply(mut stream: &UnixStream, request: &Request, data: &[u8]) -> io::Result<()> {
    let mut bytes = ANSWERED.to_be_bytes().to_vec();
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(request.cookie.to_be_bytes());
    bytes.extend_from_slice(data);
    stream.write_all(&bytes)
}

const OPTION: u64 = 0x4948_4156_454f_5054;
const OPTION_REPLY: u64 = 0x3_e889_0455_65a9;
/// It knows what to do with flags, flushes, and single writes that are to be durable.
const ABILITIES: u16 = 1 | 4 | 8;

/// Agrees on what is asked for, and whether it came to that.
fn greeted(mut stream: &UnixStream, size: u64) -> io::Result<bool> {
    // Fixed newstyle, without 124 zeros.
    stream.write_all(&[b"NBDMAGIC", &OPTION.to_be_bytes()[..], &[0, 3]].concat())?;
    number::<4>(stream)?;
    let about = [&size.to_be_bytes()[..], &ABILITIES.to_be_bytes()].concat();
    loop {
        if number::<8>(stream)? != OPTION {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (option, length) = (number::<4>(stream)?, number::<4>(stream)?);
        io::copy(&mut stream.take(length), &mut io::sink())?;
        let tell = |kind: u32, data: &[u8]| {
            let option = u32::try_from(option).unwrap_or_default();
            let length = u32::try_from(data.len()).unwrap_or_default();
            let mut bytes = OPTION_REPLY.to_be_bytes().to_vec();
            for word in [option, kind, length] {
                bytes.extend(word.to_be_bytes());
            }
            bytes.extend_from_slice(data);
            let mut stream = stream;
            stream.write_all(&bytes)
        };
        match option {
            // The name of an export: there is but one.
            1 => {
                stream.write_all(&about)?;
                return Ok(true);
            }
            2 => {
                tell(1, &[])?;
                return Ok(false);
            }
            // What it is; and with 7 that it is taken.
            6 | 7 => {
                tell(3, &[&[0, 0][..], &about].concat())?;
                tell(1, &[])?;
                if option == 7 {
                    return Ok(true);
                }
            }
            _ => tell(1 << 31 | 1, &[])?,
        }
    }
}

/// A number of so many bytes, the first one the highest.
fn number<const BYTES: usize>(mut stream: &UnixStream) -> io::Result<u64> {
    let mut bytes = [0; BYTES];
    stream.read_exact(&mut bytes)?;
    Ok(bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{BLOCK, Drive, Kind, Request, pieces};

    /// A drive of four blocks of ones.
    fn drive(name: &str) -> Drive {
        let dir: PathBuf = std::env::temp_dir().join(format!("{name}.{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("image"), vec![1; 4 * BLOCK]).unwrap();
        let drive = Drive::new(&dir.join("image"), &dir.join("socket"), &dir.join("kept"));
        fs::remove_dir_all(&dir).unwrap();
        drive.unwrap()
    }

    fn asked(drive: &Drive, kind: Kind, through: bool, offset: u64, data: &[u8]) -> bool {
        let request = Request {
            kind,
            through,
            cookie: 0,
            offset,
            length: 0,
            data: data.into(),
        };
        drive.answer(&request).is_some()
    }

    fn bytes(drive: &Drive) -> Vec<u8> {
        let read = drive.platter().read(0, 4 * BLOCK as u32).unwrap();
        read.chunks(BLOCK).map(|block| block[BLOCK - 1]).collect()
    }

    #[test]
    fn what_was_not_flushed_is_lost() {
        let drive = drive("drive-lost");
        asked(&drive, Kind::Write, false, 0, &[2; BLOCK]);
        assert!(asked(&drive, Kind::Flush, false, 0, &[]));
        asked(&drive, Kind::Write, false, 0, &[3; BLOCK]);
        asked(&drive, Kind::Write, true, BLOCK as u64, &[4; BLOCK]);
        // Half a block and half the next one.
        asked(
            &drive,
            Kind::Write,
            false,
            2 * BLOCK as u64 + 2048,
            &[5; BLOCK],
        );
        assert_eq!(bytes(&drive), [3, 4, 5, 1]);
        assert_eq!(drive.cut(&mut || false).unwrap(), 3);
        assert!(!asked(&drive, Kind::Flush, false, 0, &[]), "it is off");
        drive.on();
        assert_eq!(bytes(&drive), [2, 4, 1, 1]);
        asked(&drive, Kind::Write, false, 0, &[6; BLOCK]);
        assert_eq!(drive.cut(&mut || true).unwrap(), 0);
        assert_eq!(bytes(&drive), [6, 4, 1, 1]);
    }

    #[test]
    fn the_power_fails_before_a_flush_or_after_it() {
        for done in [false, true] {
            let drive = drive(&format!("drive-fails-{done}"));
            drive.fail_after(1, done);
            assert!(asked(&drive, Kind::Flush, false, 0, &[]));
            asked(&drive, Kind::Write, false, 0, &[2; BLOCK]);
            assert!(!drive.wait_until_off(Duration::ZERO));
            assert!(!asked(&drive, Kind::Flush, false, 0, &[]));
            assert!(drive.wait_until_off(Duration::ZERO));
            drive.cut(&mut || false).unwrap();
            assert_eq!(bytes(&drive)[0], 1 + u8::from(done));
        }
    }

    #[test]
    fn a_range_is_cut_into_blocks() {
        let all: Vec<_> = pieces(4000, 4300).collect();
        assert_eq!(all, [(0, 4000, 4096), (1, 0, 4096), (2, 0, 108)]);
        assert_eq!(pieces(0, 4096).collect::<Vec<_>>(), [(0, 0, 4096)]);
    }
}
