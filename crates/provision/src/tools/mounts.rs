//! Mounted file systems: `/proc/self/mountinfo`, `/etc/fstab`, and the names of their units.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its mount point.
    pub point: PathBuf,
    /// Its type, such as `ext4`.
    pub kind: String,
    /// The numbers of its device: the same at all mount points of one file system.
    pub device: String,
}

/// The mounts of the host: those of process 1, which starts the services. The caller of aztec-kit may have other
/// mounts. Only root can read those of another process.
pub const MOUNTINFO: [&str; 2] = ["/proc/1/mountinfo", "/proc/self/mountinfo"];

/// Every mount in `/proc/PID/mountinfo`, in the order of mounting: proc_pid_mountinfo(5). An invalid line is skipped.
pub fn parse(mountinfo: &str) -> Vec<Mount> {
    let read = |line: &str| {
        let (place, what) = line.split_once(" - ")?;
        let fields: Vec<_> = place.split(' ').collect();
        Some(Mount {
            point: unescaped(fields.get(4)?),
            device: (*fields.get(2)?).to_owned(),
            kind: what.split(' ').next()?.to_owned(),
        })
    };
    mountinfo.lines().filter_map(read).collect()
}

/// The file system of an existing or future path. The path must not contain links.
pub fn of<'a>(path: &Path, mounts: &'a [Mount]) -> Option<&'a Mount> {
    // A later mount hides earlier ones at its mount point or below.
    let mut above = mounts.iter().rev();
    above.find(|mount| path.starts_with(&mount.point))
}

/// The mount point of a path; nothing for the root file system.
pub fn point(path: &Path, mounts: &[Mount]) -> Option<PathBuf> {
    let point = of(path, mounts)?.point.clone();
    Some(point).filter(|point| point.parent().is_some())
}

/// The mount points in `/etc/fstab`: fstab(5).
pub fn configured(fstab: &str) -> Vec<PathBuf> {
    let lines = fstab.lines().map(str::trim);
    let entries = lines.filter(|line| !line.starts_with('#'));
    let places = entries.filter_map(|line| line.split_ascii_whitespace().nth(1));
    places
        .filter(|place| place.starts_with('/'))
        .map(unescaped)
        .collect()
}

/// The unit of a mount point: systemd.unit(5), string escaping.
pub fn unit(point: &Path) -> String {
    let text = point.to_string_lossy();
    let text = text.trim_matches('/');
    let mut name = String::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if at > 0 => name.push('.'),
            b':' | b'_' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(name, "\\x{byte:02x}")),
        }
    }
    if name.is_empty() {
        name.push('-');
    }
    name + ".mount"
}

/// Blanks and similar characters are escaped as `\040` in both files.
fn unescaped(text: &str) -> PathBuf {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part.as_bytes().get(3..).unwrap_or_default());
            }
            None => {
                bytes.push(b'\\');
                bytes.extend(part.as_bytes());
            }
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Debian 12 with a disk for data, and disks that are mounted over others.
    const MOUNTINFO: &str = "\
22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
35 28 0:31 / /tmp rw,nosuid,nodev shared:17 - tmpfs tmpfs rw,inode64
89 28 8:49 / /srv/old rw,relatime shared:50 - btrfs /dev/sdd1 rw
91 28 8:33 / /srv rw,relatime - xfs /dev/sdc1 rw
92 91 0:40 / /srv rw,relatime - tmpfs none rw
93 92 8:17 / /srv/my\\040data rw,relatime shared:50 - ext3 /dev/sdb1 rw
half a line
";

    #[test]
    fn a_path_is_on_the_nearest_mount_above_it() {
        let mounts = parse(MOUNTINFO);
        assert_eq!(mounts.len(), 7);
        let kind = |path: &str| of(Path::new(path), &mounts).map(|mount| mount.kind.as_str());
        assert_eq!(kind("/var/lib/aztec"), Some("ext4"));
        assert_eq!(kind("/tmp/x"), Some("tmpfs"));
        assert_eq!(kind("/tmpx"), Some("ext4"));
        assert_eq!(kind("/srv/aztec"), Some("tmpfs"));
        assert_eq!(kind("/srv/my data/aztec"), Some("ext3"));
        assert_eq!(kind("/srv/old/aztec"), Some("tmpfs"));
        assert_eq!(of(Path::new("/x"), &[]), None);
        let data = of(Path::new("/srv/my data"), &mounts);
        assert_eq!(data.map(|mount| mount.device.as_str()), Some("8:17"));
    }

    #[test]
    fn fstab_names_places() {
        let fstab = "# /etc/fstab\nUUID=1 / ext4 defaults 0 1\n/dev/sdb1\t/srv/a\\040b ext4 nofail\nUUID=2 none swap sw\n\n";
        assert_eq!(configured(fstab), [Path::new("/"), Path::new("/srv/a b")]);
    }

    /// As `systemd-escape --path --suffix=mount` of systemd 252 prints them.
    #[test]
    fn units_are_named_as_systemd_does() {
        for (path, name) in [
            ("/", "-.mount"),
            ("/srv/aztec/", "srv-aztec.mount"),
            ("/srv/my-disk", "srv-my\\x2ddisk.mount"),
            ("/.a/b.c d", "\\x2ea-b.c\\x20d.mount"),
        ] {
            assert_eq!(unit(Path::new(path)), name);
        }
    }
}
