//! Whether monitoring can be set up on this host.

use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use server::monitoring::{PACKAGES, drop_in_path};

use crate::HostFacts;
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::features::monitoring::NAME;
use crate::layout;
use crate::names::units;
use crate::settings::{Monitoring, Stack};

const CHECK: Topic = Topic::Monitoring;

/// One finding for each obstacle, or one pass.
pub(super) fn findings(
    configured: &Monitoring,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    findings.extend(other(configured.stack, probe)?);
    match configured.stack {
        Stack::Native => findings.extend(foreign(probe)?),
        Stack::Compose => findings.extend(docker(facts, probe)?),
    }
    if probe.meta(Path::new(layout::KIT))?.is_none() {
        let seen = format!(
            "units of monitoring call {}, which does not exist",
            layout::KIT
        );
        findings.push(Finding::fail(CHECK, seen).fix("Copy aztec-kit to that path."));
    }
    if configured.receivers.is_empty() {
        let seen = "there are no receivers, so alerts are visible in Alertmanager only";
        let finding = Finding::warn(CHECK, seen);
        findings.push(finding.fix("Name receivers in monitoring.receivers."));
    }
    if findings.is_empty() {
        let count = configured.receivers.len();
        findings.push(Finding::pass(
            CHECK,
            format!("alerts go to {count} receivers"),
        ));
    }
    Ok(findings)
}

/// Refuses a switch of the runtime. The old runtime holds the ports that the new one needs, and would only be removed after
/// the new one has started.
fn other(configured: Stack, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let packages = PACKAGES.iter().map(|(_, unit)| *unit);
    let (units, runs, runtime) = match configured {
        Stack::Native => (vec![units::MONITORING], "compose", "native"),
        Stack::Compose => (packages.collect(), "native", "compose"),
    };
    for unit in running(&units, probe)? {
        // The packages may be the operator's. The check of the ports reports that.
        if unit == units::MONITORING || probe.meta(&drop_in_path(NAME, unit))?.is_some() {
            let seen = format!("monitoring runs as {runs} here, which holds the ports");
            return Ok(Some(Finding::fail(CHECK, seen).fix(format!(
                "Set monitoring.enabled = false and run `aztec-kit apply`. Then set monitoring.enabled = true with monitoring.runtime = \"{runtime}\". The recorded data stays."
            ))));
        }
    }
    Ok(None)
}

/// The units that have a process.
fn running<'u>(units: &[&'u str], probe: &dyn Probe) -> Result<Vec<&'u str>, Fault> {
    let names = units.iter().map(ToString::to_string).collect();
    let states = probe.units(&names)?;
    let runs = |unit: &&str| states.get(*unit).is_some_and(|state| state.main_pid != 0);
    Ok(units.iter().copied().filter(runs).collect())
}

/// The path of the program, in the packages of the distribution and of Docker.
const DOCKER: &str = "/usr/bin/docker";
/// The path of the program in the snap.
pub(super) const SNAP: &str = "/snap/bin/docker";
const PLUGINS: &[&str] = &[
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
    "/usr/local/lib/docker/cli-plugins/docker-compose",
];

/// The operator chooses between the two packagings of Docker. aztec-kit installs neither.
fn docker(facts: &HostFacts, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let mut plugin = false;
    for path in PLUGINS {
        plugin |= probe.meta(Path::new(path))?.is_some();
    }
    let program = probe.meta(Path::new(DOCKER))?.is_some();
    if plugin && program && facts.docker {
        return Ok(None);
    }
    // An operator with one of these sees `docker compose` work.
    let snap = if probe.meta(Path::new(SNAP))?.is_some() {
        " except that of the snap, which is confined and not used"
    } else if program && !facts.docker {
        " except through a docker command that belongs to Podman, or has no Docker daemon"
    } else {
        ""
    };
    let seen =
        format!("monitoring.runtime is compose, and there is no Docker Compose on this host{snap}");
    Ok(Some(Finding::fail(CHECK, seen).fix(
        "Install docker.io, docker-cli and docker-compose, or Docker's own packages. Or set monitoring.runtime to native.",
    )))
}

/// An operator who already runs one of these programs has a configuration for it, which aztec-kit does not replace.
fn foreign(probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let units: Vec<_> = PACKAGES.iter().map(|(_, unit)| *unit).collect();
    let running = running(&units, probe)?;
    let mut findings = Vec::new();
    for (package, unit) in PACKAGES {
        if running.contains(unit) && probe.meta(&drop_in_path(NAME, unit))?.is_none() {
            let seen = format!("{unit} already runs with a configuration of yours");
            findings.push(Finding::fail(CHECK, seen).fix(format!(
                "Remove the package {package} first, or keep your monitoring and set monitoring.enabled = false."
            )));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::{FakeHost, FakeUnit};

    use super::*;

    /// A host on which these units run, configured by aztec-kit or by the operator.
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
    fn one_runtime_does_not_start_next_to_the_other() {
        let other = |configured, host: &FakeHost| {
            let found = super::other(configured, host).unwrap();
            found.map(|finding| finding.text()).unwrap_or_default()
        };
        let containers = host(&[units::MONITORING], false);
        let packages = host(&["prometheus.service"], true);
        assert!(other(Stack::Native, &containers).starts_with("monitoring runs as compose here"));
        assert!(other(Stack::Compose, &packages).starts_with("monitoring runs as native here"));
        assert_eq!(other(Stack::Compose, &containers), "");
        assert_eq!(other(Stack::Native, &packages), "");
        let operators = host(&["prometheus.service"], false);
        assert_eq!(other(Stack::Compose, &operators), "");
        assert_eq!(foreign(&operators).unwrap().len(), 1);
    }

    #[test]
    fn the_docker_of_snap_is_named() {
        let mut host = FakeHost::debian();
        let message = |host: &FakeHost| {
            let facts = HostFacts::debian();
            docker(&facts, host).unwrap().unwrap().text()
        };
        assert!(!message(&host).contains("snap"));
        for path in ["/snap", "/snap/bin"] {
            host.plant(path, FileType::Directory, b"", 0o755);
        }
        host.plant(SNAP, FileType::File, b"", 0o755);
        assert!(message(&host).contains("on this host except that of the snap"));
    }

    #[test]
    fn podman_under_the_name_of_docker_does_not_count() {
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
        assert!(found.text().contains("Podman"), "{}", found.text());
        assert_eq!(docker(&facts(true), &host).unwrap(), None);
    }
}
