//! What the version of a release says by itself.

use semver::Version;

/// The major number of a version; releases of two majors do not understand each other. `None` for what is no version of a
/// release.
pub(crate) fn major(text: &str) -> Option<u64> {
    let version = Version::parse(text).ok()?;
    version.build.is_empty().then_some(version.major)
}
