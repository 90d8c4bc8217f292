//! Programs: questions that cannot change anything, orders that may.

use std::time::Duration;

use super::Engine;
use crate::Fault;

/// A read-only question. A closed list, so that looking cannot turn into changing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// `systemctl show` of the named units, all in one process.
    Units(Vec<String>),
    /// `dpkg --verify` of a package: the files that are no longer the package's own, see dpkg(1).
    PackageFiles(String),
    /// Every image that a container engine has: see [`crate::tools::images`].
    Images(Engine),
    /// Whether the registry has an image of this name; asks over the network and fetches nothing.
    Manifest(Engine, String),
    /// The architecture of one image, named by its id.
    Architecture(Engine, String),
    /// `sshd -T`: the effective configuration of sshd, for a connection that no `Match` is about, with the options of
    /// one that runs: [`crate::tools::sshd_command`].
    Sshd(Vec<String>),
    /// Where systemd listens for the SSH server, when it does (`ssh.socket`), and the main process of the server.
    SshSocket,
    /// The filter of one family in the running kernel, `iptables -S` or `ip6tables -S`.
    Filter {
        /// IPv6 instead of IPv4.
        v6: bool,
    },
    /// What IPv4 of the running kernel rewrites, `iptables -t nat -S`.
    Nat,
    /// Every table of nftables in the running kernel, without the elements of sets: [`crate::tools::nft`].
    Ruleset,
    /// The newest lines of a unit's journal: [`crate::tools::journal`].
    Journal {
        /// Name of the unit.
        unit: String,
        /// How many at the most.
        lines: u32,
    },
}

/// Properties asked of every unit, see systemctl(1) and org.freedesktop.systemd1(5).
const UNIT_PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,UnitFileState,\
NeedDaemonReload,InvocationID,StateChangeTimestampMonotonic,ExecMainStartTimestampMonotonic,NRestarts,Result,MainPID";

impl Query {
    /// The program and its arguments.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Units(names) => ["systemctl", "show", UNIT_PROPERTIES, "--"]
                .into_iter()
                .map(String::from)
                .chain(names.iter().cloned())
                .collect(),
            Self::Sshd(options) => [&words(&["/usr/sbin/sshd", "-T"])[..], options].concat(),
            Self::PackageFiles(package) => ["dpkg", "--verify", package].map(String::from).into(),
            Self::Images(engine) => [
                engine.program(),
                "image",
                "ls",
                "--no-trunc",
                "--digests",
                "--format",
                crate::tools::images::FORMAT,
            ]
            .map(String::from)
            .into(),
            Self::Manifest(engine, name) => [engine.program(), "manifest", "inspect", name]
                .map(String::from)
                .into(),
            Self::Architecture(engine, id) => [
                engine.program(),
                "image",
                "inspect",
                "--format",
                "{{.Architecture}}",
                id,
            ]
            .map(String::from)
            .into(),
            Self::SshSocket => words(&[
                "systemctl",
                "show",
                "--property=Id,Listen,ActiveState,MainPID",
                "ssh.socket",
                "ssh.service",
            ]),
            Self::Filter { v6 } => words(&[if *v6 { "ip6tables" } else { "iptables" }, "-S"]),
            Self::Nat => words(&["iptables", "-t", "nat", "-S"]),
            Self::Ruleset => words(&["/usr/sbin/nft", "--terse", "list", "ruleset"]),
            Self::Journal { unit, lines } => words(&[
                "journalctl",
                "--quiet",
                "--no-pager",
                "--no-hostname",
                // Without it a message with colours is shown as so many bytes.
                "--all",
                "--output=short-unix",
                "--lines",
                &lines.to_string(),
                "--unit",
                unit,
            ]),
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A program to run that changes something. Never carries a secret: `argv` and `env` are shown and logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Program and arguments; no shell is involved.
    pub argv: Vec<String>,
    /// Variables added to the small fixed environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub dir: Option<std::path::PathBuf>,
    /// After this the program and its group are killed.
    pub timeout: Duration,
    /// Whether it may be killed with us at any moment (a download) or must be left to finish (dpkg).
    pub dies_with_us: bool,
}

impl Order {
    /// An order with the default limit of three minutes: what takes a second on a host that is at rest took over one
    /// minute on a busy one (`ufw enable`).
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            dir: None,
            timeout: Duration::from_secs(180),
            dies_with_us: false,
        }
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets the limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the program be killed when this process dies.
    #[must_use]
    pub fn dies_with_us(mut self) -> Self {
        self.dies_with_us = true;
        self
    }
}

/// What a program said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit code; 128 + signal when killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// How much of a program's complaint goes into an error.
const COMPLAINT_BYTES: usize = 1500;

impl Output {
    /// The output when the program exited with 0, a fault with the end of its complaint otherwise.
    pub fn ok(self, argv: &[String]) -> Result<Self, Fault> {
        if self.code == 0 {
            return Ok(self);
        }
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let said = said.trim();
        let mut start = said.len().saturating_sub(COMPLAINT_BYTES);
        while !said.is_char_boundary(start) {
            start += 1;
        }
        Err(Fault::new(format!(
            "`{}` exited with {}: {}",
            argv.join(" "),
            self.code,
            &said[start..]
        )))
    }
}
