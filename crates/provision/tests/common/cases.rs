//! Every kind of this crate, each in the smallest graph that it can be in.

#![allow(dead_code, reason = "each test needs a part of it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use provision::engine::{Graph, Journal, MemoryJournal, Plan, ResourceId};
use provision::host::FileType;
use provision::host::fake::{FakeHost, LOCK};
use provision::kinds::{
    Directory, File, Group, Lock, NftTable, NpmTree, Owner, Packages, Random, Secret, SecretDigest,
    Service, Sysctl, Unit, User,
};

provision::resources! {
    /// Every kind of this crate.
    pub enum Host {
        Group(Group),
        User(User),
        Directory(Directory),
        File(File),
        Packages(Packages),
        Sysctl(Sysctl),
        Unit(Unit),
        Service(Service),
        NftTable(NftTable),
        NpmTree(NpmTree),
        Secret(Secret),
        SecretDigest(SecretDigest),
    }
}

/// One kind in the smallest graph that it can be in.
pub struct Case {
    pub name: &'static str,
    pub host: FakeHost,
    pub graph: Graph<Host>,
    /// Fields of the first diff of the last resource, in order.
    pub fields: &'static [&'static str],
    /// The files that a revert leaves on purpose.
    pub leaves: &'static [&'static str],
    /// Files that are created once and never change.
    pub secrets: &'static [&'static str],
}

pub fn plan(host: &FakeHost, journal: &MemoryJournal, graph: &Graph<Host>) -> Plan {
    Plan::make(graph, &journal.receipt().unwrap(), host).unwrap()
}

pub fn graph(nodes: Vec<Host>) -> Graph<Host> {
    let mut graph = Graph::default();
    let mut last: Vec<ResourceId> = Vec::new();
    for node in nodes {
        last = vec![graph.add(node, last)];
    }
    graph
}

pub fn tree(lock: Lock) -> NpmTree {
    NpmTree {
        name: "app".into(),
        version: "1.0.0".into(),
        root: "/opt/app".into(),
        link: "/opt/app/current".into(),
        manifest: "{}".into(),
        lock,
        prune: vec!["node_modules/other/windows".into(), "*.map".into()],
        without_peers: false,
        check: vec!["node_modules/app/main".into(), "--version".into()],
    }
}

pub fn directory(path: &str) -> Host {
    Directory {
        path: path.into(),
        owner: Owner::root(0o755),
    }
    .into()
}

pub fn secret() -> Secret {
    Secret {
        path: "/etc/key".into(),
        owner: Owner::root(0o600),
        maker: Random {
            bytes: 32,
            variable: None,
        },
    }
}

pub fn service(unit: &str) -> Service {
    Service {
        unit: unit.into(),
        active: true,
        at_boot: false,
        inputs: Vec::new(),
    }
}

/// The account with its group.
pub fn user() -> Vec<Host> {
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
}

pub fn cases() -> Vec<Case> {
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
            secrets: &[],
        },
        Case {
            name: "user",
            host: FakeHost::debian(),
            graph: graph(user()),
            fields: &["group", "home", "shell"],
            leaves: &[],
            secrets: &[],
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
            secrets: &[],
        },
        Case {
            name: "file",
            host: FakeHost::debian(),
            graph: with_user(file("/etc/a.conf").into()),
            fields: &["owner", "group", "mode", "content"],
            leaves: &[],
            secrets: &[],
        },
        Case {
            name: "file that differs",
            host: edited,
            graph: with_user(file("/etc/a.conf").into()),
            fields: &["group", "mode", "content"],
            leaves: &[],
            secrets: &[],
        },
        Case {
            name: "unit",
            host: FakeHost::debian(),
            graph: graph(vec![unit().into()]),
            fields: &["owner", "group", "mode", "content", "at boot"],
            leaves: &[],
            secrets: &[],
        },
        Case {
            name: "masked unit",
            host: masked,
            graph: graph(vec![unit().into()]),
            fields: &["type", "content", "at boot"],
            leaves: &[],
            secrets: &[],
        },
        Case {
            name: "service",
            host: FakeHost::debian(),
            graph: graph(vec![unit().into(), service("x.service").into()]),
            fields: &["state"],
            leaves: &[],
            secrets: &[],
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
            secrets: &[],
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
            secrets: &[],
        },
        Case {
            name: "npm tree, lock carried",
            host: FakeHost::debian(),
            graph: graph(vec![
                directory("/opt/app"),
                tree(Lock::carried(LOCK)).into(),
            ]),
            fields: &["tree", "current"],
            leaves: &[],
            secrets: &[],
        },
        Case {
            name: "npm tree, lock kept",
            host: FakeHost::debian(),
            graph: graph(vec![
                directory("/opt/app"),
                tree(Lock::Kept {
                    path: "/etc/app-lock.json".into(),
                    npm: LOCK,
                })
                .into(),
            ]),
            fields: &["tree", "current"],
            leaves: &["/etc/app-lock.json"],
            secrets: &[],
        },
        Case {
            name: "secret",
            host: FakeHost::debian(),
            graph: graph(vec![secret().into()]),
            fields: &["owner", "group", "mode", "value"],
            leaves: &["/etc/key"],
            secrets: &["/etc/key"],
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
            secrets: &["/etc/key"],
        },
    ]
}

/// The tree, except for the files that were left on purpose.
pub fn shape(
    host: &FakeHost,
    leaves: &[&str],
) -> BTreeMap<PathBuf, (FileType, Vec<u8>, u32, u32, u32)> {
    let mut shape = host.shape();
    shape.retain(|path, _| leaves.iter().all(|left| path != &PathBuf::from(left)));
    shape
}
