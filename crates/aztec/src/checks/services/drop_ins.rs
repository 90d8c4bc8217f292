//! Whether foreign drop-ins take secrets, environment or sandboxing from the services of aztec-kit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use provision::Fault;
use provision::engine::{Graph, Resource};
use provision::host::Probe;
use provision::tools::unit_file::{self, Part};

use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::kinds::Kind;

/// The directories for unit files of packages.
const PACKAGED: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];

/// One finding for each drop-in that takes something from the services of aztec-kit.
pub fn drop_ins(
    graph: &Graph<Kind>,
    units: &[String],
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let own = own(graph);
    let mut taken: BTreeMap<PathBuf, Taken> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.ends_with(".service")) {
        for lost in unit_file::lost(&parts(unit, &own, probe)?) {
            let taken = taken.entry(lost.path).or_default();
            taken.needed |= lost.needed;
            for (words, word) in [
                (&mut taken.settings, lost.setting),
                (&mut taken.units, unit.clone()),
            ] {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
    }
    let findings = taken.into_iter();
    Ok(findings.map(|(path, taken)| taken.finding(&path)).collect())
}

/// The settings that one drop-in changes, and the units that it changes.
#[derive(Default)]
struct Taken {
    settings: Vec<String>,
    units: Vec<String>,
    /// Whether a service can no longer read its secrets or its environment.
    needed: bool,
}

impl Taken {
    fn finding(&self, path: &Path) -> Finding {
        let (status, effect) = if self.needed {
            (Severity::Fail, "cannot read what it needs")
        } else {
            (Severity::Warn, "is less confined")
        };
        let message = format!(
            "{} changes {} of {}, which then {effect}. Remove that from the drop-in, or set it again in a drop-in of the unit whose name sorts later.",
            path.display(),
            self.settings.join(", "),
            self.units.join(", ")
        );
        Finding::new(Topic::DropIns.of(path.display()), status, message)
    }
}

/// Every unit file and drop-in of aztec-kit, by its path.
fn own(graph: &Graph<Kind>) -> BTreeMap<PathBuf, String> {
    let resources = graph.nodes().iter().map(|node| &node.resource);
    let units = resources.filter_map(|resource| match resource {
        Kind::Unit(unit) => Some((unit.path(), unit.text.clone())),
        Kind::File(file) => {
            let path = resource.files().into_iter().next()?;
            let is_unit = path.starts_with("/etc/systemd/system");
            is_unit.then(|| (path, file.content().to_owned()))
        }
        _ => None,
    });
    units.collect()
}

/// The files of a unit, in the order in which systemd reads them; empty if none of them is of aztec-kit.
fn parts(
    unit: &str,
    own: &BTreeMap<PathBuf, String>,
    probe: &dyn Probe,
) -> Result<Vec<Part>, Fault> {
    // By name: the first directory that has a file of that name wins.
    let mut drop_ins: BTreeMap<String, Part> = BTreeMap::new();
    for dir in unit_file::drop_in_dirs(unit) {
        let ours = own.keys().filter(|path| path.parent() == Some(&dir));
        let ours = ours.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        let there = probe.list(&dir)?.unwrap_or_default();
        for name in there.into_iter().chain(ours) {
            if !name.ends_with(".conf") || drop_ins.contains_key(&name) {
                continue;
            }
            let part = part(dir.join(&name), own, probe)?;
            drop_ins.extend(part.map(|part| (name, part)));
        }
    }
    let template = unit.split_once('@').map(|(prefix, _)| {
        let name = format!("{prefix}@.service");
        Path::new("/etc/systemd/system").join(name)
    });
    let written = Path::new("/etc/systemd/system").join(unit);
    let packaged = PACKAGED.iter().map(|place| Path::new(place).join(unit));
    let mut parts = Vec::new();
    for path in [written].into_iter().chain(template).chain(packaged) {
        if let Some(found) = part(path, own, probe)? {
            parts.push(Part { own: true, ..found });
            break;
        }
    }
    parts.extend(drop_ins.into_values());
    let ours = parts.iter().any(|part| own.contains_key(&part.path));
    Ok(if ours { parts } else { Vec::new() })
}

/// The text of one file: the desired one if it is of aztec-kit, otherwise the one on the host.
fn part(
    path: PathBuf,
    own: &BTreeMap<PathBuf, String>,
    probe: &dyn Probe,
) -> Result<Option<Part>, Fault> {
    if let Some(text) = own.get(&path) {
        return Ok(Some(Part {
            text: text.clone(),
            path,
            own: true,
        }));
    }
    let text = probe.text(&path)?;
    Ok(text.map(|text| Part {
        path,
        text,
        own: false,
    }))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::settings::Settings;
    use crate::{HostFacts, Units, desired};

    fn finding(kit_toml: &str, drop_in: &str, text: &str) -> Vec<(Severity, String)> {
        let mut host = FakeHost::debian();
        let path = Path::new(drop_in);
        let above: Vec<_> = path.ancestors().skip(1).collect();
        for dir in above.iter().rev() {
            host.plant(&dir.display().to_string(), FileType::Directory, b"", 0o755);
        }
        host.plant(drop_in, FileType::File, text.as_bytes(), 0o644);
        let settings = Settings::parse(kit_toml).unwrap();
        let facts = HostFacts::debian();
        let graph = desired(&settings, &facts, kit_toml).unwrap();
        let units = Units::of(&settings, &facts).all();
        let findings = drop_ins(&graph, &units, &host).unwrap().into_iter();
        findings
            .map(|finding| (finding.severity, finding.text()))
            .collect()
    }

    const WATCHED: &str = "[node]\nenabled = false\n[monitoring]\nenabled = true\n";
    const LXC: &str = "/run/systemd/system/service.d/zzz-lxc-service.conf";

    #[test]
    fn a_drop_in_of_every_service_that_takes_credentials_is_named() {
        let found = finding(WATCHED, LXC, "[Service]\nLoadCredential=\n");
        assert_eq!(found.len(), 1, "{found:?}");
        let (status, message) = &found[0];
        assert_eq!(*status, Severity::Fail);
        assert!(
            message.starts_with(&format!(
                "{LXC} changes LoadCredential of prometheus-alertmanager.service,"
            )),
            "{message}"
        );
    }

    #[test]
    fn a_weaker_sandbox_is_a_warning_and_a_harmless_setting_is_not() {
        let local = "network = \"local\"\n";
        let path = "/etc/systemd/system/aztec-node.service.d/99-local.conf";
        let found = finding(local, path, "[Service]\nNoNewPrivileges=no\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, Severity::Warn);
        assert!(found[0].1.contains("aztec-node.service"), "{found:?}");
        assert!(finding(local, path, "[Service]\nTimeoutStopSec=9\n").is_empty());
    }

    #[test]
    fn a_drop_in_that_is_read_before_ours_takes_nothing() {
        let path = "/etc/systemd/system/prometheus-alertmanager.service.d/10-local.conf";
        assert!(finding(WATCHED, path, "[Service]\nLoadCredential=\n").is_empty());
    }
}
