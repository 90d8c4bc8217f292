//! A small registry and a small npm: every package contains a program, and nothing is resolved.

use std::path::Path;

use super::host::FakeHost;
use crate::Fault;
use crate::host::{FileType, Invocation, Output};

/// The lock file of a tree with the packages `app` and `other`.
pub const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {"": {},
"node_modules/app": {"version": "1.0.0", "integrity": "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
"node_modules/other": {"version": "1.0.0", "integrity": "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}}}"#;

/// The files of a package.
const FILES: [&str; 4] = ["main", "main.map", "package.json", "windows"];

impl FakeHost {
    pub(super) fn unpacked(
        &mut self,
        packages: &[::npm::Package],
        tree: &Path,
        omit: &::npm::Omit,
    ) -> Result<(), Fault> {
        for package in packages {
            // A run can die between any two of them.
            self.write()?;
            let dirs: Vec<_> = Path::new(&package.dir).ancestors().collect();
            for dir in dirs.into_iter().rev().map(|dir| tree.join(dir)) {
                if !self.tree.contains_key(&dir) {
                    self.plant(&dir.display().to_string(), FileType::Directory, b"", 0o755);
                }
            }
            for name in FILES {
                let path = format!("{}/{name}", package.dir);
                if !omit.covers(&path) {
                    let place = tree.join(path).display().to_string();
                    self.plant(&place, FileType::File, b"run", 0o755);
                }
            }
        }
        Ok(())
    }

    /// `npm install --package-lock-only`.
    pub(super) fn npm(&mut self, order: &Invocation) -> Output {
        let dir = order.dir.clone().unwrap_or_default();
        let path = dir.join("package-lock.json").display().to_string();
        self.plant(&path, FileType::File, LOCK.as_bytes(), 0o644);
        Output::default()
    }
}
