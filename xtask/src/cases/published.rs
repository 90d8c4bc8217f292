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
    let variables = [("AZTEC_KIT_PACKAGES", &*packages.to_string_lossy())];
    cargo::run_with(&test, Haste::Usual, &variables)
}
