//! The releases that this program carries: the folders under `data/releases/`, found when it is compiled.

use std::sync::LazyLock;

use semver::Version;

/// A release as the files of its folder.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The name of the folder.
    pub version: &'static str,
    /// `release.toml`: what it needs, how it is talked to, what it can be.
    pub facts: &'static str,
    /// `env.toml`: what it reads from its environment.
    pub env: &'static str,
    /// `omit.toml`: what of its packages no role reads.
    pub omit: Option<&'static str>,
    /// `package-lock.json`: every package of it, pinned.
    pub lock: Option<&'static str>,
}

static FOLDERS: &[Carried] = include!(concat!(env!("OUT_DIR"), "/releases.rs"));

static BY_AGE: LazyLock<Vec<&Carried>> = LazyLock::new(|| {
    let mut all: Vec<&Carried> = FOLDERS.iter().collect();
    all.sort_by_key(|carried| {
        Version::parse(carried.version).expect("a folder of data/releases is a version")
    });
    all
});

/// Every release that this program carries, oldest first.
pub(crate) fn carried() -> &'static [&'static Carried] {
    &BY_AGE
}

/// The one of that version.
pub(crate) fn of(version: &str) -> Option<&'static Carried> {
    FOLDERS.iter().find(|carried| carried.version == version)
}
