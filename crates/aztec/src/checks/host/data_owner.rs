//! Whether the services can use the databases in their directories.
//!
//! Every run repairs the directories themselves. Their content may come from the disk of another host or from a node
//! that ran as root. The operator has to change its owner: a run does not walk a terabyte of files.

use std::path::{Path, PathBuf};

use provision::Fault;
use provision::host::{FileType, Probe};
use provision::kinds::Accounts;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::layout::{ACCOUNT, Layout};
use crate::settings::Settings;

/// Warns if files belong to somebody else, and names the first of them.
pub(super) fn data_owner(settings: &Settings, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let accounts = Accounts::read(probe)?;
    let account = accounts.users.iter().find(|user| user.name == ACCOUNT);
    let owner_uid = match account {
        Some(user) => Some(user.uid),
        None => accounts.orphaned(&settings.data_dir, probe)?,
    };
    let found = foreign(&settings.layout().data, owner_uid, probe)?;
    let Some((path, uid)) = found.first() else {
        return Ok(None);
    };
    let data = settings.data_dir.display();
    let create = match account {
        Some(_) => String::new(),
        None => format!(
            "useradd --system --home-dir {data} --no-create-home --shell /usr/sbin/nologin {ACCOUNT} && "
        ),
    };
    // The data directory itself stays root's.
    let dirs: Vec<_> = found
        .iter()
        .filter_map(|(path, _)| path.parent())
        .map(|dir| dir.display().to_string())
        .collect();
    let seen = format!(
        "{} belongs to {}, and the services run as {ACCOUNT} and cannot write to it",
        path.display(),
        accounts.user_name(*uid)
    );
    let command = format!(
        "{create}chown --recursive {ACCOUNT}:{ACCOUNT} {}",
        dirs.join(" ")
    );
    let finding = Finding::warn(Topic::DataOwner, seen);
    Ok(Some(
        finding
            .fix(format!(
                "Stop the services, then give the files to {ACCOUNT}."
            ))
            .command(command),
    ))
}

/// The first entry of each service directory that does not belong to the account.
fn foreign(
    data: &Path,
    owner_uid: Option<u32>,
    probe: &dyn Probe,
) -> Result<Vec<(PathBuf, u32)>, Fault> {
    let mut found = Vec::new();
    for name in probe.list(data)?.unwrap_or_default() {
        let dir = data.join(name);
        let Some(meta) = probe.meta(&dir)? else {
            continue;
        };
        // Other files next to them are not checked. The directory of the node gets its name before its owner.
        let is_of_service = Some(meta.uid) == owner_uid || dir == Layout::new(data).node();
        if meta.file_type != FileType::Directory || !is_of_service {
            continue;
        }
        for name in probe.list(&dir)?.unwrap_or_default() {
            let path = dir.join(name);
            match probe.meta(&path)? {
                Some(meta) if Some(meta.uid) != owner_uid => {
                    found.push((path, meta.uid));
                    break;
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use provision::host::HostMut;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::Severity;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\n";

    /// The warning about a host whose `node` and `node/archiver` have these owners.
    fn warning(passwd: &str, home: u32, node: u32, archiver: u32) -> Option<String> {
        let mut host = FakeHost::debian();
        host.plant("/etc/passwd", FileType::File, passwd.as_bytes(), 0o644);
        for (path, uid) in [
            ("/var/lib/aztec", home),
            ("/var/lib/aztec/lost+found", 0),
            ("/var/lib/aztec/lost+found/#1", 0),
            ("/var/lib/aztec/node", node),
            ("/var/lib/aztec/node/archiver", archiver),
            ("/var/lib/aztec/prover-node", node),
            ("/var/lib/aztec/prover-node/p2p", archiver),
        ] {
            host.plant(path, FileType::Directory, b"", 0o750);
            // Directories of root in a data directory belong to the group of the account.
            let gid = if path.contains("lost") { 0 } else { node };
            host.own(Path::new(path), uid, gid, 0o750).unwrap();
        }
        let settings = Settings::parse("network = \"local\"\n").unwrap();
        let finding = data_owner(&settings, &host).unwrap()?;
        assert_eq!(finding.severity, Severity::Warn);
        Some(finding.text())
    }

    #[test]
    fn the_files_of_a_service_must_belong_to_the_account() {
        let with_account = format!("{PASSWD}aztec:x:990:990::/var/lib/aztec:/usr/sbin/nologin\n");
        assert_eq!(warning(&with_account, 0, 990, 990), None);
        assert_eq!(
            warning(&with_account, 990, 990, 990),
            None,
            "an earlier version"
        );
        let moved = warning(&with_account, 0, 990, 1001).unwrap();
        assert!(
            moved.starts_with("/var/lib/aztec/node/archiver belongs to 1001"),
            "{moved}"
        );
        assert!(
            moved.contains(
                "`chown --recursive aztec:aztec /var/lib/aztec/node /var/lib/aztec/prover-node`"
            ),
            "{moved}"
        );
        assert!(!moved.contains("useradd"), "{moved}");
    }

    #[test]
    fn a_removed_account_is_distinguished_from_one_that_never_existed() {
        // It will be created again with its number.
        assert_eq!(warning(PASSWD, 0, 990, 990), None);
        assert_eq!(warning(PASSWD, 990, 990, 990), None);
        // A node ran here as root, as official containers do.
        let root = warning(PASSWD, 0, 0, 0).unwrap();
        assert!(
            root.contains("belongs to root") && root.contains("useradd"),
            "{root}"
        );
    }
}
