//! The keystores that a process gets.

use std::path::{Path, PathBuf};

use provision::engine::ResourceId;
use provision::systemd::Value;

use crate::layout;
use crate::unit::as_root;

/// Keystores of a process.
#[derive(Debug, Clone)]
pub(crate) struct Keystore {
    /// The resource that creates them, or their directory.
    pub made_by: ResourceId,
    /// The directory that systemd passes to the service; it may contain specifiers of systemd.
    pub handed: String,
    /// The same directory on this host, without specifiers.
    pub path: PathBuf,
    /// The directory of the originals, if the service gets only copies of claimed keystores.
    claimed_from: Option<PathBuf>,
}

impl Keystore {
    /// A directory that the service gets with all its files.
    pub fn directory(made_by: ResourceId, path: &Path) -> Self {
        Self {
            made_by,
            handed: path.display().to_string(),
            path: path.into(),
            claimed_from: None,
        }
    }

    /// The claimed keystores of a directory, on a host with this machine id.
    pub fn claimed(made_by: ResourceId, machine_id: &str, of: &Path) -> Self {
        Self {
            made_by,
            handed: format!("{}/%m", layout::CLAIMED),
            path: Path::new(layout::CLAIMED).join(machine_id),
            claimed_from: Some(of.into()),
        }
    }

    /// The directory that must not be empty. A copy of the disk in another host has no directory for that host, and
    /// released keystores are in no such directory.
    pub fn needed(&self) -> Option<String> {
        self.claimed_from.as_ref().map(|_| self.handed.clone())
    }

    /// The commands that run as root before each start.
    pub fn checks(&self) -> Vec<Value> {
        let claimed = self.claimed_from.as_ref();
        claimed
            .map(|original| vec![as_root(same_machine()), as_root(self.still_there(original))])
            .unwrap_or_default()
    }

    /// If the operator removes a key or changes its file, the service does not start with the earlier copy.
    fn still_there(&self, original: &Path) -> String {
        let (handed, original) = (&self.handed, original.display());
        format!(
            "cd {handed} && for file in *; do cmp --silent \"./$file\" \"{original}/$file\" && continue; \
             echo \"{original}/$file is not the keystore that was claimed; aztec-kit apply asks anew\" >&2; exit 1; done"
        )
    }
}

/// A clone may have the machine id as well.
fn same_machine() -> String {
    let (noted, here) = (layout::hardware("%m"), layout::PRODUCT_UUID);
    let noted = noted.display();
    format!(
        "test ! -e {noted} || cmp --silent {noted} {here} && exit; \
         echo \"the keys of this host were claimed on another machine; aztec-kit apply asks anew\" >&2; exit 1"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// Whether the script lets the unit start, and its message.
    fn run(script: &str) -> (bool, String) {
        let mut shell = Command::new("/bin/sh");
        let output = shell.args(["-c", script]).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    }

    #[test]
    fn a_machine_starts_only_keys_that_were_claimed_on_it() {
        let dir = tempfile::tempdir().unwrap();
        let [noted, here] = ["noted", "here"].map(|name| dir.path().join(name));
        let script = same_machine()
            .replace("/var/lib/aztec-kit/hardware/%m", noted.to_str().unwrap())
            .replace(layout::PRODUCT_UUID, here.to_str().unwrap());
        assert!(run(&script).0, "no machine is recorded");
        fs::write(&noted, "one\n").unwrap();
        assert!(!run(&script).0, "the machine has no UUID");
        fs::write(&here, "one\n").unwrap();
        assert_eq!(run(&script), (true, String::new()));
        fs::write(&here, "two\n").unwrap();
        assert!(run(&script).1.contains("claimed on another machine"));
    }

    #[test]
    fn a_copy_starts_nothing_unless_its_original_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let [copies, originals] = ["copies", "originals"].map(|name| dir.path().join(name));
        for dir in [&copies, &originals] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join("a b.json"), "one").unwrap();
        }
        let keystore = Keystore {
            handed: copies.display().to_string(),
            claimed_from: Some(originals.clone()),
            ..Keystore::claimed(ResourceId::new("a", "test"), "", Path::new(""))
        };
        let script = keystore.still_there(&originals);
        let starts = || run(&script);
        assert_eq!(starts(), (true, String::new()));
        // A keystore that is only imported is not copied, and does not stop the service.
        fs::write(originals.join("b.json"), "two").unwrap();
        assert!(starts().0);
        fs::write(originals.join("a b.json"), "another").unwrap();
        assert!(
            starts()
                .1
                .contains("originals/a b.json is not the keystore that was claimed")
        );
        fs::remove_file(originals.join("a b.json")).unwrap();
        assert!(!starts().0);
        fs::remove_dir_all(&copies).unwrap();
        assert!(!starts().0);
    }
}
