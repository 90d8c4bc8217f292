//! One Aztec process in a container of the official image.
//!
//! systemd stays the only supervisor and the journal the only log: the unit runs the engine's client in the
//! foreground, with the process attached to it. Inside, everything has the path, the port and the numbers
//! that it has outside.

use std::path::{Path, PathBuf};

use provision::host::Engine;
use serde::{Deserialize, Serialize};

use crate::data::Release;
use crate::layout::TRUST;

/// The engine's `run` of one process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    /// Engine.
    pub engine: Engine,
    /// Name of the container: an engine never runs two of one name.
    pub name: String,
    /// The slice that Docker starts it in, so that systemd can end it when Docker is dead.
    pub slice: Option<String>,
    /// Where it may write, its home first.
    pub writable: Vec<PathBuf>,
    /// What else it may read: outside, and inside.
    pub readable: Vec<(PathBuf, PathBuf)>,
    /// Variables that it gets from the environment of the client, by name: no value is in an argument.
    pub passed: Vec<String>,
    /// Variables that are no secret.
    pub env: Vec<(String, String)>,
    /// Where it may put gigabytes for a while; it has to exist.
    pub scratch: PathBuf,
    /// The variables by which the release is told so.
    #[serde(default = "first_scratch_variables")]
    pub scratch_variables: Vec<String>,
    /// GiB of memory that it may have.
    pub memory: u64,
    /// Seconds that an engine that is stopped gives it.
    pub stop_seconds: u32,
    /// Program and arguments.
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

/// GiB that a process may have unless the release says more: the official size of broker, prover node and, on
/// an older page, node (docs v5.2.0, hardware), so that one that leaks is restarted before the host suffers.
pub(crate) const MEMORY: u64 = 16;

/// The file that a process locks as long as it lives, in its data directory.
///
/// A container can outlive its unit when the engine dies. The lock is the kernel's, and the same inside and
/// outside: whatever happens to engines, two processes never have one data directory, nor its keys.
pub(crate) fn lock(data: &Path, instance: &str) -> PathBuf {
    data.join(format!(".running{instance}"))
}

/// The words before a command that become its process, holding that lock: flock(1).
pub(crate) fn locking(data: &Path, instance: &str) -> [String; 5] {
    let lock = lock(data, instance).display().to_string();
    ["flock", "--nonblock", "--no-fork", "--verbose", &lock].map(String::from)
}

/// Those of the programs that make and check proofs, in any release.
const SCRATCH_VARIABLES: [&str; 3] = [
    "BB_WORKING_DIRECTORY",
    "ACVM_WORKING_DIRECTORY",
    "NOIR_EXECUTE_WORKING_DIRECTORY",
];

/// Those that a release reads. The image has directories of its own for them, on a root file system that is read-only
/// here; and not all of them are made by the release (4.1.2, foundation/dest/fs/run_in_dir.js).
pub(crate) fn scratch_variables(release: &Release) -> Vec<String> {
    let read = SCRATCH_VARIABLES
        .iter()
        .filter(|name| release.knows_variable(name));
    read.map(ToString::to_string).collect()
}

/// What a record has that was written when the kit knew no other release.
fn first_scratch_variables() -> Vec<String> {
    SCRATCH_VARIABLES[..2]
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Where a process puts what it needs for one proof.
pub(crate) fn scratch(data: &Path) -> PathBuf {
    data.join("scratch")
}

/// Seconds that an engine may take to remove what is dead already.
const PATIENCE: u32 = 30;

/// The same for every container: the root file system read-only, no capability, no new privileges, no image
/// but the one on this host, and the host's network, so that nothing is published past its firewall.
///
/// A process 1 of its own passes signals on: as process 1 Node.js would ignore them while it starts.
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
    /// `image` and `user` are words of whoever runs it: a variable of systemd or of a shell, or a value.
    pub fn words(&self, image: &str, user: &str) -> Vec<String> {
        let mut words = match self.engine {
            Engine::Docker => vec![
                "/usr/bin/docker run".to_owned(),
                format!("--memory {}g --ulimit core=0", self.memory),
                format!("--stop-timeout {}", self.stop_seconds),
            ],
            // With crun and without a control group of its own, the container is in that of its unit, where
            // systemd ends it, limits it and counts it. Events would be a second log.
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

    /// A shell script that ends and removes a container of this name, whatever its engine is able to; it is no failure when there is
    /// none.
    ///
    /// A container of Docker goes on when the daemon dies: it signs, nobody has its log, and to stop its unit does
    /// not stop it. So systemd ends it first. A dead daemon may have a socket that listens for it, on which its
    /// client waits.
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
