//! The common parts of the tests of the desired state.

#![allow(dead_code, reason = "each test uses only a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot continue panics")]

pub mod hosts;
pub mod shown;

use std::collections::BTreeMap;

use aztec::kinds::Kind;
use aztec::settings::Settings;
use aztec::{HostFacts, desired};
use provision::engine::{Graph, Kind as _, Resource, ResourceId};
use provision::host::FileType;
use provision::host::fake::{FakeHost, LOCK};
use provision::kinds::{File, Lock, Owner, Random, Secret};

/// A small server that every release runs on.
pub fn facts() -> HostFacts {
    HostFacts {
        mounts: Vec::new(),
        machine_id: Some("0123456789abcdef0123456789abcdef".into()),
        os: "debian".into(),
        os_name: "Debian GNU/Linux 13 (trixie)".into(),
        arch: "x86_64".into(),
        glibc: Some((2, 41)),
        cpu_flags: Vec::new(),
        cpus: 2,
        memory: 8 << 30,
        sshd: true,
        container: false,
        asymmetric: None,
        engine: None,
        docker: false,
    }
}

/// The desired state of that server with this `kit.toml`.
pub fn graph(kit_toml: &str) -> Graph<Kind> {
    let settings = Settings::parse(kit_toml).expect("a valid kit.toml");
    desired(&settings, &facts(), kit_toml).expect("a fit host")
}

/// A kernel setting that containers see.
pub const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";

/// Kinds that ask a chain.
const ON_CHAIN: &[&str] = &["chain", "contracts", "stake", "funding"];

/// The desired state of a host without a chain, with this `kit.toml`.
pub fn in_memory(kit_toml: &str) -> Graph<Kind> {
    without_chain(&graph(kit_toml))
}

/// A graph without the resources that need a chain.
pub fn without_chain(complete: &Graph<Kind>) -> Graph<Kind> {
    let mut graph: Graph<Kind> = Graph::default();
    // The files that replace a resource. For a resource without a file, its dependencies.
    let mut replaced: BTreeMap<ResourceId, Vec<ResourceId>> = BTreeMap::new();
    for node in complete.ordered().unwrap() {
        let id = node.resource.id();
        let after: Vec<_> = node
            .after
            .iter()
            .flat_map(|id| {
                replaced
                    .get(id)
                    .cloned()
                    .unwrap_or_else(|| vec![id.clone()])
            })
            .collect();
        let kind = id.to_string();
        let (kind, _) = kind.split_once('[').unwrap();
        if ON_CHAIN.contains(&kind) {
            let files = node.resource.files();
            let recorded: Vec<_> = files
                .iter()
                .map(|path| {
                    let record = "REGISTRY_CONTRACT_ADDRESS=0x01\n";
                    let file = File::new(path, record, Owner::new("root", "aztec", 0o640));
                    // Two resources may have the same record.
                    let id = file.id();
                    match graph.get(&id) {
                        Some(_) => id,
                        None => graph.add(file, after.clone()),
                    }
                })
                .collect();
            replaced.insert(id, if recorded.is_empty() { after } else { recorded });
            continue;
        }
        let mut resource = node.resource.clone();
        match &mut resource {
            Kind::NpmTree(tree) => {
                tree.lock = Lock::carried(LOCK);
                tree.check = vec!["node_modules/app/main".into()];
            }
            // The derivation of a key takes longer than everything else. Here, it is a secret like any other.
            Kind::LocalKey(key) => {
                let maker = Random {
                    bytes: 32,
                    variable: None,
                };
                resource = Kind::Secret(Secret {
                    path: key.path.clone(),
                    owner: key.owner.clone(),
                    maker,
                });
            }
            _ => {}
        }
        replaced.insert(id, vec![graph.add(resource, after)]);
    }
    graph
}

/// A small Debian.
pub fn debian() -> FakeHost {
    let mut host = FakeHost::debian();
    for dir in ["/proc/sys/net", "/proc/sys/net/core"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    host.plant(SOMAXCONN, FileType::File, b"128\n", 0o644);
    // A file that the package would install. Here, a package is only a name.
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    host
}
