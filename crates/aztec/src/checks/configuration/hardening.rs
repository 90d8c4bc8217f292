//! Whether hardening would take effect without locking anybody out.

use provision::Fault;
use provision::host::Probe;
use provision::kinds::Outlook;
use provision::tools::systemctl::UnitState;
use server::integrity::SERVICE;

use crate::HostFacts;
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::settings::Settings;

/// The settings of the kernel that hardening leaves as they are, and what it leaves to the host of a container.
pub(super) fn kernel(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let Some(configured) = &settings.hardening else {
        return Ok(Vec::new());
    };
    let mut findings = Vec::new();
    if configured.kernel
        && let Some(why) = &facts.asymmetric
    {
        findings.push(reverse_path(why, probe)?);
    }
    if facts.container && (configured.chrony || configured.auditd) {
        let seen = "a container shares the clock and the audit log of its host: chrony is installed but not started, and auditd is left out";
        findings.push(Finding::pass(Topic::Container, seen));
    }
    Ok(findings)
}

/// Whether the hardening of SSH would take effect, and whom it would lock out.
pub(super) fn ssh(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let configured = settings.hardening.as_ref();
    if !facts.sshd || !configured.is_some_and(|configured| configured.ssh) {
        return Ok(Vec::new());
    }
    let sshd = server::ssh::sshd();
    let finding = match sshd.outlook(probe)? {
        Outlook::Clear => Finding::pass(Topic::Ssh, "nothing overrides its hardening"),
        Outlook::Doubt(doubt) => {
            Finding::warn(Topic::Ssh, doubt).fix("Have a second session ready to confirm in.")
        }
        Outlook::Obstacle(obstacle) => {
            let fix = obstacle.remedy().unwrap_or_default();
            let finding = Finding::fail(Topic::Ssh, obstacle.chain());
            return Ok(vec![
                finding.fix(format!("{fix} Or set hardening.ssh = false.")),
            ]);
        }
    };
    let mut findings = vec![finding];
    findings.extend(shut_out(&sshd.withdrawn(probe)?));
    Ok(findings)
}

/// Warns of algorithms that are withdrawn. A client that supports only these is locked out, even if the operator's own
/// client connects.
fn shut_out(withdrawn: &[(String, Vec<String>)]) -> Option<Finding> {
    let lists = withdrawn.iter().map(|(keyword, names)| {
        let names = names.join(", ");
        match keyword.as_str() {
            "kexalgorithms" => format!("no key exchange except {names}"),
            // Newer ciphers include a MAC.
            "macs" => format!("no MAC except {names}, and no cipher that needs none"),
            _ => format!("no cipher except {names}"),
        }
    });
    let lists: Vec<_> = lists.collect();
    (!lists.is_empty()).then(|| {
        let seen = format!(
            "clients that support {} will not connect any more: OpenSSH before 6.5, and programs with an old SSH library",
            lists.join(", or ")
        );
        Finding::warn(Topic::SshClients, seen).fix(
            "Before you run `aztec-kit confirm`, test every client that must connect, such as backups and deployments.",
        )
    })
}

/// Whether security upgrades are as configured. A later file of the operator overrides the one of aztec-kit.
pub fn updates(settings: &Settings, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let configured = settings.hardening.as_ref();
    if !configured.is_some_and(|configured| configured.updates) {
        return Ok(None);
    }
    let overridden = server::updates::overridden(probe)?;
    Ok((!overridden.is_empty()).then(|| {
        let seen = format!(
            "a file that is read later overrides the settings of aztec-kit: {}",
            overridden.join("; ")
        );
        Finding::warn(Topic::Updates, seen).fix("If you do not want that, remove the setting.")
    }))
}

/// The one setting that can lock out a host with several routes: with 1, the kernel drops packets from an interface that
/// it would not send the answer through.
fn reverse_path(why: &str, probe: &dyn Probe) -> Result<Finding, Fault> {
    let is = probe.text("/proc/sys/net/ipv4/conf/all/rp_filter".as_ref())?;
    let is = is.unwrap_or_default();
    let seen = format!(
        "this host may answer through another interface than a request came in through, because {why}, so net.ipv4.conf.*.rp_filter stays {}",
        is.trim()
    );
    let fix = match is.trim() {
        "1" => {
            "With 1, the kernel drops packets that come in through one interface and are answered through another. To accept them, set it to 2 in a file of /etc/sysctl.d."
        }
        _ => {
            "If every answer leaves through the interface that its request came in through, set it to 1 in a file of /etc/sysctl.d."
        }
    };
    Ok(Finding::warn(Topic::ReversePath, seen).fix(fix))
}

/// The result of the last daily comparison of files, on a host with one.
pub fn integrity(settings: &Settings, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    if !settings
        .hardening
        .as_ref()
        .is_some_and(|configured| configured.aide)
    {
        return Ok(None);
    }
    let state = probe.unit(SERVICE)?;
    Ok(Some(compared(&state, probe.clock().monotonic_us)))
}

