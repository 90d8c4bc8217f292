//! Checks of a host whose programs do not answer: one failed question does not end the others, and none counts as a pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use aztec::checks::{self, Finding, Verdict};
use aztec::settings::Settings;
use aztec::{Health, HostFacts, Releases, Units};
use common::facts;
use provision::engine::Receipt;
use provision::host::fake::{FakeHost, FakeUnit, Mishap};
use provision::host::{Engine, FileType, Output};

const KIT: &str = "[caddy]\nenabled = true\ndomain = \"localhost\"\nemail = \"a@example.org\"\n\
                   [firewall]\nenabled = true\n[hardening]\nenabled = true\n";
const PROGRAMS: [&str; 4] = ["systemctl", "/usr/sbin/sshd", "dpkg", "iptables"];

fn host() -> FakeHost {
    let mut host = FakeHost::debian().with_ufw();
    for dir in [
        "/run",
        "/run/systemd",
        "/run/systemd/system",
        "/proc/net",
        "/etc/caddy",
    ] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    // Something listens on the port of the node's RPC.
    let row = b"head\n 0: 00000000:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n";
    host.plant("/proc/net/tcp", FileType::File, row, 0o444);
    let status = b"Package: caddy\nStatus: install ok installed\nVersion: 2.6.2\n";
    host.plant("/var/lib/dpkg/status", FileType::File, status, 0o644);
    host.plant("/etc/caddy/Caddyfile", FileType::File, b"", 0o644);
    host.plant("/usr/sbin/iptables", FileType::File, b"", 0o755);
    let differs = Output {
        code: 1,
        stdout: "??5?????? c /etc/caddy/Caddyfile\n".into(),
        ..Output::default()
    };
    host.verified.insert("caddy".into(), differs);
    host
}

fn with(program: &str, mishap: Mishap) -> FakeHost {
    let mut host = host();
    host.mishaps.insert(program.into(), mishap);
    host
}

fn preflight(host: &FakeHost) -> Vec<Finding> {
    let settings = Settings::parse(KIT).unwrap();
    checks::preflight(&settings, &facts(), &Receipt::default(), host)
}

fn names(findings: &[Finding]) -> BTreeSet<&str> {
    findings.iter().map(|it| it.check.as_str()).collect()
}

#[test]
fn one_failed_question_does_not_end_the_preflight_and_passes_nothing() {
    let well = preflight(&host());
    assert!(well.iter().all(|finding| !finding.unanswered), "{well:?}");
    for program in PROGRAMS {
        for mishap in Mishap::ALL {
            let found = preflight(&with(program, mishap));
            // A check with several questions has one finding instead of several.
            let missing = names(&well).difference(&names(&found)).count();
            assert!(missing <= 1, "{program} {mishap:?}: {found:?}");
            for finding in found.iter().filter(|finding| finding.unanswered) {
                assert_eq!(finding.status, Verdict::Fail);
                assert!(finding.message.starts_with("could not be checked: "));
            }
            let better = found.iter().find(|finding| {
                let before = well.iter().find(|before| before.check == finding.check);
                finding.status == Verdict::Pass
                    && before.is_some_and(|before| before.status != Verdict::Pass)
            });
            // No output of `dpkg --verify` means that nothing differs, and so do lines about other files.
            let says_so = program == "dpkg" && matches!(mishap, Mishap::Silent | Mishap::Nonsense);
            assert_eq!(
                better.is_some(),
                says_so,
                "{program} {mishap:?}: {better:?}"
            );
        }
    }
}

#[test]
fn a_state_that_cannot_be_observed_is_not_healthy() {
    let settings = Settings::parse(KIT).unwrap();
    for mishap in Mishap::ALL {
        let exposure = checks::exposure(&settings, &facts(), &with("iptables", mishap));
        assert_eq!(exposure.status, Verdict::Fail, "{exposure:?}");
        // Other lines are an answer: the rules of UFW are not among them.
        assert_eq!(exposure.unanswered, mishap != Mishap::Nonsense);
        let report = checks::smoke(
            &settings,
            &Units::of(&settings, &facts()),
            &with("systemctl", mishap),
            Duration::ZERO,
            &mut |_| {},
        );
        assert_eq!(report.status, Health::Down);
        let services = report.checks.iter().find(|check| check.name == "services");
        assert!(services.unwrap().unanswered, "{report:?}");
        assert!(report.checks.len() > 1, "the chain was asked anyway");
    }
}

#[test]
fn one_unreadable_log_does_not_hide_the_others() {
    let units = ["aztec-node.service", "aztec-l1.service"].map(String::from);
    let mut host = host();
    let ill = "1795420009.000000 systemd[1]: aztec-l1.service: Main process exited, code=dumped, status=4/ILL\n";
    host.journals.insert(units[1].clone(), ill.into());
    host.journals
        .insert(units[0].clone(), "no line of a journal".into());
    let found = checks::complaints(&units, &host, 9);
    let complaints: Vec<_> = found
        .iter()
        .map(|it| (it.unit.as_str(), it.id.as_str(), it.unanswered))
        .collect();
    assert_eq!(
        complaints,
        [
            ("aztec-l1.service", "old-cpu", false),
            ("aztec-node.service", "unanswered", true),
        ]
    );
    host.mishaps.insert("systemctl".into(), Mishap::GivenUp);
    let found = checks::complaints(&units, &host, 9);
    assert!(found.iter().any(|it| it.id == "old-cpu"), "{found:?}");
    assert!(found.iter().any(|it| it.unit == "systemd" && it.unanswered));
}

#[test]
fn an_engine_without_an_answer_does_not_count_as_one_without_images() {
    let has_docker = HostFacts {
        engine: Some(Engine::Docker),
        ..facts()
    };
    let installed = |host: &FakeHost| {
        let known = Releases::of_host(host).unwrap();
        let rows = checks::releases(&known, None, &has_docker, host).unwrap();
        let row = rows.into_iter().find(|row| row.version == "6.0.0").unwrap();
        (row.installed, row.unanswered.is_some())
    };
    let mut host = host();
    // A question through its socket would start it.
    assert_eq!(installed(&host), (None, true));
    let runs = FakeUnit {
        loaded: Some(Vec::new()),
        active: "active".into(),
        ..FakeUnit::default()
    };
    host.units.insert("docker.service".into(), runs);
    assert_eq!(installed(&host), (Some(false), false));
    for mishap in [Mishap::Nonsense, Mishap::Fails, Mishap::GivenUp] {
        host.mishaps.insert("/usr/bin/docker".into(), mishap);
        assert_eq!(installed(&host), (None, true), "{mishap:?}");
    }
}
