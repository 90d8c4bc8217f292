//! How a run ends. The codes are a contract: see `docs/reference/exit-codes.md`.

use provision::engine::{Applied, ResourceId};
use provision::{Class, Code, Fault, code};

/// Success, or in sync.
pub const OK: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// Bad usage or configuration; nothing was touched.
pub const USAGE: u8 = 2;
/// There is something to change.
pub const PENDING: u8 = 3;
/// Some of it was applied; the same command goes on.
pub const PARTIAL: u8 = 4;

/// Nobody is there to agree to the changes.
pub const NO_CONSENT: &Code = &Code::new("no-consent", Class::Refused);
/// The host is not fit for what is asked.
pub const HOST_NOT_FIT: &Code = &Code::new("host-not-fit", Class::Refused);
/// The release does not fit the rollup that it would follow.
pub const RELEASE_DOES_NOT_FIT: &Code = &Code::new("release-does-not-fit", Class::Refused);
/// A change waits for its confirmation, and what was asked would get in its way.
pub const UNCONFIRMED: &Code = &Code::new("unconfirmed", Class::Refused);
/// Only root may do that.
pub const ROOT_NEEDED: &Code = &Code::new("root-needed", Class::Usage);
/// There is no `kit.toml`.
pub const CONFIG_MISSING: &Code = &Code::new("config-missing", Class::Usage);
/// `kit.toml`, or what it asks for, cannot be meant.
pub const CONFIG_INVALID: &Code = &Code::new("config-invalid", Class::Usage);
/// No such resource is on record.
pub const NOT_ON_RECORD: &Code = &Code::new("not-on-record", Class::Usage);
/// No endpoint of the L1 gave an answer.
pub const L1_SILENT: &Code = &Code::new("l1-silent", Class::Environment);
/// What the run started ended again.
pub const DID_NOT_STAY_UP: &Code = &Code::new("did-not-stay-up", Class::Environment);

/// The code that a failed run ends with. It follows from the class of the fault, and from whether something was begun.
fn of(class: Class, begun: bool) -> u8 {
    match class {
        _ if begun => PARTIAL,
        Class::Usage | Class::Refused => USAGE,
        Class::Conflict | Class::Environment | Class::Internal => FAILED,
    }
}

/// A run that did not end well.
#[derive(Debug)]
pub struct Failure {
    /// What failed.
    pub fault: Fault,
    /// Whether something was changed, or had begun to be.
    pub begun: bool,
    /// What had been changed before.
    pub applied: Vec<Applied>,
    /// What waits for `aztec-kit confirm`.
    pub unconfirmed: Vec<ResourceId>,
}

impl Failure {
    /// What was given cannot be used, unless it is known better what is wrong; nothing was touched.
    pub fn usage(fault: Fault) -> Self {
        fault.or_coded(code::USAGE).into()
    }

    /// The code that the program ends with.
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
        // The first table is of classes.
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
        assert!(rows.is_empty(), "{rows:?} is no code");
    }
}
