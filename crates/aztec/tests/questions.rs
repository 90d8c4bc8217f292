//! Checks of a host whose programs do not answer: one failed question does not end the others, and none counts as a pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::collections::BTreeSet;

use aztec::checks::{self, Context, Finding, Verb};
use aztec::settings::Settings;
use aztec::{HostFacts, Releases, Severity};
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
    let (facts, receipt) = (facts(), Receipt::default());
    checks::run(&Context::new(
        Verb::Apply,
        &settings,
        &facts,
        &receipt,
        host,
    ))
}

fn names(findings: &[Finding]) -> BTreeSet<&str> {
    findings.iter().map(|it| it.check.as_str()).collect()
}

#[test]
fn one_failed_question_does_not_end_the_preflight_and_passes_nothing() {
    let well = preflight(&host());
    let unknown = |finding: &&Finding| finding.severity == Severity::Unknown;
    assert!(!well.iter().any(|finding| unknown(&finding)), "{well:?}");
    for program in PROGRAMS {
        for mishap in Mishap::ALL {
            let found = preflight(&with(program, mishap));
            // A check with several questions has one finding instead of several.
            let missing = names(&well).difference(&names(&found)).count();
            assert!(missing <= 1, "{program} {mishap:?}: {found:?}");
            for finding in found.iter().filter(unknown) {
                assert!(finding.text().starts_with("could not be checked: "));
            }
            let better = found.iter().find(|finding| {
                let before = well.iter().find(|before| before.check == finding.check);
                finding.severity == Severity::Pass
                    && before.is_some_and(|before| before.severity != Severity::Pass)
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
        // Other lines are an answer: the rules of UFW are not among them.
        let expected = match mishap {
            Mishap::Nonsense => Severity::Fail,
            _ => Severity::Unknown,
        };
        assert_eq!(checks::worst(&exposure), expected, "{exposure:?}");
        let (facts, receipt, host) = (facts(), Receipt::default(), with("systemctl", mishap));
        let cx = Context::new(Verb::Smoke, &settings, &facts, &receipt, &host);
        let report = checks::smoke(&cx, &mut |_| {});
        assert_eq!(report.severity, Severity::Fail, "the L1 does not answer");
        let mut findings = report.findings.iter();
        let services = findings.find(|finding| finding.check == "services");
        assert_eq!(services.unwrap().severity, Severity::Unknown, "{report:?}");
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
        .map(|it| {
            let entry = it.log.as_ref().map(|log| log.entry.as_str());
            (it.subject.as_deref().unwrap(), entry, it.severity)
        })
        .collect();
    assert_eq!(
        complaints,
        [
            ("aztec-l1.service", Some("old-cpu"), Severity::Fail),
            ("aztec-node.service", None, Severity::Unknown),
        ]
    );
    host.mishaps.insert("systemctl".into(), Mishap::GivenUp);
    let found = checks::complaints(&units, &host, 9);
    let entry = |it: &Finding| it.log.as_ref().is_some_and(|log| log.entry == "old-cpu");
    assert!(found.iter().any(entry), "{found:?}");
    let systemd =
        |it: &Finding| it.severity == Severity::Unknown && it.subject.as_deref() == Some("systemd");
    assert!(found.iter().any(systemd), "{found:?}");
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
