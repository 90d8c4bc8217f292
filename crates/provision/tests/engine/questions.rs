//! Every query of a host, and a program that does not answer it. This file lists the outputs that count as an answer
//! anyway. The real host gives up on a program that is late, endless or hangs (`host/program_tests.rs`), which is one
//! of the mishaps here.

use std::collections::BTreeSet;

use provision::Fault;
use provision::engine::{Graph, MemoryJournal, Plan, Receipt};
use provision::host::fake::{FakeHost, FakeImage, Mishap};
use provision::host::{Engine, FileType, Output, Probe, Query};
use provision::kinds::{File, Owner, Proto, Rule, Ufw};
use provision::tools::{apt, clock, images, journal, systemctl};

use crate::common::run;

provision::resources! {
    /// The kinds that depend on an answer.
    enum Host {
        File(File),
        Ufw(Ufw),
    }
}

const UNIT: &str = "ssh.service";

/// One query of each kind. The match is exhaustive: a new query does not compile before it is listed here and in
/// [`read`].
fn questions() -> Vec<Query> {
    let all = vec![
        Query::Units(BTreeSet::from([UNIT.into(), "a.timer".into()])),
        Query::PackageFiles("caddy".into()),
        Query::Images(Engine::Podman),
        Query::Manifest(Engine::Podman, "docker.io/a/b:1".into()),
        Query::Architecture(Engine::Podman, "sha256:1".into()),
        Query::Install(vec!["ufw".into()]),
        Query::AptConfig,
        Query::Sshd(Vec::new()),
        Query::SshSocket,
        Query::Filter { v6: false },
        Query::Nat,
        Query::Ruleset,
        Query::Journal {
            unit: UNIT.into(),
            lines: 9,
        },
        Query::Tracking,
        Query::TimeDate,
    ];
    for query in &all {
        match query {
            Query::Units(_)
            | Query::PackageFiles(_)
            | Query::Images(_)
            | Query::Manifest(..)
            | Query::Architecture(..)
            | Query::Install(_)
            | Query::AptConfig
            | Query::Sshd(_)
            | Query::SshSocket
            | Query::Filter { .. }
            | Query::Nat
            | Query::Ruleset
            | Query::Journal { .. }
            | Query::Tracking
            | Query::TimeDate => {}
        }
    }
    all
}

/// Reads the answer as its consumer does.
fn read(query: &Query, host: &FakeHost) -> Result<(), Fault> {
    let output = host.ask(query)?;
    match query {
        Query::Units(names) => host.units(names).map(drop),
        Query::Install(_) => apt::removals(&output.stdout).map(drop),
        Query::Images(_) => images::parse(&output.stdout).map(drop),
        Query::Journal { .. } => journal::parse(&output.stdout).map(drop),
        Query::Tracking => clock::tracking(&output.stdout).map(drop),
        Query::TimeDate => clock::time_date(&output.stdout).map(drop),
        // The firewall asks both.
        Query::Sshd(_) | Query::SshSocket => {
            Plan::make(&firewall(), &Receipt::default(), host).map(drop)
        }
        Query::Architecture(..) => match output.stdout.trim() {
            "amd64" => Ok(()),
            other => Err(Fault::new(format!("it is for {other}"))),
        },
        Query::PackageFiles(_)
        | Query::Manifest(..)
        | Query::AptConfig
        | Query::Filter { .. }
        | Query::Nat
        | Query::Ruleset => Ok(()),
    }
}

/// Outputs that are answers although the program failed.
fn allowed(query: &Query, mishap: Mishap) -> bool {
    match (query, mishap) {
        // No file differs; there is no image; a unit has no log lines; there is no table, and that of aztec-kit is
        // loaded again.
        (
            Query::PackageFiles(_) | Query::Images(_) | Query::Journal { .. } | Query::Ruleset,
            Mishap::Silent,
        )
        // Lines about other files are ignored.
        | (Query::PackageFiles(_), Mishap::Nonsense)
        // A manifest that does not name the image is reported as one that cannot be compared.
        | (Query::Manifest(..), Mishap::Half | Mishap::Nonsense)
        // Output without the chains of UFW is reported as an open host.
        | (Query::Filter { .. }, Mishap::Nonsense)
        // No port is reported as published, and no setting of apt as overridden: both are only warnings.
        | (Query::Nat | Query::AptConfig, Mishap::Nonsense) => true,
        _ => false,
    }
}

