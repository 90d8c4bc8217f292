//! Whether what watches a host can be put on it.

use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use server::monitoring::{PACKAGES, drop_in_path};

use super::finding::{Finding, Verdict};
use super::topic::Topic;
use crate::HostFacts;
use crate::features::monitoring::NAME;
use crate::layout;
use crate::names::units;
use crate::settings::{Monitoring, Stack};

/// One finding for each thing that is in the way, or one that says that nothing is.
pub(super) fn findings(
    wanted: &Monitoring,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    findings.extend(other(wanted.stack, probe)?);
    match wanted.stack {
        Stack::Native => findings.extend(foreign(probe)?),
        Stack::Compose => findings.extend(docker(facts, probe)?),
    }
    if probe.meta(Path::new(layout::KIT))?.is_none() {
        let message = format!(
            "units of monitoring call {}, which is not there. Copy this program to it.",
            layout::KIT
        );
        findings.push(Finding::new(Topic::Monitoring, Verdict::Fail, message));
    }
    if wanted.receivers.is_empty() {
        let message = "there are no receivers: alerts are seen by whoever looks at Alertmanager, and by nobody else. Name some in monitoring.receivers.";
        findings.push(Finding::new(Topic::Monitoring, Verdict::Warn, message));
    }
    if findings.is_empty() {
        let count = wanted.receivers.len();
        let message = format!("alerts go to {count} receivers");
        findings.push(Finding::new(Topic::Monitoring, Verdict::Pass, message));
    }
    Ok(findings)
}

/// One runtime holds the ports that the other needs, and would only be taken away after that has started.
fn other(wanted: Stack, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let packages = PACKAGES.iter().map(|(_, unit)| *unit);
    let (units, runs, runtime) = match wanted {
        Stack::Native => (vec![units::MONITORING], "compose", "native"),
        Stack::Compose => (packages.collect(), "native", "compose"),
    };
    for unit in running(&units, probe)? {
        // Packages may be the operator's, whom the check of the ports tells.
        if unit == units::MONITORING || probe.meta(&drop_in_path(NAME, unit))?.is_some() {
            let message = format!(
                "it runs as {runs} here, which holds the ports. Set monitoring.enabled = false and run `aztec-kit apply`; then turn it on as {runtime}. What was recorded stays."
            );
            return Ok(Some(Finding::new(
                Topic::Monitoring,
                Verdict::Fail,
                message,
            )));
        }
    }
    Ok(None)
}

/// Those of the units that have a process.
fn running<'u>(units: &[&'u str], probe: &dyn Probe) -> Result<Vec<&'u str>, Fault> {
    let names = units.iter().map(ToString::to_string).collect();
    let states = probe.units(&names)?;
    let runs = |unit: &&str| states.get(*unit).is_some_and(|state| state.main_pid != 0);
    Ok(units.iter().copied().filter(runs).collect())
}

/// Where the program and its plugin are, of the distribution or of Docker's own packages.
const DOCKER: &str = "/usr/bin/docker";
/// Where snap puts its own.
pub(super) const SNAP: &str = "/snap/bin/docker";
const PLUGINS: &[&str] = &[
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
    "/usr/local/lib/docker/cli-plugins/docker-compose",
];

/// Which of the two Docker packages a host has is its operator's choice: none is installed here.
fn docker(facts: &HostFacts, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let mut plugin = false;
    for path in PLUGINS {
        plugin |= probe.meta(Path::new(path))?.is_some();
    }
    let program = probe.meta(Path::new(DOCKER))?.is_some();
    if plugin && program && facts.docker {
        return Ok(None);
    }
    // Whoever has one of these sees `docker compose` work.
    let snap = if probe.meta(Path::new(SNAP))?.is_some() {
        " but snap's, which is confined and not used here"
    } else if program && !facts.docker {
        " but a `docker` that is Podman's, or has no daemon of Docker here"
    } else {
        ""
    };
    let message = format!(
        "monitoring.runtime is compose, and there is no `docker compose` on this host{snap}. Install docker.io, docker-cli and docker-compose, or Docker's own packages; or set monitoring.runtime to native."
    );
    Ok(Some(Finding::new(
        Topic::Monitoring,
        Verdict::Fail,
        message,
    )))
}

/// Whoever runs one of these programs already has a configuration of their own, which is not taken over.
fn foreign(probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let units: Vec<_> = PACKAGES.iter().map(|(_, unit)| *unit).collect();
    let running = running(&units, probe)?;
    let mut findings = Vec::new();
    for (package, unit) in PACKAGES {
        if running.contains(unit) && probe.meta(&drop_in_path(NAME, unit))?.is_none() {
            let message = format!(
                "{unit} runs already, with a configuration that is not ours. Remove the package {package} first, or watch this host with what you have and set monitoring.enabled = false."
            );
            findings.push(Finding::new(Topic::Monitoring, Verdict::Fail, message));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::{FakeHost, FakeUnit};

    use super::*;

    /// A host on which these units run, those of packages by the operator's will or by ours.
    fn host(units: &[&str], ours: bool) -> FakeHost {
        let mut host = FakeHost::debian();
        for unit in units {
            let state = FakeUnit {
                loaded: Some(Vec::new()),
                active: "active".into(),
                ..FakeUnit::default()
            };
            host.units.insert((*unit).to_owned(), state);
            if ours {
                let path = drop_in_path(NAME, unit);
                host.plant(&path.display().to_string(), FileType::File, b"", 0o644);
            }
        }
        host
    }

    #[test]
    fn a_runtime_does_not_start_beside_the_other() {
        let other = |wanted, host: &FakeHost| {
            let found = super::other(wanted, host).unwrap();
            found.map(|finding| finding.message).unwrap_or_default()
        };
        let containers = host(&[units::MONITORING], false);
        let packages = host(&["prometheus.service"], true);
        assert!(other(Stack::Native, &containers).starts_with("it runs as compose here"));
        assert!(other(Stack::Compose, &packages).starts_with("it runs as native here"));
        assert_eq!(other(Stack::Compose, &containers), "");
        assert_eq!(other(Stack::Native, &packages), "");
        let operators = host(&["prometheus.service"], false);
        assert_eq!(other(Stack::Compose, &operators), "");
        assert_eq!(foreign(&operators).unwrap().len(), 1);
    }

    #[test]
    fn the_docker_of_snap_is_named() {
        let mut host = FakeHost::debian();
        let told = |host: &FakeHost| {
            let facts = HostFacts::debian();
            docker(&facts, host).unwrap().unwrap().message
        };
        assert!(!told(&host).contains("snap"));
        for path in ["/snap", "/snap/bin"] {
            host.plant(path, FileType::Directory, b"", 0o755);
        }
        host.plant(SNAP, FileType::File, b"", 0o755);
        assert!(told(&host).contains("on this host but snap's"));
    }

    #[test]
    fn podman_under_the_name_of_docker_runs_no_compose() {
        let mut host = FakeHost::debian();
        for dir in [
            "/usr/bin",
            "/usr/libexec",
            "/usr/libexec/docker",
            "/usr/libexec/docker/cli-plugins",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        host.plant(PLUGINS[0], FileType::File, b"", 0o755);
        host.plant(DOCKER, FileType::Symlink, b"podman", 0o777);
        let facts = |docker| HostFacts {
            docker,
            ..HostFacts::debian()
        };
        let found = docker(&facts(false), &host).unwrap().unwrap();
        assert!(found.message.contains("Podman's"), "{}", found.message);
        assert_eq!(docker(&facts(true), &host).unwrap(), None);
    }
}
