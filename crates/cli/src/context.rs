//! The host that commands work on: this machine and its network, or in tests a host in memory.

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

/// The user that runs aztec-kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Numeric id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
}

/// Read access to a host. Commands that only observe get nothing else.
pub struct View {
    /// The host.
    pub host: Arc<dyn Probe>,
    /// The network of the host.
    pub network: Arc<dyn Network>,
    /// The journal of the host.
    pub records: Records,
    /// The user that runs the command.
    pub user: User,
    /// The SSH client of the operator.
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

    /// Refuses to continue without the rights to observe everything.
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
    /// Read access.
    pub view: View,
    /// Grants write access.
    pub access: Access,
    /// The path of the aztec-kit binary.
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

    /// Begins a run that changes the host. Only one can run at a time. It begins before the configuration is read, so
    /// that the plan that is shown is the plan that is applied.
    pub fn begin(&self, printer: &mut Printer) -> Result<Session, Failure> {
        self.view.require_root()?;
        Ok(self.access.begin(&mut |text| printer.say(text))?)
    }
}
