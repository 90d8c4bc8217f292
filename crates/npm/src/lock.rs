//! `package-lock.json`: which packages a tree has, and where.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::{Error, Result};

/// What a package may be for: the words of Node.js (`process.platform`, `process.arch`), and npm's word for the C library.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// Operating system, `linux`.
    pub os: &'static str,
    /// Processor, `x64`.
    pub cpu: &'static str,
    /// C library, `glibc`.
    pub libc: &'static str,
}

impl Platform {
    /// Debian and Ubuntu on x86_64.
    pub const LINUX_X64: Self = Self {
        os: "linux",
        cpu: "x64",
        libc: "glibc",
    };
}

/// One package to be unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its directory in the tree: `node_modules/@scope/name`, or deeper.
    pub dir: String,
    /// Its name in the registry, which an alias in `dir` can differ from.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-512 of its tarball.
    pub sha512: [u8; 64],
    /// Where its tarball is when that is no registry's usual place.
    pub elsewhere: Option<String>,
    /// Its programs: the name of the link, and the file in the package.
    pub bin: BTreeMap<String, String>,
    /// Whether it is there only because another package wants its user to bring it (`peerDependencies`).
    pub peer: bool,
}

impl Package {
    /// Where a registry has the tarball, behind its own URL. A convention that the lock files without `resolved`
    /// of npm (`omit-lockfile-registry-resolved`) rest on as well.
    pub fn tarball(&self) -> String {
        let base = self.name.rsplit('/').next().unwrap_or_default();
        format!("{}/-/{base}-{}.tgz", self.name, self.version)
    }
}

/// The packages of a lock file that belong on a platform, without those only for development.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// In the order of the file.
    pub packages: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    lockfile_version: u32,
    packages: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    peer: bool,
    #[serde(default)]
    in_bundle: bool,
    #[serde(default)]
    bin: BTreeMap<String, String>,
    os: Option<OneOrMany>,
    cpu: Option<OneOrMany>,
    libc: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// As npm-install-checks of npm 11 has it: none of the names with `!`, and one of the others if there are any.
fn fits(list: Option<&OneOrMany>, ours: &str) -> bool {
    let list = match list {
        None => return true,
        Some(OneOrMany::One(one)) => std::slice::from_ref(one),
        Some(OneOrMany::Many(many)) => many,
    };
    if let [any] = list
        && any == "any"
    {
        return true;
    }
    let refused = |entry: &String| entry.strip_prefix('!') == Some(ours);
    let named = |entry: &String| entry == ours;
    !list.iter().any(refused)
        && (list.iter().any(named) || list.iter().all(|entry| entry.starts_with('!')))
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// It is no lock file of version 2 or 3, a path leads out of the tree, or a package is not one that a registry has
    /// and a SHA-512 speaks for.
    pub fn parse(text: &str, platform: Platform) -> Result<Self> {
        let file: File = serde_json::from_str(text)
            .map_err(|error| Error::new(format!("the lock file cannot be read: {error}")))?;
        if !matches!(file.lockfile_version, 2 | 3) {
            let version = file.lockfile_version;
            return Err(Error::new(format!(
                "lockfileVersion {version} is not known"
            )));
        }
        let mut packages = Vec::new();
        for (dir, entry) in file.packages {
            // The first is the tree itself; a bundled package is in the tarball of another one.
            if dir.is_empty() || entry.dev || entry.in_bundle {
                continue;
            }
            let ours = fits(entry.os.as_ref(), platform.os)
                && fits(entry.cpu.as_ref(), platform.cpu)
                && fits(entry.libc.as_ref(), platform.libc);
            match (ours, entry.optional) {
                (true, _) => packages.push(package(dir, entry)?),
                (false, true) => {}
                (false, false) => {
                    return Err(Error::new(format!(
                        "{dir} of the lock file is for another platform"
                    )));
                }
            }
        }
        Ok(Self { packages })
    }
}

fn package(dir: String, entry: Entry) -> Result<Package> {
    let refused = |what: &str| Err(Error::new(format!("{dir:?} of the lock file {what}")));
    let Some((before, own)) = dir.rsplit_once("node_modules/") else {
        return refused("is not below node_modules");
    };
    if !(before.is_empty() || before.ends_with('/')) {
        return refused("is not below node_modules");
    }
    if !is_below(&dir) || !dir.starts_with("node_modules/") || !is_name(own) {
        return refused("is no place for a package");
    }
    let name = entry.name.unwrap_or_else(|| own.to_owned());
    let resolved = entry.resolved.unwrap_or_default();
    if entry.link || !(resolved.is_empty() || is_http(&resolved)) {
        return refused("is not from a registry");
    }
    let Some(version) = entry.version.filter(|version| is_word(version)) else {
        return refused("has no version");
    };
    if !is_name(&name) {
        return refused("has a name that no registry allows");
    }
    let Some(sha512) = entry.integrity.as_deref().and_then(sha512) else {
        return refused("has no SHA-512");
    };
    let mut bin = BTreeMap::new();
    for (link, file) in entry.bin {
        // As npm-normalize-package-bin has it: the last part of the name, and no `./` in front of the file.
        let link = link.rsplit(['/', '\\', ':']).next().unwrap_or_default();
        let file = file.trim_start_matches("./").trim_start_matches('/');
        if link.starts_with('.') || !is_below(link) || !is_below(file) {
            return refused("has a program outside of it");
        }
        bin.insert(link.to_owned(), file.to_owned());
    }
    let mut package = Package {
        dir,
        name,
        version,
        sha512,
        elsewhere: None,
        bin,
        peer: entry.peer,
    };
    if !resolved.is_empty() && !resolved.ends_with(&format!("/{}", package.tarball())) {
        package.elsewhere = Some(resolved);
    }
    Ok(package)
}

fn is_http(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// The signs of names and versions that need no escape in a URL or a path.
fn is_word(text: &str) -> bool {
    let sign = |sign: u8| sign.is_ascii_alphanumeric() || b"-._~+!'()*".contains(&sign);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(sign)
}

/// `name` or `@scope/name`.
fn is_name(name: &str) -> bool {
    match name.strip_prefix('@') {
        Some(scoped) => scoped
            .split_once('/')
            .is_some_and(|(scope, name)| is_word(scope) && is_word(name)),
        None => is_word(name),
    }
}

/// Whether a relative path stays below where it starts, and says so plainly.
pub(crate) fn is_below(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\0', '\\'])
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// The SHA-512 of a list of digests (W3C Subresource Integrity).
fn sha512(integrity: &str) -> Option<[u8; 64]> {
    integrity.split_whitespace().find_map(|digest| {
        let digest = digest.strip_prefix("sha512-")?;
        let digest = digest.split('?').next()?;
        STANDARD.decode(digest).ok()?.try_into().ok()
    })
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
