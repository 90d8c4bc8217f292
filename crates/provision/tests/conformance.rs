//! The contract of every kind, tried on a host in memory.
//!
//! For each kind: the second apply is a no-op, the diff lists every field, revert restores,
//! and a crash after the n-th write, for every n, is healed by running again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use common::run;
use provision::engine::{
    Apply, Change, Consent, Graph, Journal, MemoryJournal, Plan, Quiet, Resource, ResourceId,
};
use provision::host::fake::FakeHost;
use provision::host::{FileType, Probe};
use provision::kinds::{
    Directory, File, Group, Input, Lock, NpmTree, Owner, Packages, Random, Secret, SecretDigest,
    Service, Sysctl, Unit, User,
};

provision::resources! {
    /// Every kind of this crate.
    enum Host {
        Group(Group),
        User(User),
        Directory(Directory),
        File(File),
        Packages(Packages),
        Sysctl(Sysctl),
        Unit(Unit),
        Service(Service),
        NpmTree(NpmTree),
        Secret(Secret),
        SecretDigest(SecretDigest),
    }
}

/// One kind in the smallest graph it can live in.
struct Case {
    name: &'static str,
    host: FakeHost,
    graph: Graph<Host>,
    /// Fields of the first diff of the last resource, in order.
    fields: &'static [&'static str],
    /// What revert leaves behind on purpose.
    leaves: &'static [&'static str],
}

fn plan(host: &FakeHost, journal: &MemoryJournal, graph: &Graph<Host>) -> Plan {
    Plan::make(graph, &journal.receipt().unwrap(), host).unwrap()
}

fn graph(nodes: Vec<Host>) -> Graph<Host> {
    let mut graph = Graph::default();
    let mut last: Vec<ResourceId> = Vec::new();
    for node in nodes {
        last = vec![graph.add(node, last)];
    }
    graph
}

fn tree(lock: Lock) -> NpmTree {
    NpmTree {
        name: "app".into(),
        version: "1.0.0".into(),
        root: "/opt/app".into(),
        link: "/opt/app/current".into(),
        manifest: "{}".into(),
        lock,
        prune: vec!["node_modules/other/windows".into()],
        check: vec!["node_modules/app/main".into(), "--version".into()],
    }
}

fn directory(path: &str) -> Host {
    Directory {
        path: path.into(),
        owner: Owner::root(0o755),
    }
    .into()
}

fn secret() -> Secret {
    Secret {
        path: "/etc/key".into(),
        owner: Owner::root(0o600),
        maker: Random {
            bytes: 32,
            variable: None,
        },
    }
}

fn service(unit: &str) -> Service {
    Service {
        unit: unit.into(),
        active: true,
        at_boot: false,
        inputs: Vec::new(),
    }
}

