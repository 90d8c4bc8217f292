//! The packages of a release, fetched and unpacked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use npm::{Config, Lock, Omit, Platform};

use super::data::Release;

/// The packages with facts that aztec-kit carries. A lock file may have fewer, or a thousand others.
const WANTED: &[&str] = &[
    "archiver",
    "aztec",
    "aztec-node",
    "aztec.js",
    "bb-prover",
    "blob-client",
    "bot",
    "cli",
    "epoch-cache",
    "ethereum",
    "foundation",
    "kv-store",
    "node-keystore",
    "node-lib",
    "p2p",
    "prover-client",
    "prover-node",
    "pxe",
    "sequencer-client",
    "slasher",
    "stdlib",
    "telemetry-client",
    "validator-client",
    "validator-ha-signer",
    "world-state",
];

/// The files that are ignored.
const OMITTED: &[&str] = &["*.map", "*.test.js", "*.test.d.ts", "*.ts.snap"];

/// The unpacked packages.
#[derive(Debug)]
pub struct Packages {
    /// JavaScript and declarations, by path as in `files` of errors.toml: `@aztec/cli/dest/…`.
    files: BTreeMap<String, String>,
    names: Vec<String>,
}

impl Packages {
    /// The packages of a release.
    pub fn of(release: &Release) -> Self {
        let mut lock = Lock::parse(&release.lock(), Platform::LINUX_X64).unwrap();
        lock.packages.retain(|package| {
            let name = plain(&package.dir["node_modules/".len()..]);
            name.is_some_and(|name| WANTED.contains(&&name["@aztec/".len()..]))
        });
        // In memory if possible: an installation syncs the disk, including the writes of others.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let dir = dir.unwrap();
        let omit: Vec<_> = OMITTED.iter().map(ToString::to_string).collect();
        let keep = env::var_os("AZTEC_KIT_PACKAGES").map(PathBuf::from);
        let (packages, omit) = (&lock.packages, Omit::new(&omit));
        npm::install(packages, dir.path(), &omit, &config(), keep, &mut |_| {}).unwrap();
        let mut files = BTreeMap::new();
        let root = dir.path().join("node_modules");
        collect(&root, &root, &mut files);
        let names = packages
            .iter()
            .filter_map(|package| plain(&package.dir["node_modules/".len()..]));
        Self {
            names: names.collect(),
            files,
        }
    }

    /// Whether there is a package with this name.
    pub fn has(&self, package: &str) -> bool {
        self.names.iter().any(|name| name == package)
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The text of a file that must exist.
    pub fn read(&self, path: &str) -> &str {
        self.text(path).unwrap_or_else(|| panic!("no {path}"))
    }

    /// Every JavaScript file below a path.
    pub fn below(&self, path: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter();
        files
            .filter(move |(name, _)| name.starts_with(path) && name.ends_with(".js"))
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

/// A path with the scope of the packages until 5.2.0. Later packages have `@aztec-labs` and `@aztec-foundation`.
fn plain(path: &str) -> Option<String> {
    let (scope, rest) = path.split_once('/')?;
    let ours = scope.starts_with("@aztec");
    ours.then(|| format!("@aztec/{rest}"))
}

/// The configuration of npm on this machine.
fn config() -> Config {
    let home = env::var("HOME").unwrap_or_default();
    let texts = ["/etc/npmrc".to_owned(), format!("{home}/.npmrc")]
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    let variables: Vec<_> = env::vars().collect();
    Config::new(texts.iter().map(String::as_str), &variables)
}

fn collect(root: &Path, dir: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            collect(root, &path, files);
        } else if (name.ends_with(".js") || name.ends_with(".d.ts"))
            && name.contains("/dest/")
            && let Some(name) = plain(&name)
        {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}
