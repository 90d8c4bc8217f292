//! Whether packages of this host conflict with the configured ones.

use provision::Fault;
use provision::engine::Graph;
use provision::host::Probe;
use provision::kinds::Packages;

use crate::checks::finding::{Finding, failed};
use crate::checks::topic::Topic;
use crate::kinds::Kind;

/// The packages that apt would remove for those that are still missing, or why apt would install nothing; `None` if there
/// is nothing to report.
pub fn packages(graph: &Graph<Kind>, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let mut entries = Vec::new();
    for node in graph.nodes() {
        if let Kind::Packages(packages) = &node.resource {
            entries.extend(packages.lacking(probe)?);
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let obstacle = Packages::obstacle(&entries, probe);
    Ok(obstacle.map(|fault| failed(Topic::Packages, &fault)))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::Severity;
    use crate::settings::Settings;
    use crate::{HostFacts, desired};

    #[test]
    fn packages_that_apt_would_remove_are_named_in_advance() {
        let mut host = FakeHost::debian();
        let status =
            "Package: netfilter-persistent\nStatus: install ok installed\nVersion: 1.0.20\n\n";
        host.plant(
            "/var/lib/dpkg/status",
            FileType::File,
            status.as_bytes(),
            0o644,
        );
        let conflict = ("ufw".into(), vec!["netfilter-persistent".into()]);
        host.apt.conflicts = [conflict].into();
        let text = "[node]\nenabled = false\n\n[firewall]\nenabled = true\n";
        let settings = Settings::parse(text).unwrap();
        let graph = desired(&settings, &HostFacts::debian(), text).unwrap();
        let finding = packages(&graph, &host).unwrap().unwrap();
        assert_eq!(finding.severity, Severity::Fail);
        assert!(
            finding
                .text()
                .contains("apt would remove netfilter-persistent to install"),
            "{}",
            finding.text()
        );
        host.apt.conflicts.clear();
        assert_eq!(packages(&graph, &host).unwrap(), None);
    }

    /// apt installs nothing before that is repaired, and a run would notice it only after its first changes.
    #[test]
    fn unmet_dependencies_are_reported_in_advance() {
        let mut host = FakeHost::debian();
        host.apt.unmet = true;
        let text = "[node]\nenabled = false\n\n[firewall]\nenabled = true\n";
        let settings = Settings::parse(text).unwrap();
        let graph = desired(&settings, &HostFacts::debian(), text).unwrap();
        let finding = packages(&graph, &host).unwrap().unwrap();
        assert_eq!(finding.severity, Severity::Fail);
        for part in [
            "lack their dependencies",
            "apt-get --simulate --fix-broken install",
        ] {
            assert!(finding.text().contains(part), "{}", finding.text());
        }
    }
}
