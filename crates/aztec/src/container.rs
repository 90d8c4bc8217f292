//! One Aztec process in a container of the official image.
//!
//! systemd stays the only supervisor and the journal the only log: the unit runs the engine's client in the foreground,
//! with the process attached to it. Paths, ports and user ids are the same inside the container as outside.

use std::path::{Path, PathBuf};

use provision::host::Engine;
use serde::{Deserialize, Serialize};

use crate::data::Release;
use crate::layout::TRUST;

/// The engine's `run` of one process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    /// The engine.
    pub engine: Engine,
    /// Name of the container. An engine never runs two containers with one name.
    pub name: String,
    /// The slice that Docker starts it in, so that systemd can stop it if Docker's daemon is dead.
    pub slice: Option<String>,
    /// Places that it may write to, its home first.
    pub writable: Vec<PathBuf>,
    /// Other places that it may read, each with its path outside and inside.
    pub readable: Vec<(PathBuf, PathBuf)>,
    /// Names of variables that it gets from the environment of the client, so that no value is in an argument.
    pub passed: Vec<String>,
    /// Variables that are not secret.
    pub env: Vec<(String, String)>,
    /// An existing directory for gigabytes of temporary files.
    pub scratch: PathBuf,
    /// The variables that set this directory for the release.
    #[serde(default = "first_scratch_variables")]
    pub scratch_variables: Vec<String>,
    /// GiB of memory that it may have.
    pub memory: u64,
    /// Seconds that it may take to stop if the engine is stopped.
    pub stop_seconds: u32,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// The official entry point (docs v5.2.0, every compose file); `node` is in the image's `PATH`.
pub(crate) fn node() -> Vec<String> {
    [
        "node",
        "--no-warnings",
        "/usr/src/yarn-project/aztec/dest/bin/index.js",
    ]
    .map(String::from)
    .into()
}

/// GiB of memory that a process may use, unless the release needs more. It is the official size of broker, prover node
/// and, on an older page, node (docs v5.2.0, hardware). A process that leaks memory is restarted before the host suffers.
pub(crate) const MEMORY: u64 = 16;

/// The file in its data directory that a process locks while it runs.
///
/// If the engine dies, a container can outlive its unit. The kernel holds the lock, which is the same inside and outside.
/// Therefore, two processes never use the same data directory and keys, whatever happens to the engine.
pub(crate) fn lock(data: &Path, instance: &str) -> PathBuf {
    data.join(format!(".running{instance}"))
}

/// The words before a command that lock this file and then become the process of the command: flock(1).
pub(crate) fn locking(data: &Path, instance: &str) -> [String; 5] {
    let lock = lock(data, instance).display().to_string();
    ["flock", "--nonblock", "--no-fork", "--verbose", &lock].map(String::from)
}

/// The variables with the directories of the programs that make and check proofs, of all releases.
const SCRATCH_VARIABLES: [&str; 3] = [
    "BB_WORKING_DIRECTORY",
    "ACVM_WORKING_DIRECTORY",
    "NOIR_EXECUTE_WORKING_DIRECTORY",
];

/// The ones that a release reads. The directories of the image are on its root file system, which is read-only here, and
/// the release does not create all of them (4.1.2, foundation/dest/fs/run_in_dir.js).
pub(crate) fn scratch_variables(release: &Release) -> Vec<String> {
    let read = SCRATCH_VARIABLES
        .iter()
        .filter(|name| release.knows_variable(name));
    read.map(ToString::to_string).collect()
}

/// The variables in a record of a version of aztec-kit that knew only one release.
fn first_scratch_variables() -> Vec<String> {
    SCRATCH_VARIABLES[..2]
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The directory for the temporary files of one proof.
pub(crate) fn scratch(data: &Path) -> PathBuf {
    data.join("scratch")
}

/// Seconds that an engine may take to remove a stopped container.
const PATIENCE: u32 = 30;

/// The options of every container: a read-only root file system, no capability, no new privileges, only the image on this
/// host, and the host's network, so that no port is published past its firewall.
///
/// A separate process 1 passes signals on. As process 1, Node.js would ignore them while it starts.
const CONFINED: &[&str] = &[
    "--rm",
    "--init",
    "--pull never",
    "--network host",
    "--read-only",
    "--tmpfs /tmp",
    "--cap-drop ALL",
    "--security-opt no-new-privileges",
    "--log-driver none",
];

impl Container {
    /// The words of the command, grouped as options with their values.
    ///
    /// `image` and `user` are words of the caller: a variable of systemd or of a shell, or a value.
    pub fn words(&self, image: &str, user: &str) -> Vec<String> {
        let mut words = match self.engine {
            Engine::Docker => vec![
                "/usr/bin/docker run".to_owned(),
                format!("--memory {}g --ulimit core=0", self.memory),
                format!("--stop-timeout {}", self.stop_seconds),
            ],
            // With crun and without its own control group, the container is in that of its unit, where systemd stops,
            // limits and measures it. Events would be a second log.
            Engine::Podman => vec![
                "/usr/bin/podman --runtime crun --events-backend none run".to_owned(),
                "--cgroups disabled --sdnotify ignore --ulimit host".to_owned(),
            ],
        };
        words.extend(CONFINED.iter().map(ToString::to_string));
        words.push(format!("--name {}", self.name));
        if let Some(slice) = &self.slice {
            words.push(format!("--cgroup-parent {slice}"));
        }
        words.push(format!("--user {user}"));
        let home = self.writable.first();
        if let Some(home) = home {
            words.push(format!("--workdir {}", home.display()));
        }
        let mount = |outside: &Path, inside: &Path| {
            let (outside, inside) = (outside.display(), inside.display());
            format!("--mount type=bind,src={outside},dst={inside}")
        };
        words.extend(self.writable.iter().map(|path| mount(path, path)));
        let trust = (PathBuf::from(TRUST), PathBuf::from(TRUST));
        let readable = self.readable.iter().chain([&trust]);
        words.extend(readable.map(|(outside, inside)| mount(outside, inside) + ",readonly"));
        let mut env = vec![("NODE_EXTRA_CA_CERTS".to_owned(), TRUST.to_owned())];
        if let Some(home) = home {
            env.push(("HOME".into(), home.display().to_string()));
        }
        for name in &self.scratch_variables {
            env.push((name.clone(), self.scratch.display().to_string()));
        }
        env.extend(self.env.iter().cloned());
        words.extend(
            env.iter()
                .map(|(name, value)| format!("--env {name}={value}")),
        );
        words.extend(self.passed.iter().map(|name| format!("--env {name}")));
        let mut command = self.command.iter();
        if let Some(program) = command.next() {
            words.push(format!("--entrypoint {program}"));
        }
        words.push(image.to_owned());
        words.extend(command.cloned());
        words
    }

    /// A shell script that stops and removes a container with this name, even if its engine is dead. It succeeds without
    /// such a container.
    ///
    /// A container of Docker continues to run when the daemon dies: it signs, its log is lost, and a stop of its unit does
    /// not stop it. Therefore, systemd stops it first. A dead daemon may have a socket that listens for it, and its client
    /// would wait.
    pub fn removal(&self) -> String {
        let (program, name) = (self.engine.program(), &self.name);
        let end = match &self.slice {
            Some(slice) => {
                format!("systemctl stop {slice} >/dev/null 2>&1; exec timeout {PATIENCE}")
            }
            None => "exec".into(),
        };
        format!("{end} {program} rm --force {name} >/dev/null 2>&1")
    }
}
