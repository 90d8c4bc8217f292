//! The arguments of `cargo xtask test`.

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::cases::{CASES, Case};

/// The checks to run, from the command line.
#[derive(Debug, Default)]
pub struct Selection {
    pub(super) fast: bool,
    pub(super) list: bool,
    pub(super) keep: bool,
    pub(super) second_try: bool,
    pub(super) cases: Vec<String>,
}

impl Selection {
    /// Reads the arguments after `test`.
    pub fn parse(mut args: lexopt::Parser) -> Result<Selection> {
        let mut selection = Selection::default();
        while let Some(arg) = args.next()? {
            match arg {
                Long("fast") => selection.fast = true,
                Long("list") => selection.list = true,
                Long("keep") => selection.keep = true,
                Long("second-try") => selection.second_try = true,
                Long("machine") => selection.cases.push(args.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(selection)
    }

    /// The machine cases to run.
    pub(super) fn cases(&self) -> Result<Vec<Case>> {
        if self.cases.is_empty() {
            return Ok(if self.fast {
                Vec::new()
            } else {
                CASES.to_vec()
            });
        }
        let find = |name: &String| match CASES.iter().find(|case| case.name == *name) {
            Some(case) => Ok(*case),
            None => bail!("there is no case `{name}`; `cargo xtask test --list` names them"),
        };
        self.cases.iter().map(find).collect()
    }

    /// Whether the code is checked too, and not only named cases.
    pub(super) fn code(&self) -> bool {
        self.cases.is_empty()
    }
}