fn cases() -> Vec<Case> {
    let user = || -> Vec<Host> {
        vec![
            Group {
                name: "aztec".into(),
            }
            .into(),
            User {
                name: "aztec".into(),
                group: "aztec".into(),
                home: "/var/lib/aztec".into(),
                shell: "/usr/sbin/nologin".into(),
            }
            .into(),
        ]
    };
    let with_user = |node: Host| {
        let mut nodes = user();
        nodes.push(node);
        graph(nodes)
    };
    let owner = Owner::new("root", "aztec", 0o640);
    let unit = || Unit {
        name: "x.service".into(),
        text: "[Service]\n".into(),
        instances: Vec::new(),
    };
    let mut edited = FakeHost::debian();
    edited.plant("/etc/a.conf", FileType::File, b"the operator's\n", 0o600);
    let mut masked = FakeHost::debian();
    masked.plant(
        "/etc/systemd/system/x.service",
        FileType::Symlink,
        b"/dev/null",
        0o777,
    );
    let file = |path: &str| File::new(path, "a=1\n", owner.clone());
    vec![
        Case {
            name: "group",
            host: FakeHost::debian(),
            graph: graph(vec![
                Group {
                    name: "aztec".into(),
                }
                .into(),
            ]),
            fields: &["group"],
            leaves: &[],
        },
        Case {
            name: "user",
            host: FakeHost::debian(),
            graph: graph(user()),
            fields: &["group", "home", "shell"],
            leaves: &[],
        },
        Case {
            name: "directory",
            host: FakeHost::debian(),
            graph: with_user(
                Directory {
                    path: "/etc/aztec".into(),
                    owner: Owner::new("root", "aztec", 0o750),
                }
                .into(),
            ),
            fields: &["owner", "group", "mode"],
            leaves: &[],
        },
        Case {
            name: "file",
            host: FakeHost::debian(),
            graph: with_user(file("/etc/a.conf").into()),
            fields: &["owner", "group", "mode", "content"],
            leaves: &[],
        },
        Case {
            name: "file that differs",
            host: edited,
            graph: with_user(file("/etc/a.conf").into()),
            fields: &["group", "mode", "content"],
            leaves: &[],
        },
        Case {
            name: "unit",
            host: FakeHost::debian(),
            graph: graph(vec![unit().into()]),
            fields: &["owner", "group", "mode", "content", "at boot"],
            leaves: &[],
        },
        Case {
            name: "masked unit",
            host: masked,
            graph: graph(vec![unit().into()]),
            fields: &["type", "content", "at boot"],
            leaves: &[],
        },
        Case {
            name: "service",
            host: FakeHost::debian(),
            graph: graph(vec![unit().into(), service("x.service").into()]),
            fields: &["state"],
            leaves: &[],
        },
        Case {
            name: "packages",
            host: FakeHost::debian(),
            graph: graph(vec![
                Packages {
                    purpose: "base".into(),
                    names: vec!["npm".into(), "chrony".into()],
                }
                .into(),
            ]),
            fields: &["npm", "chrony"],
            leaves: &[],
        },
        Case {
            name: "sysctl",
            host: FakeHost::debian(),
            graph: graph(vec![
                Sysctl {
                    name: "60-x.conf".into(),
                    values: BTreeMap::from([("vm.swappiness".into(), "10".into())]),
                }
                .into(),
            ]),
            fields: &["owner", "group", "mode", "content", "vm.swappiness"],
            leaves: &[],
        },
        Case {
            name: "npm tree, lock carried",
            host: FakeHost::debian(),
            graph: graph(vec![
                directory("/opt/app"),
                tree(Lock::carried("{}")).into(),
            ]),
            fields: &["tree", "current"],
            leaves: &[],
        },
        Case {
            name: "npm tree, lock kept",
            host: FakeHost::debian(),
            graph: graph(vec![
                directory("/opt/app"),
                tree(Lock::Kept {
                    path: "/etc/app-lock.json".into(),
                })
                .into(),
            ]),
            fields: &["tree", "current"],
            leaves: &["/etc/app-lock.json"],
        },
        Case {
            name: "secret",
            host: FakeHost::debian(),
            graph: graph(vec![secret().into()]),
            fields: &["owner", "group", "mode", "value"],
            leaves: &["/etc/key"],
        },
        Case {
            name: "digest of a secret",
            host: FakeHost::debian(),
            graph: graph(vec![
                secret().into(),
                SecretDigest {
                    secret: "/etc/key".into(),
                    path: "/etc/key.env".into(),
                    variable: "HASH".into(),
                    owner: Owner::root(0o640),
                }
                .into(),
            ]),
            fields: &[],
            leaves: &["/etc/key"],
        },
    ]
}

fn fields(changes: &[Change]) -> Vec<&str> {
    changes
        .iter()
        .map(|change| match change {
            Change::Field { field, .. } => field.as_str(),
            Change::Content { .. } => "content",
        })
        .collect()
}

#[test]
fn the_diff_lists_every_field() {
    for case in cases() {
        let plan = plan(&case.host, &MemoryJournal::default(), &case.graph);
        let last = plan.steps.last().unwrap();
        assert_eq!(fields(&last.changes), case.fields, "{}", case.name);
    }
}

#[test]
fn looking_changes_nothing() {
    for case in cases() {
        let before = case.host.clone();
        plan(&case.host, &MemoryJournal::default(), &case.graph);
        assert_eq!(before.tree, case.host.tree, "{}", case.name);
        assert_eq!(case.host.writes, 0, "{}", case.name);
    }
}

#[test]
fn the_second_apply_is_a_noop() {
    for mut case in cases() {
        let mut journal = MemoryJournal::default();
        run(&mut case.host, &mut journal, &case.graph)
            .unwrap_or_else(|stop| panic!("{}: {stop:?}", case.name));
        let (writes, receipt) = (case.host.writes, journal.receipt().unwrap());
        let second = run(&mut case.host, &mut journal, &case.graph).unwrap();
        assert!(second.applied.is_empty(), "{}: {second:?}", case.name);
        assert_eq!(case.host.writes, writes, "{}", case.name);
        assert_eq!(journal.receipt().unwrap(), receipt, "{}", case.name);
        let plan = plan(&case.host, &journal, &case.graph);
        assert!(plan.is_empty(), "{}", case.name);
        assert!(
            plan.steps.iter().all(|step| step.because.is_some()),
            "{}",
            case.name
        );
    }
}

/// Everything but what was left on purpose.
fn shape(
    host: &FakeHost,
    leaves: &[&str],
) -> BTreeMap<PathBuf, (FileType, Vec<u8>, u32, u32, u32)> {
    let mut shape = host.shape();
    shape.retain(|path, _| leaves.iter().all(|left| path != &PathBuf::from(left)));
    shape
}

