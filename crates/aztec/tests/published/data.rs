//! The data files of aztec-kit, read without its code.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A release that aztec-kit carries.
#[derive(Debug)]
pub struct Release {
    pub version: String,
    pub env: Table,
    pub facts: Table,
    dir: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file below `data/`.
pub fn read(path: &str) -> Table {
    parse(&root().join("data").join(path))
}

fn parse(path: &Path) -> Table {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts of a list; empty if it is missing.
pub fn texts(value: Option<&Value>) -> Vec<&str> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// The lock file that pins the packages of a release, if there is one.
fn lock(dir: &Path) -> Option<String> {
    let published = root().join("tests/data/published");
    let places = [published.join(dir.file_name()?), dir.to_path_buf()];
    let mut texts = places
        .iter()
        .filter_map(|dir| fs::read_to_string(dir.join("package-lock.json")).ok());
    texts.next()
}

impl Release {
    /// Every release that has variables of its own and whose packages are pinned, by its folder.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(root().join("data/releases")).unwrap();
        let dirs = entries.map(|entry| entry.unwrap().path());
        let mut dirs: Vec<_> = dirs.filter(|path| path.is_dir()).collect();
        dirs.retain(|dir| dir.join("env.toml").exists() && lock(dir).is_some());
        dirs.sort();
        let read = |dir: PathBuf| Self {
            version: dir.file_name().unwrap().to_string_lossy().into_owned(),
            env: parse(&dir.join("env.toml")),
            facts: parse(&dir.join("release.toml")),
            dir,
        };
        dirs.into_iter().map(read).collect()
    }

    /// The lock file that pins its packages.
    pub fn lock(&self) -> String {
        lock(&self.dir).unwrap()
    }

    /// Its variables.
    pub fn variables(&self) -> &Table {
        self.env["variables"].as_table().unwrap()
    }
}
