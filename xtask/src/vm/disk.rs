//! What virtual machines boot from: a file system image with a kernel, made once per cache.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::machine::Debian;
use crate::{cache, prerequisites, sh};

/// A kernel, and the way in. Everything else is the business of whoever wants the disk.
const PACKAGES: [&str; 2] = ["linux-image-cloud-amd64", "openssh-server"];

/// To be raised when this module makes a disk differently from the same inputs.
const RECIPE: &str = "1";

/// Sparse: only what is used takes space.
const SIZE: &str = "8G";

/// QEMU gives addresses by DHCP; its own resolver asks the one of the outer machine.
const NETWORK: &str = "[Match]\nName=en*\n\n[Network]\nDHCP=ipv4\n";
const RESOLVER: &str = "nameserver 10.0.2.3\n";

/// A disk that virtual machines start from and do not change.
#[derive(Debug, Clone)]
pub struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// A Debian of this suite with a kernel, an SSH server and these packages, installed in a `chroot`, which is ten
    /// times quicker than inside. What they bring is enabled as Debian enables it.
    pub fn debian(suite: &str, packages: &[&str]) -> Result<Disk> {
        let debian = Debian::new(suite, &[&PACKAGES, packages].concat());
        let recipe = [RECIPE, &debian.fingerprint()];
        let id = format!("{suite}-{}", cache::fingerprint(&recipe));
        let dir = cache::once("disks", &id, |partial| {
            prerequisites::for_virtual_machines()?;
            fs::create_dir(partial)?;
            let disk = Disk {
                dir: partial.to_owned(),
            };
            let root = partial.join("root");
            debian.install(&root)?;
            disk.make(&root)
        })?;
        Ok(Disk { dir })
    }

    fn make(&self, root: &Path) -> Result<()> {
        let key = self.key();
        let quoted = key.display().to_string();
        sh::quiet(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", &quoted],
        )?;
        let ssh = root.join("root/.ssh");
        fs::create_dir_all(&ssh)?;
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o700))?;
        fs::copy(key.with_extension("pub"), ssh.join("authorized_keys"))?;
        fs::write(root.join("etc/hostname"), "virtual\n")?;
        fs::write(
            root.join("etc/hosts"),
            "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 virtual\n",
        )?;
        fs::write(root.join("etc/resolv.conf"), RESOLVER)?;
        fs::write(root.join("etc/machine-id"), "")?;
        fs::write(root.join("etc/systemd/network/50-qemu.network"), NETWORK)?;
        let wants = root.join("etc/systemd/system/multi-user.target.wants");
        fs::create_dir_all(&wants)?;
        let unit = "systemd-networkd.service";
        symlink(
            Path::new("/usr/lib/systemd/system").join(unit),
            wants.join(unit),
        )?;
        fs::copy(one(&root.join("boot"), "vmlinuz-")?, self.kernel())?;
        fs::copy(one(&root.join("boot"), "initrd.img-")?, self.initrd())?;
        let (root_dir, image) = (
            root.display().to_string(),
            self.image().display().to_string(),
        );
        sh::quiet(
            "mke2fs",
            &[
                "-q", "-t", "ext4", "-L", "root", "-d", &root_dir, &image, SIZE,
            ],
        )?;
        fs::remove_dir_all(root)?;
        Ok(())
    }

    pub(super) fn image(&self) -> PathBuf {
        self.dir.join("image")
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    pub(super) fn initrd(&self) -> PathBuf {
        self.dir.join("initrd")
    }

    /// The private key that root's `authorized_keys` has.
    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("key")
    }
}

/// The file of a directory whose name begins so.
fn one(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
        .pop()
        .with_context(|| format!("no {prefix}* in {}", dir.display()))
}