#[test]
fn reverting_restores_the_host() {
    for mut case in cases() {
        let before = shape(&case.host, case.leaves);
        let mut journal = MemoryJournal::default();
        run(&mut case.host, &mut journal, &case.graph).unwrap();
        run(&mut case.host, &mut journal, &Graph::<Host>::default())
            .unwrap_or_else(|stop| panic!("{}: {stop:?}", case.name));
        assert_eq!(shape(&case.host, case.leaves), before, "{}", case.name);
        assert!(
            journal.receipt().unwrap().entries.is_empty(),
            "{}",
            case.name
        );
        for left in case.leaves {
            assert!(
                case.host.text(left).is_some(),
                "{}: {left} must stay",
                case.name
            );
        }
    }
}

#[test]
fn a_crash_after_any_write_is_healed_by_the_next_run_and_can_be_undone() {
    for case in cases() {
        let before = shape(&case.host, case.leaves);
        for n in 0.. {
            let mut host = case.host.clone();
            let mut journal = MemoryJournal::default();
            host.dies_at = Some(n);
            let died = run(&mut host, &mut journal, &case.graph).is_err();
            host.dies_at = None;
            let secret = host.text("/etc/key");
            run(&mut host, &mut journal, &case.graph)
                .unwrap_or_else(|stop| panic!("{} after write {n}: {stop:?}", case.name));
            assert!(
                plan(&host, &journal, &case.graph).is_empty(),
                "{} after write {n}",
                case.name
            );
            if secret.is_some() {
                assert_eq!(
                    host.text("/etc/key"),
                    secret,
                    "{}: a secret was replaced",
                    case.name
                );
            }
            run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
            assert_eq!(
                shape(&host, case.leaves),
                before,
                "{} after write {n}",
                case.name
            );
            if !died {
                break;
            }
        }
    }
}

/// The host after a removal that died at write `n`, its journal, and whether it died.
fn half_removed(case: &Case, n: usize) -> (FakeHost, MemoryJournal, bool) {
    let (mut host, mut journal) = (case.host.clone(), MemoryJournal::default());
    run(&mut host, &mut journal, &case.graph).unwrap();
    let already = host.writes;
    host.dies_at = Some(already + n);
    let died = run(&mut host, &mut journal, &Graph::<Host>::default()).is_err();
    host.dies_at = None;
    (host, journal, died)
}

#[test]
fn a_removal_that_dies_is_on_record_and_can_be_ended_or_taken_back() {
    for case in cases() {
        let before = shape(&case.host, case.leaves);
        for n in 0.. {
            let (mut host, mut journal, died) = half_removed(&case, n);
            let open = journal.receipt().unwrap().entries;
            let open = open.iter().filter(|entry| entry.open).count();
            assert_eq!(open, usize::from(died), "{} at write {n}", case.name);
            run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
            assert_eq!(
                shape(&host, case.leaves),
                before,
                "{} at write {n}",
                case.name
            );
            if !died {
                break;
            }
            let (mut host, mut journal, _) = half_removed(&case, n);
            run(&mut host, &mut journal, &case.graph)
                .unwrap_or_else(|stop| panic!("{} at write {n}: {stop:?}", case.name));
            assert!(
                plan(&host, &journal, &case.graph).is_empty(),
                "{} at write {n}",
                case.name
            );
        }
    }
}

#[test]
fn what_was_there_before_us_is_never_removed() {
    for mut case in cases() {
        run(&mut case.host, &mut MemoryJournal::default(), &case.graph).unwrap();
        // A new journal: for it all of this was there before.
        let before = case.host.shape();
        let mut journal = MemoryJournal::default();
        run(&mut case.host, &mut journal, &case.graph).unwrap();
        run(&mut case.host, &mut journal, &Graph::<Host>::default()).unwrap();
        assert_eq!(case.host.shape(), before, "{}", case.name);
    }
}

#[test]
fn what_was_adopted_and_then_changed_goes_back_to_what_was_adopted() {
    let file = |content: &str| -> Graph<Host> {
        graph(vec![
            File::new("/etc/a", content, Owner::root(0o644)).into(),
        ])
    };
    let mut host = FakeHost::debian();
    host.plant("/etc/a", FileType::File, b"one\n", 0o644);
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &file("one\n")).unwrap();
    run(&mut host, &mut journal, &file("two\n")).unwrap();
    assert_eq!(host.text("/etc/a").unwrap(), "two\n");
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(host.text("/etc/a").unwrap(), "one\n");
}

