//! What is private here and reads foreign text, for the fuzzers of the folder `fuzz`.

use std::path::Path;

use url::Url;

use crate::{Config, Omit, Package, Result, unpack};

/// Where a package is fetched from, and what the registry is told of us.
///
/// # Errors
///
/// When what is configured is no URL.
pub fn registry(config: &Config, package: &str) -> Result<(Url, Option<String>)> {
    let registry = config.registry(package)?;
    Ok((registry.url, registry.auth))
}

/// Unpacks a tarball below a directory, and links its programs.
///
/// # Errors
///
/// When it is no tarball, or leads out of its place.
pub fn unpack(package: &Package, tarball: &[u8], tree: &Path) -> Result<u64> {
    let written = unpack::unpack(package, tarball, tree, &Omit::default())?;
    unpack::link(package, tree)?;
    Ok(written)
}
