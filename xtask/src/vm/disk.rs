//! The disks of virtual machines: a file system image with a kernel, made once per cache.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::machine::Debian;
use crate::{cache, prerequisites, sh};

/// A kernel, its first program, and an SSH server. Everything else is up to the user of the disk.
const PACKAGES: [&str; 3] = [
    "linux-image-cloud-amd64",
    "busybox-static",
    "openssh-server",
];

/// Increase this if this module makes another disk from the same inputs.
const RECIPE: &str = "2";

/// The file is sparse: only used blocks take space.
const SIZE: &str = "8G";

/// QEMU assigns addresses by DHCP. Its own resolver asks that of the outer machine.
const NETWORK: &str = "[Match]\nName=en*\n\n[Network]\nDHCP=ipv4\n";
const RESOLVER: &str = "nameserver 10.0.2.3\n";

/// A configuration that `initramfs-tools` knows. [`FIRST`] replaces its result.
const WITHOUT_INITRD: [&str; 1] = ["INITRD=No"];

/// Modules that the kernel needs to find its root, and a program that can load them.
const DRIVER: &str = "kernel/drivers/block/virtio_blk.ko.xz";
const BUSYBOX: &str = "usr/bin/busybox";

/// Everything that is done before systemd starts. Debian's own initial RAM disk, with udev and every driver that any
/// machine may need, takes an emulated processor longer than the kernel does.
const FIRST: &str = "\
#!/busybox sh
/busybox insmod /driver
/busybox mount -t devtmpfs dev /dev
/busybox mount -t ext4 /dev/vda /root
/busybox umount /dev
exec /busybox switch_root /root /sbin/init
";

const UNITS: &str = "etc/systemd/system";

/// Programs that start at each boot, at a login of root, or regularly, and that no case needs. Starting a program takes
/// an emulated processor half a second.
const NOT_STARTED: [&str; 17] = [
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "getty@.service",
    "kmod-static-nodes.service",
    "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-networkd-persistent-storage.service",
    "systemd-udev-load-credentials.service",
    "unattended-upgrades.service",
    "user@.service",
];

/// Generators without any input here. Each reload of systemd would start all of them.
const GENERATORS: &str = "systemd/system-generators";

/// A disk that virtual machines start from and do not change.
#[derive(Debug, Clone)]
pub struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// A Debian of this suite with a kernel, an SSH server and these packages, installed in a `chroot`, which is ten
    /// times faster than inside. Their services are enabled as Debian enables them, except for these.
    pub fn debian(suite: &str, packages: &[&str], disabled: &[&str]) -> Result<Disk> {
        let debian = Debian::new(suite, &[&PACKAGES, packages].concat());
        let recipe = [RECIPE, &debian.fingerprint(), &disabled.join(" ")];
        let id = format!("{suite}-{}", cache::fingerprint(&recipe));
        let dir = cache::once("disks", &id, |partial| {
            prerequisites::for_virtual_machines()?;
            fs::create_dir(partial)?;
            let disk = Disk {
                dir: partial.to_owned(),
            };
            let root = partial.join("root");
            debian.install(&root, &WITHOUT_INITRD)?;
            for service in disabled {
                let root = root.display().to_string();
                sh::quiet(
                    "chroot",
                    &[&root, "systemctl", "--quiet", "disable", service],
                )?;
            }
            quicken(&root)?;
            disk.initial(&root)?;
            disk.make(&root)
        })?;
        Ok(Disk { dir })
    }

    /// Makes the initial RAM disk. It is not compressed, since it is not sent anywhere.
    fn initial(&self, root: &Path) -> Result<()> {
        let dir = root.join("initial");
        fs::create_dir(&dir)?;
        let modules = one(&root.join("usr/lib/modules"), "")?;
        fs::copy(modules.join(DRIVER), dir.join("driver")).context(DRIVER)?;
        fs::copy(root.join(BUSYBOX), dir.join("busybox")).context(BUSYBOX)?;
        fs::write(dir.join("init"), FIRST)?;
        fs::set_permissions(dir.join("init"), fs::Permissions::from_mode(0o755))?;
        let pack = "cd /initial; find . | cpio --quiet -o -H newc >/initial.cpio";
        let shown = root.display().to_string();
        sh::quiet("chroot", &[&shown, "sh", "-euc", pack])?;
        fs::copy(root.join("initial.cpio"), self.initrd())?;
        fs::remove_file(root.join("initial.cpio"))?;
        fs::remove_dir_all(dir)?;
        Ok(())
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
        let wants = root.join(UNITS).join("multi-user.target.wants");
        fs::create_dir_all(&wants)?;
        let unit = "systemd-networkd.service";
        symlink(
            Path::new("/usr/lib/systemd/system").join(unit),
            wants.join(unit),
        )?;
        fs::copy(one(&root.join("boot"), "vmlinuz-")?, self.kernel())?;
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

    /// The private key for root's `authorized_keys`.
    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("key")
    }
}

/// Removes from a Debian what is slow on an emulated processor and irrelevant for a test.
fn quicken(root: &Path) -> Result<()> {
    // systemd has a unit for each of them, but `systemctl enable` calls Perl for a service that also has an init
    // script.
    fs::remove_dir_all(root.join("etc/init.d"))?;
    let generators = root.join("etc").join(GENERATORS);
    fs::create_dir_all(&generators)?;
    for generator in fs::read_dir(root.join("usr/lib").join(GENERATORS))? {
        symlink("/dev/null", generators.join(generator?.file_name()))?;
    }
    for unit in NOT_STARTED {
        symlink("/dev/null", root.join(UNITS).join(unit))?;
    }
    // systemd's own marker that nothing in /usr is newer, so that the first boot does not make its caches again.
    for dir in ["etc", "var"] {
        fs::write(root.join(dir).join(".updated"), "")?;
    }
    Ok(())
}

/// The file of a directory whose name begins with this.
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