#[test]
fn a_secret_that_is_gone_is_not_silently_made_anew() {
    let graph = graph(vec![secret().into()]);
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &graph).unwrap();
    host.tree.remove(&PathBuf::from("/etc/key"));
    let stop = run(&mut host, &mut journal, &graph).unwrap_err();
    assert!(
        stop.fault.chain().contains("is gone"),
        "{}",
        stop.fault.chain()
    );
    assert!(stop.fault.remedy().unwrap().contains("backup"));
    assert!(host.text("/etc/key").is_none());
}

/// A service that reads one file.
fn with_input(content: &str) -> Graph<Host> {
    let mut graph = graph(vec![
        File::new("/etc/env", content, Owner::root(0o640)).into(),
        Unit {
            name: "x.service".into(),
            text: "[Service]\n".into(),
            instances: Vec::new(),
        }
        .into(),
    ]);
    let id = graph.nodes()[0].resource.id();
    let unit = graph.nodes()[1].resource.id();
    let input = Input {
        id: id.clone(),
        path: "/etc/env".into(),
        wanted: Some(const_hex::encode(<sha2::Sha256 as sha2::Digest>::digest(
            content,
        ))),
    };
    let service = Service {
        unit: "x.service".into(),
        active: true,
        at_boot: false,
        inputs: vec![input],
    };
    graph.add(service, [id, unit]);
    graph
}

fn starts(host: &FakeHost) -> u32 {
    host.units["x.service"].starts
}

#[test]
fn a_changed_input_restarts_the_service_once_even_when_the_run_dies_in_between() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &with_input("a=1\n")).unwrap();
    assert_eq!(starts(&host), 1);
    let wanted = with_input("a=2\n");
    let shown = plan(&host, &journal, &wanted);
    assert_eq!(
        shown.pending().count(),
        2,
        "the restart is shown before it happens"
    );
    // The file is written, then the run dies before the restart.
    host.dies_at = Some(host.writes + 1);
    run(&mut host, &mut journal, &wanted).unwrap_err();
    assert_eq!(
        (starts(&host), host.text("/etc/env").unwrap()),
        (1, "a=2\n".into())
    );
    host.dies_at = None;
    assert_eq!(plan(&host, &journal, &wanted).pending().count(), 1);
    run(&mut host, &mut journal, &wanted).unwrap();
    assert_eq!(starts(&host), 2);
    run(&mut host, &mut journal, &wanted).unwrap();
    assert_eq!(starts(&host), 2);
}

#[test]
fn repairing_drift_under_a_process_that_never_read_it_restarts_nothing() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let wanted = with_input("a=1\n");
    run(&mut host, &mut journal, &wanted).unwrap();
    host.plant("/etc/env", FileType::File, b"a=drifted\n", 0o640);
    run(&mut host, &mut journal, &wanted).unwrap();
    assert_eq!(
        (starts(&host), host.text("/etc/env").unwrap()),
        (1, "a=1\n".into())
    );
}

#[test]
fn a_process_that_an_operator_started_with_drifted_inputs_is_restarted() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let wanted = with_input("a=1\n");
    run(&mut host, &mut journal, &wanted).unwrap();
    host.plant("/etc/env", FileType::File, b"a=drifted\n", 0o640);
    let now = host.clock().monotonic_us;
    let unit = host.units.get_mut("x.service").unwrap();
    (unit.starts, unit.started_us) = (2, now);
    assert_eq!(plan(&host, &journal, &wanted).pending().count(), 2);
    run(&mut host, &mut journal, &wanted).unwrap();
    assert_eq!(starts(&host), 3);
    assert!(plan(&host, &journal, &wanted).is_empty());
}

#[test]
fn a_cancelled_run_stops_between_two_steps_and_can_go_on() {
    let wanted = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let stop = Apply {
        hands: &mut host,
        journal: &mut journal,
        consent: Consent::Configuration,
        cancel: &AtomicBool::new(true),
        progress: &mut Quiet,
    }
    .run(&wanted)
    .unwrap_err();
    assert!(stop.fault.chain().contains("interrupted"));
    assert_eq!(host.writes, 0);
    run(&mut host, &mut journal, &wanted).unwrap();
}

#[test]
fn a_host_that_changed_since_the_plan_was_shown_stops_the_run() {
    let wanted = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    host.plant("/etc/env", FileType::File, b"a=0\n", 0o640);
    let shown = plan(&host, &journal, &wanted);
    host.plant("/etc/env", FileType::File, b"a=just edited\n", 0o640);
    let stop = Apply {
        hands: &mut host,
        journal: &mut journal,
        consent: Consent::Plan(&shown),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run(&wanted)
    .unwrap_err();
    assert!(
        stop.fault
            .chain()
            .contains("changed since the plan was shown")
    );
    assert_eq!(host.text("/etc/env").unwrap(), "a=just edited\n");
}
