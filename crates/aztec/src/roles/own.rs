//! A service that runs aztec-kit itself. It answers only the other processes of this host.

use provision::kinds::Unit;
use provision::systemd::{Sandbox, Section, UnitFile, Value};

use super::running::Running;
use crate::layout;

/// One such service.
pub(crate) struct OwnService {
    /// Its unit file.
    pub name: &'static str,
    /// Its description, for people.
    pub description: &'static str,
    /// The verb of aztec-kit, with its flags.
    pub verb: String,
}

impl OwnService {
    /// Its unit, and the service that runs it.
    pub fn parts(&self) -> (Unit, Running) {
        let unit = Unit {
            name: self.name.into(),
            text: self.text(),
            instances: Vec::new(),
        };
        let running = Running {
            name: self.name.into(),
            after: Vec::new(),
            unit: unit.clone(),
            inputs: Vec::new(),
        };
        (unit, running)
    }

    fn text(&self) -> String {
        let release = env!("CARGO_PKG_VERSION");
        let again = format!(
            "It runs release {release} of aztec-kit: another one changes this line, and so restarts it."
        );
        let service = Section::service()
            .set("Type", "exec")
            .set(
                "ExecStart",
                Value::text(format!("{} {}", layout::KIT, self.verb)),
            )
            .restarts(5)
            .set("DynamicUser", "yes")
            .set("MemoryMax", "512M")
            .set("IPAddressDeny", "any")
            .set("IPAddressAllow", "localhost")
            .confined(sandbox());
        UnitFile::ours()
            .comment(Value::text(again))
            .section(
                Section::unit()
                    .set("Description", self.description)
                    .set("StartLimitIntervalSec", "0"),
            )
            .section(service)
            .at_boot()
            .to_string()
    }
}

/// The reason for settings that `DynamicUser=` implies: systemd.exec(5).
const OF_THE_USER: &str = "DynamicUser= implies it.";

const TAKEN_OUT: &[(&str, &str)] = &[
    ("PrivateNetwork", "It answers processes of this host."),
    ("IPAddressDeny", "It stands above, with what is allowed."),
    ("NoNewPrivileges", OF_THE_USER),
    ("PrivateTmp", OF_THE_USER),
    ("RestrictSUIDSGID", OF_THE_USER),
    ("RemoveIPC", OF_THE_USER),
];

/// It reads input of other processes, although only from this host. It runs as a dynamic user and may do nothing else.
fn sandbox() -> Sandbox {
    Sandbox::strict()
        .without(TAKEN_OUT)
        .with("RestrictAddressFamilies", "AF_INET AF_INET6")
        .in_order(&["PrivateUsers", "PrivateDevices"])
}
