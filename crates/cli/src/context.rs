//! What commands work on: this machine and its network, or in tests a host in memory.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aztec::{KIT_STATE, RUN_LOCK};
use provision::Fault;
use provision::engine::{Access, Paths, Records, Session};
use provision::host::{Probe, RealHost};

use crate::exit::{self, Failure};
use crate::network::{Internet, Network};
use crate::printer::Printer;
use crate::ssh_client;

/// Who runs this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Numeric id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
}

/// A host to look at. Commands that only look get no more.
pub struct View {
    /// The host.
    pub host: Arc<dyn Probe>,
    /// Whoever is asked from there.
    pub network: Arc<dyn Network>,
    /// What was done to the host.
    pub records: Records,
    /// Who looks.
    pub user: User,
    /// Who is connected to the host by SSH, and asks for this.
    pub ssh_client: Option<IpAddr>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({:?})", self.user)
    }
}

impl View {
    /// The host.
    pub fn probe(&self) -> &dyn Probe {
        &*self.host
    }

    /// Microseconds since the epoch.
    pub fn now_us(&self) -> i64 {
        self.host.clock().realtime_us
    }

    /// Refuses to go on without the rights to look at everything.
    pub fn require_root(&self) -> Result<(), Failure> {
        if self.user.uid == 0 {
            return Ok(());
        }
        Err(Fault::new("this command needs root")
            .fix("Run it as root, for example with sudo.")
            .coded(exit::ROOT_NEEDED)
            .into())
    }
}

/// A host, and the right to change it.
#[derive(Debug)]
pub struct Context {
    /// To look at.
    pub view: View,
    /// Who gives the right to change it.
    pub access: Access,
    /// The file of this program.
    pub program: fn() -> io::Result<PathBuf>,
}

impl Context {
    /// This machine.
    pub fn here() -> Self {
        let access = Access::here(Paths {
            state: KIT_STATE.into(),
            lock: RUN_LOCK.into(),
        });
        Self {
            view: View {
                host: Arc::new(RealHost),
                network: Arc::new(Internet),
                records: access.records(),
                user: User {
                    uid: rustix::process::geteuid().as_raw(),
                    gid: rustix::process::getegid().as_raw(),
                },
                ssh_client: ssh_client::address(),
            },
            access,
            program: std::env::current_exe,
        }
    }

    /// Begins a changing run, of which there is one at a time: before it reads its configuration, so that what it shows
    /// and what it does is one.
    pub fn begin(&self, printer: &mut Printer) -> Result<Session, Failure> {
        self.view.require_root()?;
        Ok(self.access.begin(&mut |text| printer.say(text))?)
    }
}
