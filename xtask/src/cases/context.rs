//! The inputs of a case: the binary of this checkout, and how machines are booted.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::machine::{End, Machine, Options, Root};

/// The path of the binary in a machine.
pub const KIT: &str = "/usr/local/bin/aztec-kit";

/// The inputs of a case.
#[derive(Debug, Clone)]
pub struct Context {
    /// The release binary of this checkout.
    pub binary: PathBuf,
    /// Whether machines stay after the case, for inspection.
    pub keep: bool,
}

impl Context {
    /// The root of every case that is not about another suite.
    pub fn root(&self) -> Result<Root> {
        Root::pristine("trixie")
    }

    /// Boots a machine from a root, with shared npm packages. It is kept at the end if `keep` says so.
    pub fn boot(&self, root: &Root, name: &str) -> Result<Machine> {
        Machine::boot_with(root, name, self.options()?)
    }

    /// Boots a pristine machine that has the binary of this checkout at [`KIT`].
    pub fn boot_with_kit(&self, name: &str) -> Result<Machine> {
        let machine = self.boot(&self.root()?, name)?;
        self.push_kit(&machine)?;
        Ok(machine)
    }

    /// Puts the binary of this checkout at [`KIT`].
    pub fn push_kit(&self, machine: &Machine) -> Result<()> {
        let pushed = machine.push(&self.binary, KIT, 0o755);
        pushed.context("cannot install the binary in the machine")
    }

    /// The options behind [`Context::boot`], for a case that needs more.
    pub fn options(&self) -> Result<Options> {
        let end = if self.keep { End::Keep } else { End::Remove };
        Ok(Options {
            end,
            ..Options::sharing_packages()?
        })
    }
}
