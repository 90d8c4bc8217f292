//! A machine's writable disk: an overlay of its root, or a plain copy where overlays do not work.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::network;
use crate::{cache, say, sh};

const ARCHIVES: &str = "var/cache/apt/archives";

/// The program of process 1 of a machine's keeper, as `sh -c START start ARGUMENTS`. It mounts the disk.
pub const START: &str = include_str!("start.sh");

/// The disk of a machine.
#[derive(Debug, Clone, Copy)]
pub struct Disk<'a> {
    /// The directory of the machine.
    pub dir: &'a Path,
    /// The layers of its root, the uppermost first.
    pub layers: &'a [PathBuf],
}

impl Disk<'_> {
    /// Makes the disk with the files that distinguish this machine from others of its root. `group` is the control
    /// group of the machine.
    pub fn prepare(self, name: &str, group: &Path) -> Result<()> {
        let root = self.dir.join("root");
        fs::create_dir(&root)?;
        for name in ["upper", "work"] {
            fs::create_dir(self.dir.join(name))?;
        }
        if !self.overlay_works(group) {
            say!("   no overlay on this file system: copying the root instead");
            fs::remove_dir(self.dir.join("upper"))?;
            for layer in self.layers.iter().rev() {
                let mut from = layer.clone().into_os_string();
                from.push("/.");
                let flags = ["-a", "--reflink=auto"].map(OsString::from);
                sh::quiet("cp", &[&flags[..], &[from, root.clone().into()]].concat())?;
            }
        }
        let disk = self.changed();
        let etc = disk.join("etc");
        fs::create_dir_all(&etc)?;
        replace(&etc.join("hostname"), &format!("{name}\n"))?;
        replace(
            &etc.join("hosts"),
            &format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n"),
        )?;
        replace(&etc.join("resolv.conf"), &network::resolver()?)?;
        // It is empty: systemd makes a new one at boot.
        replace(&etc.join("machine-id"), "")?;
        let archives = disk.join(ARCHIVES);
        fs::create_dir_all(&archives)?;
        link_debs(&cache::subdir("apt")?, &archives);
        Ok(())
    }

    /// The directory of the files that the machine has changed since its root.
    pub fn changed(self) -> PathBuf {
        let name = if self.is_overlay() { "upper" } else { "root" };
        self.dir.join(name)
    }

    /// Whether the disk is an overlay. Otherwise it is a copy of the whole root.
    pub fn is_overlay(self) -> bool {
        self.dir.join("upper").is_dir()
    }

    /// The `lowerdir` of the overlay. Empty for a copied disk.
    pub fn lower(self) -> OsString {
        let mut lower = OsString::new();
        if self.is_overlay() {
            for layer in self.layers {
                if !lower.is_empty() {
                    lower.push(":");
                }
                lower.push(layer);
            }
        }
        lower
    }

    /// Tries the mount of [`START`], in a mount namespace that ends with it.
    fn overlay_works(self, group: &Path) -> bool {
        let directory = |name: &str| self.dir.join(name).into_os_string();
        let flags = [
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            START,
            "probe",
        ];
        let mut args: Vec<OsString> = flags.map(OsString::from).to_vec();
        args.push(group.into());
        args.push(directory("root"));
        args.push(self.lower());
        args.push(directory("upper"));
        args.push(directory("work"));
        args.push("--probe".into());
        sh::quiet("unshare", &args).is_ok()
    }
}

/// Keeps the downloaded Debian packages of a machine for later ones.
///
/// Links instead of a shared directory: apt locks its archive directory, and machines run in parallel. apt checks the
/// hash of an archive before it uses it.
pub fn harvest(dir: &Path) {
    if let Ok(cache) = cache::subdir("apt") {
        for disk in ["upper", "root"] {
            link_debs(&dir.join(disk).join(ARCHIVES), &cache);
        }
    }
}

/// Removes the files that belong to one machine only from a disk that becomes a root.
pub fn anonymise(disk: &Path) -> Result<()> {
    for entry in fs::read_dir(disk.join(ARCHIVES))
        .into_iter()
        .flatten()
        .flatten()
    {
        if is_deb(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    replace(&disk.join("etc/machine-id"), "")
}

fn link_debs(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        if is_deb(&entry.path()) {
            // A download that cannot be saved (no space, another device) is not a failure.
            let _ = fs::hard_link(entry.path(), to.join(entry.file_name()));
        }
    }
}

fn is_deb(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "deb")
}

/// Writes a file of the disk, and replaces what is there, also a link, which must not be followed.
fn replace(path: &Path, text: &str) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
    }
}
