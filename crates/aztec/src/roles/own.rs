//! A service that is this program itself: it answers the other processes of this host, and nobody else.

use provision::engine::Resource;
use provision::kinds::Unit;
use server::sandbox::{CALLS, KERNEL};

use super::running::Running;
use crate::kinds::Kind;
use crate::layout;

/// One such service.
pub(crate) struct OwnService {
    /// Its unit file.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// The verb of this program, with its flags.
    pub verb: String,
}

impl OwnService {
    /// Its unit, and the service that comes after it.
    pub fn parts(&self) -> (Unit, Running) {
        let unit = Unit {
            name: self.name.into(),
            text: self.text(),
            instances: Vec::new(),
        };
        let running = Running {
            name: self.name.into(),
            after: vec![Kind::from(unit.clone()).id()],
            unit: unit.clone(),
            inputs: Vec::new(),
        };
        (unit, running)
    }

    /// It reads what others send, if only from this host: it runs as nobody in particular, and may do nothing
    /// else.
    fn text(&self) -> String {
        format!(
            "# Written by aztec-kit; changes here are undone by its next run. Use a drop-in.
# It runs release {release} of aztec-kit: another one changes this line, and so restarts it.
[Unit]
Description={description}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={kit} {verb}
Restart=always
RestartSec=5
DynamicUser=yes
MemoryMax=512M
IPAddressDeny=any
IPAddressAllow=localhost
PrivateUsers=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=yes
{KERNEL}ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6
{CALLS}UMask=0077

[Install]
WantedBy=multi-user.target
",
            release = env!("CARGO_PKG_VERSION"),
            description = self.description,
            kit = layout::KIT,
            verb = self.verb,
        )
    }
}
