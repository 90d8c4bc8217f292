//! Reads `package-lock.json`: the packages of a tree, and the place of each.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::{Error, Result};

/// A platform that packages are for, in the words of Node.js (`process.platform`, `process.arch`), with npm's word for
/// the C library.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// The operating system, such as `linux`.
    pub os: &'static str,
    /// The processor, such as `x64`.
    pub cpu: &'static str,
    /// The C library, such as `glibc`.
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

/// One package to unpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its directory in the tree: `node_modules/@scope/name`, or deeper.
    pub dir: String,
    /// Its name in the registry. `dir` may have an alias instead.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-512 of its tarball.
    pub sha512: [u8; 64],
    /// The URL of its tarball, if that is not the usual place in a registry.
    pub elsewhere: Option<String>,
    /// Its programs: the name of the link, and the file in the package.
    pub bin: BTreeMap<String, String>,
    /// Whether it is there only as a peer dependency of another package (`peerDependencies`).
    pub peer: bool,
}

impl Package {
    /// The path of the tarball below the URL of a registry. It is a convention. Lock files without `resolved`
    /// (`omit-lockfile-registry-resolved` of npm) depend on it too.
    pub fn tarball(&self) -> String {
        let base = self.name.rsplit('/').next().unwrap_or_default();
        format!("{}/-/{base}-{}.tgz", self.name, self.version)
    }
}

/// The packages of a lock file for a platform, without those only for development.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The packages, in the order of the file.
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

/// Whether a list of platforms includes this one, as in npm-install-checks of npm 11: no name with `!` is this one, and
/// one of the others is, if there are any.
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
    ///
    /// If it is not a lock file of version 2 or 3, a path leads out of the tree, or a package is not from a registry or
    /// has no SHA-512.
    pub fn parse(text: &str, platform: Platform) -> Result<Self> {
        let file: File = serde_json::from_str(text)
            .map_err(|error| Error::new(format!("the lock file cannot be read: {error}")))?;
        if !matches!(file.lockfile_version, 2 | 3) {
            let version = file.lockfile_version;
            return Err(Error::new(format!(
                "the lock file has lockfileVersion {version}, not 2 or 3"
            )));
        }
        let mut packages = Vec::new();
        for (dir, entry) in file.packages {
            // The empty path is the tree itself. A bundled package is in the tarball of another one.
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
        return refused("is not a place for a package");
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
        // npm-normalize-package-bin also takes the last part of the name, and removes `./` in front of the file.
        let link = link.rsplit(['/', '\\', ':']).next().unwrap_or_default();
        let file = file.trim_start_matches("./").trim_start_matches('/');
        if link.starts_with('.') || !is_below(link) || !is_below(file) {
            return refused("names a program outside the package");
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

/// Whether a name or version has only characters that need no escape in a URL or a path.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+!'()*".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

/// Whether this is `name` or `@scope/name`.
fn is_name(name: &str) -> bool {
    match name.strip_prefix('@') {
        Some(scoped) => scoped
            .split_once('/')
            .is_some_and(|(scope, name)| is_word(scope) && is_word(name)),
        None => is_word(name),
    }
}

/// Whether a path is relative and stays below its start, without `.` or `..` in it.
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
