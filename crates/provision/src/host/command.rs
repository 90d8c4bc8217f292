//! Programs: read-only queries, and invocations that may change the host.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::Fault;

/// A read-only query. The list is closed, so an observation cannot change anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// `systemctl show` of the named units, all in one process.
    Units(BTreeSet<String>),
    /// A simulation of apt that installs packages, and removes those with a `-` behind their name:
    /// [`crate::tools::apt`].
    Install(Vec<String>),
    /// `apt-config dump`: the settings of apt and of the jobs that its timers start, from all files.
    AptConfig,
    /// `dpkg --verify` of a package: its files that were changed, see dpkg(1).
    PackageFiles(String),
    /// All images of a container engine: see [`crate::tools::images`].
    Images(Engine),
    /// Whether the registry has an image of this name. Uses the network and downloads nothing.
    Manifest(Engine, String),
    /// The architecture of one image, named by its id.
    Architecture(Engine, String),
    /// `sshd -T`: the effective configuration of sshd outside of `Match` blocks, with the options of a running one:
    /// [`crate::tools::sshd_command`].
    Sshd(Vec<String>),
    /// The sockets on which systemd listens for the SSH server (`ssh.socket`), and the main process of the server.
    SshSocket,
    /// The filter of one address family in the running kernel, `iptables -S` or `ip6tables -S`.
    Filter {
        /// IPv6 instead of IPv4.
        v6: bool,
    },
    /// The IPv4 address translation of the running kernel, `iptables -t nat -S`.
    Nat,
    /// Every table of nftables in the running kernel, without the elements of sets: [`crate::tools::nft`].
    Ruleset,
    /// The newest lines of a unit's journal: [`crate::tools::journal`].
    Journal {
        /// Name of the unit.
        unit: String,
        /// The maximum number.
        lines: u32,
    },
}

/// The queried properties of every unit, see systemctl(1) and org.freedesktop.systemd1(5).
const UNIT_PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,UnitFileState,\
NeedDaemonReload,InvocationID,StateChangeTimestampMonotonic,ExecMainStartTimestampMonotonic,NRestarts,Result,MainPID,\
ExecMainStatus,ConditionResult,ConditionTimestampMonotonic,AssertResult,AssertTimestampMonotonic";

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
            Self::Install(entries) => crate::tools::apt::install(entries, &["--simulate"]),
            Self::AptConfig => words(&["apt-config", "dump"]),
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
                // Without it, journalctl prints a message with colours as a byte count.
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

/// The conditions for an output to be an answer.
struct Terms {
    /// The exit codes of an answer.
    codes: &'static [i32],
    /// Whether exit code 0 with an empty output is an answer.
    empty: bool,
    /// Whether it consists of whole lines, so that a partial last line is detected.
    lines: bool,
    /// Its last characters, if they are known.
    ends: &'static str,
}

impl Query {
    /// Every query has an entry here. Its parser in [`crate::tools`] checks everything else.
    fn terms(&self) -> Terms {
        const ANSWER: Terms = Terms {
            codes: &[0],
            empty: false,
            lines: true,
            ends: "",
        };
        match self {
            // One block for each unit, including units that do not exist.
            Self::Units(_) | Self::SshSocket => ANSWER,
            // Every keyword has a value.
            Self::Sshd(_) => ANSWER,
            // It ends with a summary.
            Self::Install(_) | Self::AptConfig => ANSWER,
            // The policies of the chains are there without any rule.
            Self::Filter { .. } | Self::Nat => ANSWER,
            // 1 means that something differs, dpkg(1). For a package that is not installed, only standard error says
            // so.
            Self::PackageFiles(_) => Terms {
                codes: &[0, 1],
                empty: true,
                ..ANSWER
            },
            // There may be no image, and a unit may have no log lines.
            Self::Images(_) | Self::Journal { .. } => Terms {
                empty: true,
                ..ANSWER
            },
            // There may be no table; the last one is closed.
            Self::Ruleset => Terms {
                empty: true,
                ends: "\n}\n",
                ..ANSWER
            },
            // A document and a word: neither engine guarantees a newline.
            Self::Manifest(..) | Self::Architecture(..) => Terms {
                lines: false,
                ..ANSWER
            },
        }
    }

