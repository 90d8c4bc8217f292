//! The state of apt, and the commands that fail in it.

use std::collections::BTreeMap;

use super::output::failed;
use crate::host::Output;

/// The state of apt on a host in memory.
#[derive(Debug, Clone, Default)]
pub struct FakeApt {
    /// The packages that conflict with a package.
    pub conflicts: BTreeMap<String, Vec<String>>,
    /// How often another process has the lock of the lists.
    pub locked: u32,
    /// Whether there are no package lists yet.
    pub no_lists: bool,
    /// The output of `apt-config dump`.
    pub config: String,
    /// A repository whose list cannot be fetched.
    pub broken: Option<String>,
    /// Whether a package is unpacked without its dependencies.
    pub unmet: bool,
}

/// The message of apt 2.6 about such a package.
pub(super) const UNMET: &str = "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).";

impl FakeApt {
    /// The output of a command that fails in this state.
    pub(super) fn refuses(&mut self, verb: &str) -> Option<Output> {
        if self.locked > 0 && verb == "update" {
            self.locked -= 1;
            let message =
                "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 77 (python3)";
            return Some(failed(100, message));
        }
        match verb {
            "update" => {
                self.no_lists = false;
                let name = self.broken.as_ref()?;
                let message = format!("E: The repository '{name} ./ Release' is not signed.");
                Some(failed(100, &message))
            }
            "install" if self.unmet => Some(failed(100, UNMET)),
            "install" if self.no_lists => Some(failed(100, "E: Unable to locate package")),
            _ => None,
        }
    }
}
