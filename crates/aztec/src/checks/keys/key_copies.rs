//! Whether the key copies that a sequencer signs with are on the same separate disk as their originals.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, resolved};
use provision::tools::mounts::{self, Mount};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::layout;
use crate::names::Role;
use crate::settings::Settings;

/// Warns if the originals are on a separate disk, and the copies are not.
pub(super) fn key_copies(
    settings: &Settings,
    mounts: &[Mount],
    probe: &dyn Probe,
) -> Result<Option<Finding>, Fault> {
    if settings.local().is_some() || !settings.has(Role::Sequencer) {
        return Ok(None);
    }
    let keys = resolved(Path::new(layout::KEYSTORE), probe)?;
    let copies = resolved(Path::new(layout::CLAIMED), probe)?;
    let (Some(keys), Some(copies)) = (mounts::of(&keys, mounts), mounts::of(&copies, mounts))
    else {
        return Ok(None);
    };
    // Separate disks for /etc and /var are not meant for keys.
    let own = keys.point.starts_with(layout::ETC) || !keys.point.starts_with("/etc");
    if !own || keys.point.parent().is_none() || keys.device == copies.device {
        return Ok(None);
    }
    let seen = format!(
        "the keystores are on a separate disk ({}), and the keys of the sequencer are copied to {}, which is on \
         the disk of {}",
        keys.point.display(),
        layout::CLAIMED,
        copies.point.display()
    );
    let fix = format!(
        "If that disk is less safe, mount a separate one for {} as well, with its content.",
        layout::KIT_STATE
    );
    Ok(Some(Finding::warn(Topic::KeystoreCopies, seen).fix(fix)))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::Severity;

    const LIVE: &str = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l1.example\"]\n\
        consensus_urls = [\"https://beacon.example\"]\n[sequencer]\nenabled = true\n";

    /// The warning with these mounts in addition to the root directory's, each with its device and its place.
    fn warning(kit_toml: &str, host: &FakeHost, more: &[(&str, &str)]) -> Option<String> {
        let root = ("8:1", "/");
        let lines = std::iter::once(&root)
            .chain(more)
            .map(|(device, point)| format!("28 1 {device} / {point} rw - ext4 /dev/sda rw\n"));
        let mounts = mounts::parse(&lines.collect::<String>());
        let settings = Settings::parse(kit_toml).unwrap();
        let found = key_copies(&settings, &mounts, host).unwrap()?;
        assert_eq!(found.severity, Severity::Warn);
        Some(found.text())
    }

    #[test]
    fn copies_of_keys_from_a_separate_disk_are_reported() {
        let host = FakeHost::debian();
        let keys = ("254:0", "/etc/aztec/keystore");
        let message = warning(LIVE, &host, &[keys]).unwrap();
        assert!(
            message.contains("(/etc/aztec/keystore)") && message.contains("the disk of /."),
            "{message}"
        );
        assert!(warning(LIVE, &host, &[("254:0", "/etc/aztec")]).is_some());
        // The same disk, two common disks, and one disk for both.
        assert_eq!(
            warning(LIVE, &host, &[("8:1", "/etc/aztec/keystore")]),
            None
        );
        assert_eq!(
            warning(LIVE, &host, &[("8:2", "/var"), ("8:3", "/etc")]),
            None
        );
        let both = [keys, ("254:0", "/var/lib/aztec-kit")];
        assert_eq!(warning(LIVE, &host, &both), None);
        // Nothing is copied there.
        assert_eq!(warning("network = \"local\"\n", &host, &[keys]), None);
        let node = LIVE.replace("enabled = true", "enabled = false");
        assert_eq!(warning(&node, &host, &[keys]), None);
        // Through a link.
        let mut linked = FakeHost::debian();
        linked.plant("/etc/aztec", FileType::Directory, b"", 0o750);
        linked.plant(
            "/etc/aztec/keystore",
            FileType::Symlink,
            b"/mnt/keys",
            0o777,
        );
        assert!(warning(LIVE, &linked, &[("254:0", "/mnt/keys")]).is_some());
    }
}
