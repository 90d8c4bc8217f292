//! The private parsers of foreign text, for the fuzzers of the folder `fuzz`.

use std::path::Path;

use url::Url;

use crate::{Config, Omit, Package, Result, unpack};

/// The registry of a package, and the value of the header `Authorization` for it.
///
/// # Errors
///
/// If the configured registry is not a URL.
pub fn registry(config: &Config, package: &str) -> Result<(Url, Option<String>)> {
    let registry = config.registry(package)?;
    Ok((registry.url, registry.auth))
}

/// Unpacks a tarball below a directory, and links its programs.
///
/// # Errors
///
/// If it is not a tarball, or a path leads out of the package.
pub fn unpack(package: &Package, tarball: &[u8], tree: &Path) -> Result<u64> {
    let written = unpack::unpack(package, tarball, tree, &Omit::default())?;
    unpack::link(package, tree)?;
    Ok(written)
}
