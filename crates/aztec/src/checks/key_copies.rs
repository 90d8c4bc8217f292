//! Where the copies of keys lie that a sequencer signs with, when the operator has given the originals a disk of their own.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, resolved};
use provision::tools::mounts::{self, Mount};

use super::finding::{Finding, Verdict};
use super::topic::Topic;
use crate::layout;
use crate::names::Role;
use crate::settings::Settings;

/// Warns where an original is on a disk that was made for it, and its copy is not.
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
    // That /etc and /var are two is no wish about keys.
    let own = keys.point.starts_with(layout::ETC) || !keys.point.starts_with("/etc");
    if !own || keys.point.parent().is_none() || keys.device == copies.device {
        return Ok(None);
    }
    let text = format!(
        "the keystores have a disk of their own ({}), and the keys that the sequencer is handed are copied to {}, which is on \
         that of {}. If that one is less safe, mount one for {} as well: its content goes there first.",
        keys.point.display(),
        layout::CLAIMED,
        copies.point.display(),
        layout::KIT_STATE
    );
    Ok(Some(Finding::new(
        Topic::KeystoreCopies,
        Verdict::Warn,
        text,
    )))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    const LIVE: &str = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l1.example\"]\n\
        consensus_urls = [\"https://beacon.example\"]\n[sequencer]\nenabled = true\n";

    /// What is said with these mounts besides the root directory's, each a device and its place.
    fn said(kit_toml: &str, host: &FakeHost, more: &[(&str, &str)]) -> Option<String> {
        let root = ("8:1", "/");
        let lines = std::iter::once(&root)
            .chain(more)
            .map(|(device, point)| format!("28 1 {device} / {point} rw - ext4 /dev/sda rw\n"));
        let mounts = mounts::parse(&lines.collect::<String>());
        let settings = Settings::parse(kit_toml).unwrap();
        let found = key_copies(&settings, &mounts, host).unwrap()?;
        assert_eq!(found.status, Verdict::Warn);
        Some(found.message)
    }

    #[test]
    fn keys_on_a_disk_of_their_own_are_not_copied_elsewhere_in_silence() {
        let host = FakeHost::debian();
        let keys = ("254:0", "/etc/aztec/keystore");
        let told = said(LIVE, &host, &[keys]).unwrap();
        assert!(
            told.contains("(/etc/aztec/keystore)") && told.contains("that of /."),
            "{told}"
        );
        assert!(said(LIVE, &host, &[("254:0", "/etc/aztec")]).is_some());
        // The same disk, two usual ones, and one for both.
        assert_eq!(said(LIVE, &host, &[("8:1", "/etc/aztec/keystore")]), None);
        assert_eq!(said(LIVE, &host, &[("8:2", "/var"), ("8:3", "/etc")]), None);
        let both = [keys, ("254:0", "/var/lib/aztec-kit")];
        assert_eq!(said(LIVE, &host, &both), None);
        // Nothing is copied there.
        assert_eq!(said("network = \"local\"\n", &host, &[keys]), None);
        let node = LIVE.replace("enabled = true", "enabled = false");
        assert_eq!(said(&node, &host, &[keys]), None);
        // By a link.
        let mut linked = FakeHost::debian();
        linked.plant("/etc/aztec", FileType::Directory, b"", 0o750);
        linked.plant(
            "/etc/aztec/keystore",
            FileType::Symlink,
            b"/mnt/keys",
            0o777,
        );
        assert!(said(LIVE, &linked, &[("254:0", "/mnt/keys")]).is_some());
    }
}
