//! What needs published packages and no machine: a test of a crate, which fetches them.

use anyhow::Result;

use super::Context;
use crate::cache;
use crate::cargo::{self, Haste};

/// What this program carries of a release, against the packages of that release.
pub(super) fn run(_: &Context) -> Result<()> {
    test("published")
}

/// Encrypted files of wallets, opened here, and ours by them.
pub(super) fn wallets(_: &Context) -> Result<()> {
    test("wallets")
}

fn test(name: &'static str) -> Result<()> {
    let packages = cache::subdir("packages")?;
    // The whole workspace, so that what the unit tests have compiled is of use.
    let test = ["test", "--workspace", "--test", name];
    let packages = packages.to_string_lossy();
    let variables = [&cargo::LINTED[..], &[("AZTEC_KIT_PACKAGES", &packages)]].concat();
    cargo::run(&test, Haste::Usual, &variables)
}
