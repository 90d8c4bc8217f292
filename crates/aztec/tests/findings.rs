//! What a finding says: what was seen, what to do, and the command, each in its own field.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::collections::BTreeSet;

use aztec::checks::check::Phase;
use aztec::checks::{Context, Finding, Topic, Verb, run, table};
use aztec::settings::Settings;
use aztec::{HostFacts, Severity};
use common::facts;
use provision::engine::Receipt;
use provision::host::fake::{FakeHost, FakeUnit};
use provision::host::{FileType, Output};

/// A host with something wrong.
struct Wrong {
    kit_toml: &'static str,
    facts: HostFacts,
    host: FakeHost,
    verb: Verb,
    topics: &'static [Topic],
}

/// The phases whose findings are in this form.
const PHASES: [Phase; 4] = [
    Phase::Host,
    Phase::Configuration,
    Phase::Network,
    Phase::Keys,
];

fn directories(host: &mut FakeHost, paths: &[&str]) {
    for path in paths {
        host.plant(path, FileType::Directory, b"", 0o755);
    }
}

fn file(host: &mut FakeHost, path: &str, text: &str) {
    host.plant(path, FileType::File, text.as_bytes(), 0o644);
}

fn host() -> FakeHost {
    let mut host = FakeHost::debian().with_ufw();
    directories(&mut host, &["/run", "/run/systemd", "/proc/net"]);
    host
}

/// A container with an old processor, a little memory and a full disk, on which somebody else has the account and the data.
fn poor() -> Wrong {
    let mut host = host();
    host.free = 0;
    directories(
        &mut host,
        &[
            "/proc/1",
            "/var/lib/aztec",
            "/var/lib/aztec/node",
            "/var/lib/aztec/node/x",
        ],
    );
    file(&mut host, "/proc/1/status", "CapBnd:\t00000000fddcafff\n");
    let person = "aztec:x:1000:1000::/home/aztec:/bin/bash\n";
    file(&mut host, "/etc/passwd", person);
    Wrong {
        kit_toml: "network = \"local\"\ndata_dir = \"/tmp/aztec\"\n",
        facts: HostFacts {
            cpus: 1,
            cpu_flags: Vec::new(),
            memory: 1 << 30,
            container: true,
            ..facts()
        },
        host,
        verb: Verb::Preflight,
        topics: &[
            Topic::Rights,
            Topic::Systemd,
            Topic::Sandbox,
            Topic::Cpu,
            Topic::Memory,
            Topic::DiskForData,
            Topic::DiskForReleases,
            Topic::DataDirectory,
            Topic::Account,
        ],
    }
}

/// A validator of a live network without keys, whose address and files are wrong.
fn live() -> Wrong {
    let mut host = host();
    host.read_only = true;
    directories(
        &mut host,
        &[
            "/etc/aztec",
            "/var/lib/aztec",
            "/var/lib/aztec/node",
            "/var/lib/aztec/node/archiver",
        ],
    );
    file(&mut host, "/etc/aztec/mine.env", "LOG_LEVEL: debug\n");
    file(
        &mut host,
        "/etc/aztec/other.env",
        "\u{feff}LOG_LEVEL=debug\n",
    );
    directories(&mut host, &["/etc/aztec/directory.env"]);
    directories(&mut host, &["/etc/aztec/keystore"]);
    file(&mut host, "/etc/aztec/keystore/a.json", "[]");
    file(&mut host, "/etc/aztec/keystore/notes.txt", "");
    Wrong {
        kit_toml: "network = \"testnet\"\nrelease = \"5.9.9\"\nruntime = \"native\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:2\"]\n\
                   consensus_urls = [\"http://127.0.0.1:3\"]\n[p2p]\nip = \"127.0.0.1\"\n\
                   [sequencer]\nenabled = true\n",
        facts: facts(),
        host,
        verb: Verb::Preflight,
        topics: &[
            Topic::DiskForData,
            Topic::Release,
            Topic::Environment,
            Topic::P2pAddress,
            Topic::KeystoreFile,
            Topic::Keystore,
        ],
    }
}

