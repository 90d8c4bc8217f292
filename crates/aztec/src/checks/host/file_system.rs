//! Whether the file system of the data suits LMDB, the database of the node.

use provision::Fault;
use provision::host::{Probe, resolved};
use provision::tools::mounts;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::settings::Settings;
use crate::severity::Severity;

const MOVE: &str = "Put the data on a local disk with ext4 or xfs, mount it, and name the place with `--data-dir`.";
/// LMDB maps its file into memory and locks it: lmdb.h, "Caveats".
const REMOTE: &str =
    "over which LMDB corrupts its databases: it maps them into memory and relies on local locks";

/// What is known about a type of file system, by the beginning of its name.
const KNOWN: &[(&str, Severity, &str)] = &[
    ("ext", Severity::Pass, ""),
    ("xfs", Severity::Pass, ""),
    (
        "zfs",
        Severity::Pass,
        "which copies on write, so databases become fragmented; a record size of 16K helps",
    ),
    (
        "btrfs",
        Severity::Pass,
        "which copies on write, so databases become fragmented; `chattr +C` on the empty directory helps",
    ),
    ("f2fs", Severity::Pass, ""),
    ("bcachefs", Severity::Pass, ""),
    (
        "overlay",
        Severity::Warn,
        "which is the writable layer of a container and is removed with it",
    ),
    ("nfs", Severity::Fail, REMOTE),
    ("cifs", Severity::Fail, REMOTE),
    ("smb", Severity::Fail, REMOTE),
    ("ceph", Severity::Fail, REMOTE),
    ("glusterfs", Severity::Fail, REMOTE),
    ("9p", Severity::Fail, REMOTE),
    ("afs", Severity::Fail, REMOTE),
    (
        "fuse",
        Severity::Warn,
        "which is a program, so it is slow, and may not support shared maps and locks",
    ),
    (
        "virtiofs",
        Severity::Warn,
        "which is a directory of the hypervisor, and may not support shared maps and locks",
    ),
    ("tmpfs", Severity::Fail, "which is lost at every boot"),
    ("ramfs", Severity::Fail, "which is lost at every boot"),
];

/// The file system of the data directory.
///
/// # Errors
///
/// When the links of the path cannot be read, or the mounts of the host are not known.
pub(super) fn file_system(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Finding, Fault> {
    let real = resolved(&settings.data_dir, probe)?;
    let mount = mounts::of(&real, &facts.mounts).ok_or_else(|| {
        Fault::new(format!("no mount is known for {}", real.display()))
            .fix("Run it as root: only root can read /proc/1/mountinfo.")
    })?;
    Ok(judged(&mount.kind, &real.display().to_string()))
}

/// By the type; pure.
fn judged(kind: &str, shown: &str) -> Finding {
    let known = KNOWN.iter().find(|(name, ..)| kind.starts_with(name));
    let Some((_, severity, note)) = known else {
        let seen = format!("{shown} is on {kind}, with which the node is not known to work");
        return Finding::warn(Topic::FileSystem, seen).fix(MOVE);
    };
    let note = match *note {
        "" => String::new(),
        note => format!(", {note}"),
    };
    let finding = Finding::new(
        Topic::FileSystem,
        *severity,
        format!("{shown} is on {kind}{note}"),
    );
    match severity {
        Severity::Pass => finding,
        _ => finding.fix(MOVE),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;

    fn found(kind: &str) -> Result<Finding, Fault> {
        let line = format!("36 28 8:17 / /var/lib rw,noatime - {kind} /dev/sdb1 rw\n");
        let facts = HostFacts {
            mounts: mounts::parse(&line),
            ..HostFacts::debian()
        };
        let settings = Settings::parse("network = \"local\"\n").unwrap();
        file_system(&settings, &facts, &FakeHost::debian())
    }

    #[test]
    fn a_file_system_without_local_locks_is_refused() {
        let cases = [
            ("ext4", Severity::Pass, "ext4"),
            ("xfs", Severity::Pass, "xfs"),
            ("zfs", Severity::Pass, "copies on write"),
            ("btrfs", Severity::Pass, "chattr +C"),
            ("overlay", Severity::Warn, "container"),
            ("nfs4", Severity::Fail, "local locks"),
            ("cifs", Severity::Fail, "local locks"),
            ("smb3", Severity::Fail, "local locks"),
            ("tmpfs", Severity::Fail, "every boot"),
            ("fuse.sshfs", Severity::Warn, "program"),
            ("fuseblk", Severity::Warn, "program"),
            ("vfat", Severity::Warn, "not known"),
        ];
        for (kind, severity, part) in cases {
            let finding = found(kind).unwrap();
            assert_eq!(finding.severity, severity, "{kind}: {}", finding.text());
            assert!(finding.seen.contains(part), "{}", finding.text());
        }
    }

    #[test]
    fn without_a_mount_it_cannot_tell() {
        let settings = Settings::parse("network = \"local\"\n").unwrap();
        assert!(file_system(&settings, &HostFacts::debian(), &FakeHost::debian()).is_err());
    }
}
