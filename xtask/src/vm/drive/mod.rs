//! The disk of a virtual machine, with a cache that forgets: if the power is cut, the writes that the machine has not
//! flushed are lost, or some of them, as on a real disk.
//!
//! QEMU uses it over NBD. The image that it begins with is never written.

mod nbd;
mod platter;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};

use nbd::{Kind, Request, handshake, reply};
use platter::Platter;

/// A disk, shared with the thread that serves it.
#[derive(Debug, Clone)]
pub(super) struct Drive(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when the power fails.
    failed: Condvar,
}

#[derive(Debug)]
struct State {
    platter: Platter,
    /// Flushes so far.
    flushes: u64,
    /// The flush at which the power fails, and whether that flush is done before.
    fails: Option<(u64, bool)>,
    /// Without power the drive answers nothing.
    off: bool,
}

impl Drive {
    /// A disk with this content, at a socket. It creates the file `kept` and removes its name at once.
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
            state: Mutex::new(State {
                platter: Platter::new(image, file)?,
                flushes: 0,
                fails: None,
                off: false,
            }),
            failed: Condvar::new(),
        }));
        let listener = UnixListener::bind(socket)
            .with_context(|| format!("cannot listen at {}", socket.display()))?;
        let served = drive.clone();
        // It ends with this process, since the machine may boot again.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // QEMU was killed, or the power is off. Either way this connection has ended.
                let _ = served.serve(&stream);
            }
        });
        Ok(drive)
    }

    /// Flushes so far.
    pub fn flushes(&self) -> u64 {
        self.state().flushes
    }

    /// Lets the power fail at the flush after so many others: right after it if `done`, otherwise before it.
    pub fn fail_after(&self, flushes: u64, done: bool) {
        let mut state = self.state();
        state.fails = Some((state.flushes + flushes, done));
    }

    /// Waits up to this time for the power to fail. Returns whether it did.
    pub fn wait_until_off(&self, limit: Duration) -> bool {
        let state = self.state();
        let waited = self
            .0
            .failed
            .wait_timeout_while(state, limit, |state| !state.off);
        waited.unwrap_or_else(PoisonError::into_inner).0.off
    }

    /// Loses the blocks that were not flushed, except for those of which `reached` says that they are durable anyway. Returns
    /// how many are lost. From now on the drive answers nothing.
    pub fn cut(&self, reached: &mut dyn FnMut() -> bool) -> Result<usize> {
        let mut state = self.state();
        state.off = true;
        Ok(state.platter.forget(reached)?)
    }

    /// The power is back.
    pub fn on(&self) {
        let mut state = self.state();
        (state.off, state.fails) = (false, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &UnixStream) -> io::Result<()> {
        let size = self.state().platter.size();
        if !handshake(stream, size)? {
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

    /// The data of the reply: the read bytes, or none. `None` if there is no reply.
    fn answer(&self, request: &Request) -> Option<io::Result<Vec<u8>>> {
        let mut state = self.state();
        if state.off {
            return None;
        }
        let done = match request.kind {
            Kind::Read => state.platter.read(request.offset, request.length),
            Kind::Write => state
                .platter
                .write(request.offset, &request.data)
                .and_then(|()| match request.through {
                    true => state
                        .platter
                        .write_through(request.offset, request.data.len()),
                    false => Ok(()),
                })
                .map(|()| Vec::new()),
            Kind::Flush => {
                let fails = state.fails.filter(|(at, _)| *at <= state.flushes);
                state.flushes += 1;
                let done = match fails {
                    Some((_, false)) => Ok(()),
                    _ => state.platter.flush(),
                };
                if fails.is_some() {
                    state.off = true;
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