fn compared(state: &UnitState, now_us: i64) -> Finding {
    let hours = (now_us - state.started_us) / 3_600_000_000;
    let pass = |seen: String| Finding::pass(Topic::Integrity, seen);
    match state.active.as_str() {
        "failed" => Finding::warn(
            Topic::Integrity,
            format!("the comparison of files failed {hours} h ago"),
        )
        .fix("Look at the differences in the log.")
        .command(format!("journalctl --unit {SERVICE}")),
        "activating" => pass("files are being compared".into()),
        _ if state.started_us == 0 => {
            pass("files have not been compared since this host booted".into())
        }
        _ => pass(format!("no file differed from the baseline {hours} h ago")),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::Severity;

    #[test]
    fn a_later_file_that_undoes_the_upgrades_is_named() {
        let settings =
            Settings::parse("network = \"local\"\n[hardening]\nenabled = true\n").unwrap();
        let mut host = FakeHost::debian();
        for dir in ["/etc/apt", "/etc/apt/apt.conf.d"] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        let put = |host: &mut FakeHost, name: &str, text: &str| {
            let path = format!("/etc/apt/apt.conf.d/{name}");
            host.plant(&path, FileType::File, text.as_bytes(), 0o644);
        };
        let periodic = "APT::Periodic::Unattended-Upgrade \"0\";\n";
        // A file that is read before the one of aztec-kit does not override it.
        put(&mut host, "20auto-upgrades", periodic);
        host.apt.config = periodic.into();
        assert_eq!(updates(&settings, &host).unwrap(), None);
        put(
            &mut host,
            "99-mine",
            "Unattended-Upgrade { Automatic-Reboot \"true\"; };\n",
        );
        host.apt.config = "Unattended-Upgrade::Automatic-Reboot \"true\";\n".into();
        let finding = updates(&settings, &host).unwrap().unwrap();
        assert!(
            finding.seen.contains(
                "/etc/apt/apt.conf.d/99-mine sets Unattended-Upgrade::Automatic-Reboot to \"true\""
            ),
            "{}",
            finding.text()
        );
    }

    #[test]
    fn algorithms_that_clients_lose_are_reported_in_advance() {
        let settings = Settings::parse("[hardening]\nenabled = true\n").unwrap();
        let mut host = FakeHost::debian();
        for dir in ["/etc/ssh", "/root", "/root/.ssh"] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        let key = b"ssh-ed25519 AAAAC3Nza me\n";
        host.plant("/root/.ssh/authorized_keys", FileType::File, key, 0o600);
        let findings_of = |host: &mut FakeHost, kex: &str| {
            let text = format!("Include /etc/ssh/sshd_config.d/*.conf\nKexAlgorithms {kex}\n");
            host.plant(
                "/etc/ssh/sshd_config",
                FileType::File,
                text.as_bytes(),
                0o600,
            );
            let facts = HostFacts {
                sshd: true,
                ..HostFacts::debian()
            };
            ssh(&settings, &facts, host).unwrap()
        };
        let found = findings_of(&mut host, "curve25519-sha256,ecdh-sha2-nistp256");
        let [ssh, clients] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(
            (ssh.severity, clients.severity),
            (Severity::Pass, Severity::Warn),
            "{found:?}"
        );
        let message = clients.text();
        assert!(
            message.contains("no key exchange except ecdh-sha2-nistp256 will not connect any more"),
            "{message}"
        );
        assert_eq!(findings_of(&mut host, "curve25519-sha256").len(), 1);
    }

    #[test]
    fn a_host_with_several_routes_gets_a_warning_about_the_filter() {
        let settings = Settings::parse("[hardening]\nenabled = true\nssh = false\n").unwrap();
        let message_of = |value: &str, asymmetric: Option<&str>| {
            let mut host = FakeHost::debian();
            for dir in [
                "/proc/sys/net",
                "/proc/sys/net/ipv4",
                "/proc/sys/net/ipv4/conf",
                "/proc/sys/net/ipv4/conf/all",
            ] {
                host.plant(dir, FileType::Directory, b"", 0o755);
            }
            let path = "/proc/sys/net/ipv4/conf/all/rp_filter";
            host.plant(path, FileType::File, value.as_bytes(), 0o644);
            let facts = HostFacts {
                asymmetric: asymmetric.map(ToOwned::to_owned),
                ..HostFacts::debian()
            };
            let found = kernel(&settings, &facts, &host).unwrap();
            let mut found = found.into_iter();
            found
                .find(|it| it.check == "reverse path")
                .map(|it| it.text())
        };
        assert_eq!(message_of("0\n", None), None);
        let why = Some("it has a VPN (wg0)");
        let loose = message_of("0\n", why).unwrap();
        assert!(
            loose.contains("stays 0.") && loose.contains("wg0"),
            "{loose}"
        );
        assert!(message_of("1\n", why).unwrap().contains("2 in a file"));
    }

    #[test]
    fn a_failed_comparison_is_reported_until_the_next_one() {
        const HOUR: i64 = 3_600_000_000;
        let seen = |active: &str, started_us| {
            let state = UnitState {
                active: active.into(),
                started_us,
                ..UnitState::default()
            };
            let found = compared(&state, 5 * HOUR);
            (found.severity, found.text())
        };
        let (status, message) = seen("failed", 2 * HOUR);
        assert_eq!(status, Severity::Warn);
        assert!(
            message.contains("3 h ago") && message.contains("journalctl"),
            "{message}"
        );
        assert_eq!(seen("inactive", 2 * HOUR).0, Severity::Pass);
        assert!(seen("inactive", 0).1.contains("have not been compared"));
    }
}
