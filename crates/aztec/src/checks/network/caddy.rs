//! Whether a TLS proxy can be put in front of the node on this host.

use std::net::ToSocketAddrs;
use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::tools::dpkg;
use server::caddy::{CONFIG, OPERATORS, SITE};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::names::Role;
use crate::settings::{Caddy, Settings};

const CONFIGURATION: Topic = Topic::CaddyConfiguration;

/// The ports that must be free or held by Caddy, each with its purpose.
pub(super) const PORTS: [(&str, u16); 2] = [
    ("the proxy's redirects and certificates", 80),
    ("the proxy", 443),
];

/// Whether the proxy has a node, and a configuration that aztec-kit may set.
pub(super) fn proxy(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let Some(caddy_settings) = &settings.caddy else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    if !settings.has(Role::Node) {
        let seen = "caddy.enabled is true, and this host has no node for the proxy";
        let finding = Finding::fail(Topic::TlsProxy, seen);
        findings.push(finding.fix("Set node.enabled = true, or remove caddy.enabled."));
    }
    let configuration = configuration(caddy_settings, probe).map(Some);
    findings.extend(Finding::of(CONFIGURATION, configuration));
    Ok(findings)
}

/// Whether another web server would take the ports of the proxy.
pub(super) fn web_servers(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    match &settings.caddy {
        Some(_) => Ok(asleep(probe)?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

/// Whether the name of the proxy is in the DNS, on a network where others use it.
pub(super) fn domain(settings: &Settings) -> Option<Finding> {
    let configured = settings.caddy.as_ref();
    configured.filter(|_| settings.live().is_some()).map(name)
}

/// The units of other programs that serve the ports of the proxy, as the distributions name them.
const SERVERS: [&str; 4] = [
    "apache2.service",
    "nginx.service",
    "lighttpd.service",
    "haproxy.service",
];

/// Warns of a web server that is stopped now and starts at boot, when it may take the ports.
fn asleep(probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let states = probe.units(&SERVERS.map(String::from).into())?;
    let mut asleep: Vec<_> = states
        .iter()
        .filter(|(_, state)| state.file == "enabled" && !state.runs())
        .map(|(unit, _)| unit.as_str())
        .collect();
    asleep.retain(|unit| SERVERS.contains(unit));
    if asleep.is_empty() {
        return Ok(None);
    }
    let (shown, units) = (asleep.join(", "), asleep.join(" "));
    let seen = format!(
        "{shown}: stopped now, but enabled, and may take the ports of the proxy at the next boot"
    );
    let finding = Finding::warn(Topic::WebServers, seen);
    Ok(Some(
        finding
            .fix("If nothing needs it, disable it.")
            .command(format!("systemctl disable {units}")),
    ))
}

/// The configuration that Caddy uses, and whether aztec-kit may set it.
fn configuration(caddy_settings: &Caddy, probe: &dyn Probe) -> Result<Finding, Fault> {
    let pass = |seen: String| Ok(Finding::pass(CONFIGURATION, seen));
    let text = probe.text(Path::new(OPERATORS))?;
    if caddy_settings.import {
        let imports = text.is_some_and(|text| {
            let mut lines = text.lines().map(str::trim);
            lines.any(|line| line.starts_with("import ") && line.contains("aztec-kit"))
        });
        if imports {
            return pass(format!("{OPERATORS} imports {SITE}"));
        }
        let seen = format!("{OPERATORS} does not import {SITE}");
        let finding = Finding::fail(CONFIGURATION, seen);
        return Ok(finding.fix(format!("Add the line `{IMPORT}` to it.")));
    }
    let ours = probe.meta(Path::new(CONFIG))?.is_some();
    let edited = text.is_some() && edited(probe)?;
    if ours || !edited {
        return pass(format!("{CONFIG}; {OPERATORS} stays as it is"));
    }
    let seen =
        format!("{OPERATORS} is not the example of the package, so it configures sites of yours");
    Ok(Finding::fail(CONFIGURATION, seen).fix(format!(
        "Set caddy.import = true, and add the line `{IMPORT}` to that file."
    )))
}

/// The line that makes Caddy read the file of aztec-kit.
const IMPORT: &str = "import /etc/caddy/aztec-kit*.caddy";

/// Whether the operator's file is no longer that of the package. dpkg has the digest of the package's file. Without the
/// package, the file is the operator's.
fn edited(probe: &dyn Probe) -> Result<bool, Fault> {
    const PACKAGE: &str = "caddy";
    let status = probe.text(Path::new("/var/lib/dpkg/status"))?;
    let found = dpkg::installed(&status.unwrap_or_default(), &[PACKAGE.into()]);
    if found.iter().all(Option::is_none) {
        return Ok(true);
    }
    let verified = probe.ask(&Query::PackageFiles(PACKAGE.into()))?;
    let mut lines = verified.stdout.lines();
    Ok(lines.any(|line| line.ends_with(OPERATORS)))
}

/// A certificate authority connects to the name that it certifies.
fn name(caddy_settings: &Caddy) -> Finding {
    let found = (caddy_settings.domain.as_str(), 443).to_socket_addrs();
    let name = &caddy_settings.domain;
    match found {
        // A resolver says with an error that there is no such name, too.
        Err(error) => Finding::warn(Topic::Domain, format!("{name} cannot be resolved: {error}"))
            .fix(
                "Add a record that points to this host. No authority certifies a name without one.",
            ),
        Ok(found) => {
            let addresses: Vec<_> = found.map(|at| at.ip().to_string()).collect();
            Finding::pass(Topic::Domain, format!("{name} is {}", addresses.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::{FakeHost, FakeUnit};
    use provision::host::{FileType, Output};

    use super::*;

    /// The result for a Caddyfile of the package, with this answer of dpkg.
    fn judged(code: i32, stdout: &str, installed: bool) -> Result<bool, Fault> {
        let mut host = FakeHost::debian();
        let status = "Package: caddy\nStatus: install ok installed\nVersion: 2.6.2\n";
        let status = if installed { status } else { "" };
        let path = "/var/lib/dpkg/status";
        host.plant(path, FileType::File, status.as_bytes(), 0o644);
        let finding = Output {
            code,
            stdout: stdout.into(),
            ..Output::default()
        };
        host.verified.insert("caddy".into(), finding);
        edited(&host)
    }

    #[test]
    fn a_changed_file_is_an_answer_of_dpkg_and_an_error_is_not() {
        let ours = "??5?????? c /etc/caddy/Caddyfile\n";
        assert!(judged(1, ours, true).unwrap() && judged(0, ours, true).unwrap());
        assert!(!judged(0, "", true).unwrap());
        assert!(!judged(1, "??5?????? c /etc/default/caddy\n", true).unwrap());
        assert!(judged(1, "", true).is_err() && judged(2, "x\n", true).is_err());
        assert!(judged(1, "", false).unwrap(), "nobody's package");
    }

    #[test]
    fn a_web_server_that_starts_at_the_next_boot_is_reported() {
        let mut host = FakeHost::debian();
        assert_eq!(asleep(&host).unwrap(), None);
        let place = "/etc/systemd/system";
        host.plant(
            &format!("{place}/nginx.service"),
            FileType::File,
            b"",
            0o644,
        );
        let link = format!("{place}/multi-user.target.wants/nginx.service");
        host.plant(&link, FileType::Symlink, b"../nginx.service", 0o777);
        let warning = asleep(&host).unwrap().unwrap();
        assert!(
            warning.text().starts_with("nginx.service: stopped now"),
            "{}",
            warning.text()
        );
        let runs = FakeUnit {
            loaded: Some(Vec::new()),
            active: "active".into(),
            ..FakeUnit::default()
        };
        host.units.insert("nginx.service".into(), runs);
        // The check of the ports reports a running one.
        assert_eq!(asleep(&host).unwrap(), None);
    }
}
