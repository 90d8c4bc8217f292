//! How a run ends. The codes are a contract: see `docs/reference/exit-codes.md`.

use provision::engine::{Applied, ResourceId};
use provision::{Class, Code, Fault, code};

/// Success, or in sync.
pub const OK: u8 = 0;
/// The command failed.
pub const FAILED: u8 = 1;
/// Bad usage or configuration; nothing was changed.
pub const USAGE: u8 = 2;
/// Changes are pending.
pub const PENDING: u8 = 3;
/// The changes were partially applied; the same command continues.
pub const PARTIAL: u8 = 4;

/// Nobody can consent to the changes.
pub const NO_CONSENT: &Code = &Code::new("no-consent", Class::Refused);
/// The host cannot run the configuration.
pub const HOST_NOT_FIT: &Code = &Code::new("host-not-fit", Class::Refused);
/// The release does not fit the rollup that it would follow.
pub const RELEASE_DOES_NOT_FIT: &Code = &Code::new("release-does-not-fit", Class::Refused);
/// A change waits for its confirmation, and the command would interfere with it.
pub const UNCONFIRMED: &Code = &Code::new("unconfirmed", Class::Refused);
/// The command needs root.
pub const ROOT_NEEDED: &Code = &Code::new("root-needed", Class::Usage);
/// There is no `kit.toml`.
pub const CONFIG_MISSING: &Code = &Code::new("config-missing", Class::Usage);
/// `kit.toml`, or a setting in it, is invalid.
pub const CONFIG_INVALID: &Code = &Code::new("config-invalid", Class::Usage);
/// aztec-kit does not manage this resource.
pub const NOT_ON_RECORD: &Code = &Code::new("not-on-record", Class::Usage);
/// No L1 endpoint answered.
pub const L1_SILENT: &Code = &Code::new("l1-silent", Class::Environment);
/// A service that the run started has stopped again.
pub const DID_NOT_STAY_UP: &Code = &Code::new("did-not-stay-up", Class::Environment);

/// The exit code of a failed run. It follows from the class of the fault, and from whether a change has begun.
fn of(class: Class, begun: bool) -> u8 {
    match class {
        _ if begun => PARTIAL,
        Class::Usage | Class::Refused => USAGE,
        Class::Conflict | Class::Environment | Class::Internal => FAILED,
    }
}

/// A run that failed.
#[derive(Debug)]
pub struct Failure {
    /// What failed.
    pub fault: Fault,
    /// Whether any change has begun.
    pub begun: bool,
    /// The steps that were applied before the failure.
    pub applied: Vec<Applied>,
    /// The changes that wait for `aztec-kit confirm`.
    pub unconfirmed: Vec<ResourceId>,
}

impl Failure {
    /// A failure with the code `usage`, unless the fault has a code already; nothing was changed.
    pub fn usage(fault: Fault) -> Self {
        fault.or_coded(code::USAGE).into()
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        of(self.fault.class(), self.begun)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            begun: false,
            applied: Vec::new(),
            unconfirmed: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    /// The codes of this crate.
    const OURS: [&Code; 10] = [
        NO_CONSENT,
        HOST_NOT_FIT,
        RELEASE_DOES_NOT_FIT,
        UNCONFIRMED,
        ROOT_NEEDED,
        CONFIG_MISSING,
        CONFIG_INVALID,
        NOT_ON_RECORD,
        L1_SILENT,
        DID_NOT_STAY_UP,
    ];

    #[test]
    fn the_reference_lists_every_code_with_its_class() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/exit-codes.md"
        );
        let text = fs::read_to_string(path).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let mut rows: Vec<_> = rows.map(|row| row.split(" | ").collect()).collect();
        // The first table lists the classes.
        let classes: Vec<Vec<&str>> = rows.drain(..5).collect();
        for code in code::ALL.into_iter().chain(OURS) {
            let class = json!(code.class);
            let class = class.as_str().unwrap();
            let name = format!("| `{}`", code.name);
            let found = rows
                .iter()
                .position(|row| row[0] == name && row[1] == class);
            let found = found.unwrap_or_else(|| panic!("{code:?} is not in the reference"));
            rows.remove(found);
            let ends = of(code.class, false).to_string();
            let row = classes.iter().find(|row| row[0] == format!("| `{class}`"));
            assert!(row.unwrap()[1] == ends, "{class} ends with {ends}");
        }
        assert!(rows.is_empty(), "{rows:?} is not a code");
    }
}