fn firewall() -> Graph<Host> {
    let mut graph = Graph::default();
    let rule = Rule {
        proto: Proto::Tcp,
        port: 40400,
        from: None,
        purpose: "peers".into(),
        limit: false,
    };
    graph.add(Ufw { rules: vec![rule] }, []);
    graph
}

fn host() -> FakeHost {
    let mut host = FakeHost::debian().with_ufw();
    host.tracking = "A29FC87B,192.0.2.1,4,1764543210.1,-0.000012,0.00002,0.00003,-7.1,0.001,0.012,0.004,0.0009,64.6,Normal\n".into();
    host.time_date = "CanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n".into();
    let row = FakeImage {
        repository: "a/b".into(),
        tag: Some("1".into()),
        digest: None,
        id: format!("sha256:{}", "1".repeat(64)),
    };
    host.engine.images.push(row.clone());
    host.engine.offered.push(row);
    host.engine.architecture = "amd64".into();
    let lines = "1795420001.000000 sshd[77]: one\n1795420002.000000 sshd[77]: another one\n";
    host.journals.insert(UNIT.into(), lines.into());
    let differs = Output {
        code: 1,
        stdout: "??5?????? c /etc/caddy/Caddyfile\n".into(),
        ..Output::default()
    };
    host.verified.insert("caddy".into(), differs);
    host.nft
        .insert("inet a".into(), "\tchain a {\n\t}\n".into());
    host
}

#[test]
fn what_is_no_answer_is_an_error() {
    for query in questions() {
        let well = host();
        read(&query, &well).unwrap_or_else(|fault| panic!("{query:?}: {}", fault.chain()));
        for mishap in Mishap::ALL {
            let mut host = host();
            host.mishaps.insert(query.argv()[0].clone(), mishap);
            let answered = read(&query, &host).is_ok();
            assert_eq!(answered, allowed(&query, mishap), "{query:?} {mishap:?}");
        }
    }
}

#[test]
fn states_of_units_that_are_cut_anywhere_are_none() {
    let query = Query::Units(BTreeSet::from([UNIT.into(), "ufw.service".into()]));
    let whole = host().ask(&query).unwrap();
    let Query::Units(names) = &query else {
        unreachable!("it is one of units");
    };
    for end in 0..=whole.stdout.len() {
        let cut = Output {
            stdout: whole.stdout[..end].into(),
            ..whole.clone()
        };
        let heard = query.heard(cut);
        let read = heard.and_then(|output| systemctl::states(&output.stdout, names));
        assert_eq!(read.is_ok(), end == whole.stdout.len(), "cut at {end}");
    }
}

#[test]
fn an_error_names_the_program_and_what_to_do() {
    let mut host = host();
    host.mishaps.insert("iptables".into(), Mishap::Silent);
    let fault = host.ask(&Query::Filter { v6: false }).unwrap_err();
    assert!(fault.chain().contains("`iptables -S`"), "{fault}");
    assert!(fault.remedy().is_some());
}

/// This plan once deleted the rule for SSH.
#[test]
fn an_sshd_that_does_not_answer_never_closes_ssh() {
    for mishap in Mishap::ALL {
        let mut host = host();
        host.mishaps.insert("/usr/sbin/sshd".into(), mishap);
        let planned = Plan::make(&firewall(), &Receipt::default(), &host);
        assert!(planned.is_err(), "{mishap:?}: {planned:?}");
        let ended = run(&mut host, &mut MemoryJournal::default(), &firewall());
        assert!(ended.is_err(), "{mishap:?}");
        assert!(host.told.is_empty(), "{mishap:?}: {:?}", host.told);
    }
}

/// `status` shows the rest, but nobody consents to a part.
#[test]
fn one_resource_that_cannot_be_looked_at_hides_no_other() {
    let mut graph = firewall();
    graph.add(File::new("/etc/wanted", "x\n", Owner::root(0o644)), []);
    let mut host = host();
    host.plant("/etc/ufw/user.rules", FileType::Other, b"", 0o640);
    let receipt = Receipt::default();
    let (plan, unseen) = Plan::survey(&graph, &receipt, &host, None).unwrap();
    let pending: Vec<_> = plan.pending().map(|step| step.id.to_string()).collect();
    assert_eq!(pending, ["file[/etc/wanted]"]);
    let unseen: Vec<_> = unseen.iter().map(|it| it.id.to_string()).collect();
    assert_eq!(unseen, ["firewall[ufw]"]);
    assert!(Plan::make(&graph, &receipt, &host).is_err());
}
