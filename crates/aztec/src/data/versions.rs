//! Facts that follow from the version of a release alone.

use semver::Version;

/// The major number of a version. Releases of different majors are incompatible. `None` if the text is not the version of
/// a release.
pub(crate) fn major(text: &str) -> Option<u64> {
    let version = Version::parse(text).ok()?;
    version.build.is_empty().then_some(version.major)
}
