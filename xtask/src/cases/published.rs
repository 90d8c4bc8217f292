//! Tests of crates that need published packages and no machine.

use anyhow::Result;

use super::Context;
use crate::cache;
use crate::cargo::{self, Haste};

/// The reference data of a release, compared with the packages of that release.
pub(super) fn run(_: &Context) -> Result<()> {
    test("published")
}

/// Encrypted files of wallets, opened by aztec-kit, and files of aztec-kit, opened by wallets.
pub(super) fn wallets(_: &Context) -> Result<()> {
    test("wallets")
}

fn test(name: &'static str) -> Result<()> {
    let packages = cache::subdir("packages")?;
    // The whole workspace, so that the compiled unit tests are used again.
    let test = ["test", "--workspace", "--test", name];
    let packages = packages.to_string_lossy();
    let variables = [&cargo::LINTED[..], &[("AZTEC_KIT_PACKAGES", &packages)]].concat();
    cargo::run(&test, Haste::Usual, &variables)
}