/// A server with software and settings of its operator, which the features of aztec-kit meet.
fn crowded() -> Wrong {
    let mut host = host();
    directories(
        &mut host,
        &["/etc/caddy", "/etc/apt", "/etc/apt/apt.conf.d"],
    );
    // Something listens on the port of the node's RPC.
    let row = "head\n 0: 00000000:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n";
    file(&mut host, "/proc/net/tcp", row);
    let status = "Package: caddy\nStatus: install ok installed\nVersion: 2.6.2\n";
    file(&mut host, "/var/lib/dpkg/status", status);
    file(&mut host, "/etc/caddy/Caddyfile", "example.org\n");
    let differs = Output {
        code: 1,
        stdout: "??5?????? c /etc/caddy/Caddyfile\n".into(),
        ..Output::default()
    };
    host.verified.insert("caddy".into(), differs);
    let setting = "Unattended-Upgrade::Automatic-Reboot \"true\";\n";
    file(&mut host, "/etc/apt/apt.conf.d/99-mine", setting);
    host.apt.config = setting.into();
    file(&mut host, "/etc/systemd/system/nginx.service", "");
    let link = "/etc/systemd/system/multi-user.target.wants/nginx.service";
    host.plant(link, FileType::Symlink, b"../nginx.service", 0o777);
    let runs = FakeUnit {
        loaded: Some(Vec::new()),
        active: "active".into(),
        ..FakeUnit::default()
    };
    host.units.insert("prometheus.service".into(), runs);
    Wrong {
        kit_toml: "network = \"local\"\n[caddy]\nenabled = true\ndomain = \"localhost\"\nemail = \"a@example.org\"\n\
                   [hardening]\nenabled = true\n[monitoring]\nenabled = true\n",
        facts: HostFacts {
            sshd: true,
            asymmetric: Some("it has a VPN (wg0)".into()),
            ..facts()
        },
        host,
        verb: Verb::Preflight,
        topics: &[
            Topic::Port,
            Topic::CaddyConfiguration,
            Topic::WebServers,
            Topic::Updates,
            Topic::Ssh,
            Topic::ReversePath,
            Topic::Monitoring,
        ],
    }
}

/// A firewall that the kernel has lost.
fn open() -> Wrong {
    let mut host = host();
    directories(&mut host, &["/etc/aztec"]);
    file(&mut host, "/proc/net/if_inet6", "");
    Wrong {
        kit_toml: "network = \"local\"\n[firewall]\nenabled = true\n",
        facts: facts(),
        host,
        verb: Verb::Status,
        topics: &[Topic::Exposure],
    }
}

/// The findings of the phases in this form that did not pass.
fn found(wrong: &Wrong) -> Vec<Finding> {
    let settings = Settings::parse(wrong.kit_toml).unwrap();
    let receipt = Receipt::default();
    let cx = Context::new(wrong.verb, &settings, &wrong.facts, &receipt, &wrong.host);
    let mut findings = run(&cx.of_user(false, None));
    findings.retain(|finding| {
        let phase = table::of(finding.id).map(|check| check.phase);
        finding.severity != Severity::Pass && phase.is_some_and(|phase| PHASES.contains(&phase))
    });
    findings
}

#[test]
fn a_problem_has_its_fix_apart_from_what_was_seen() {
    for wrong in [poor(), live(), crowded(), open()] {
        let findings = found(&wrong);
        let topics: BTreeSet<_> = findings.iter().map(|finding| finding.id).collect();
        for topic in wrong.topics {
            assert!(topics.contains(topic), "no {topic:?} in {findings:#?}");
        }
        for finding in &findings {
            let Finding {
                seen, fix, command, ..
            } = finding;
            assert!(fix.is_some() || command.is_some(), "no fix: {finding:?}");
            assert!(
                !seen.contains('`') && !seen.contains("Run ") && !seen.ends_with('.'),
                "what was seen is no clause, or has advice: {finding:?}"
            );
            if let Some(fix) = fix {
                assert!(fix.ends_with(['.', '?']), "no sentence: {finding:?}");
            }
            if let Some(command) = command {
                let repeated = fix.as_ref().is_some_and(|fix| fix.contains(command));
                assert!(!repeated && !command.contains('`'), "{finding:?}");
            }
        }
    }
}

/// A check that cannot tell as a whole has no subject.
#[test]
fn a_topic_without_its_subject_has_words() {
    for topic in Topic::ALL {
        let check = Finding::pass(*topic, "").check;
        assert!(
            !check.is_empty() && !check.contains(['{', '}']),
            "{topic:?}: {check}"
        );
    }
}

#[test]
fn the_parts_of_a_finding_are_sentences_together() {
    let finding = Finding::fail(Topic::Exposure, "the table is not loaded");
    assert_eq!(finding.text(), "the table is not loaded");
    let advised = finding.fix("Load it.").command("aztec-kit apply");
    let expected = "the table is not loaded. Load it. Run `aztec-kit apply`.";
    assert_eq!(advised.text(), expected);
}