    /// The answer in an output.
    ///
    /// # Errors
    ///
    /// When the program failed, or when its output is empty or partial and therefore not an answer.
    pub fn heard(&self, said: Output) -> Result<Output, Fault> {
        let (argv, terms) = (self.argv(), self.terms());
        let none = |what: &str| {
            Fault::new(format!("`{}` {what}", argv.join(" ")))
                .fix("Run it by hand and make it answer, then run the same command again.")
        };
        let said = said.whole(&argv)?;
        let empty = said.stdout.trim().is_empty();
        if !terms.codes.contains(&said.code) || empty && said.code != 0 {
            // If an exit code is an answer only together with a text, its error message is reported like any other.
            return said.ok(&argv);
        }
        if empty && !terms.empty {
            return Err(none("exited with 0 and printed nothing"));
        }
        if terms.lines && !empty && !said.stdout.ends_with('\n') {
            return Err(none("stopped in the middle of a line"));
        }
        if !empty && !said.stdout.ends_with(terms.ends) {
            return Err(none("stopped before its end"));
        }
        Ok(said)
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// A program that changes something. It never contains a secret, because `argv` and `env` are shown and logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments; no shell is involved.
    pub argv: Vec<String>,
    /// Variables added to the small fixed environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub dir: Option<std::path::PathBuf>,
    /// The program and its process group are killed after this time.
    pub timeout: Duration,
    /// The account that it runs as, by name or number, with the group of the same name; root when there is none.
    pub account: Option<String>,
    /// Whether it may be killed with this process at any moment (a download) or must be left to finish (dpkg).
    pub dies_with_us: bool,
}

impl Invocation {
    /// An invocation with the default timeout of three minutes. A command that takes a second on an idle host took over
    /// a minute on a busy one (`ufw enable`).
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            dir: None,
            timeout: Duration::from_secs(180),
            account: None,
            dies_with_us: false,
        }
    }

    /// Runs it as an account, with only the group of that account, and without a way to become root again.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
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

    /// Sets the timeout.
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

impl Invocation {
    /// The command line that is executed. setpriv(1) of util-linux, an essential package, drops privileges, and ties
    /// the life of the program to this process.
    pub fn started(&self) -> Vec<String> {
        let mut before = Vec::new();
        if let Some(account) = &self.account {
            before.push(format!("--reuid={account}"));
            before.push(format!("--regid={account}"));
            before
                .extend(["--clear-groups", "--no-new-privs", "--inh-caps=-all"].map(String::from));
        }
        if self.dies_with_us {
            before.extend(["--pdeathsig", "KILL"].map(String::from));
        }
        if before.is_empty() {
            return self.argv.clone();
        }
        let mut argv = vec!["setpriv".to_owned()];
        argv.append(&mut before);
        argv.push("--".into());
        argv.extend(self.argv.iter().cloned());
        argv
    }
}

/// The output of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit code; 128 + signal when killed.
    pub code: i32,
    /// Standard output; U+FFFD where it was not UTF-8.
    pub stdout: String,
    /// Standard error, as `stdout`.
    pub stderr: String,
    /// The reason why this is not the whole output. It is never set for a query, which then has no answer.
    pub unfinished: Option<Unfinished>,
}

/// Why an output is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// It was longer than the limit.
    TooLong,
    /// The program ended, but a process that it started may still write.
    KeptOpen,
}

/// How much of a program's error message goes into a fault.
const COMPLAINT_BYTES: usize = 1500;

impl Output {
    /// For programs that are run for their effect. Returns the output if the program exited with 0, otherwise a fault
    /// with the end of its error message.
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

    /// For programs that are run for their output. As [`Output::ok`], and the output is complete.
    pub fn answer(self, argv: &[String]) -> Result<Self, Fault> {
        self.ok(argv)?.whole(argv)
    }

    /// Refuses an incomplete output, whatever the exit code.
    pub fn whole(self, argv: &[String]) -> Result<Self, Fault> {
        let why = match self.unfinished {
            None => return Ok(self),
            Some(Unfinished::TooLong) => "printed more than the limit",
            Some(Unfinished::KeptOpen) => {
                "ended, but a process that it started kept its output open"
            }
        };
        Err(Fault::new(format!("`{}` {why}", argv.join(" ")))
            .fix("Find out what it waits for, then run the same command again."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_order_gives_up_is_given_up_before_its_program_starts() {
        let order = Invocation::new(["node", "--version"]);
        assert_eq!(order.started(), ["node", "--version"]);
        let started = order.clone().dies_with_us().started();
        assert_eq!(
            started.join(" "),
            "setpriv --pdeathsig KILL -- node --version"
        );
        let started = order.account("aztec").dies_with_us().started();
        assert_eq!(
            started.join(" "),
            "setpriv --reuid=aztec --regid=aztec --clear-groups --no-new-privs --inh-caps=-all --pdeathsig KILL \
             -- node --version"
        );
    }
}
