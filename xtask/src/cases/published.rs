//! What this program carries of a release, against the published packages of that release. No machine: the comparison
//! is a test of crate `aztec`, which fetches them.

use anyhow::Result;

use super::Context;
use crate::cache;
use crate::cargo::{self, Haste};

pub(super) fn run(_: &Context) -> Result<()> {
    let packages = cache::subdir("packages")?;
    // The whole workspace, so that what the unit tests have compiled is of use.
    let test = ["test", "--workspace", "--test", "published"];
    let packages = packages.to_string_lossy();
    let variables = [&cargo::LINTED[..], &[("AZTEC_KIT_PACKAGES", &packages)]].concat();
    cargo::run(&test, Haste::Usual, &variables)
}
