//! Read-only queries of programs, and what counts as an answer to each.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Engine, Output};
use crate::Fault;
use crate::tools::{apt, images};

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
    /// `chronyc -c tracking`: how far the clock is from its source, [`crate::tools::clock`]. It uses no name service.
    Tracking,
    /// `timedatectl show`: whether anything synchronizes the clock, [`crate::tools::clock`].
    TimeDate,
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
            Self::Install(entries) => apt::install(entries, &["--simulate"]),
            Self::AptConfig => words(&["apt-config", "dump"]),
            Self::PackageFiles(package) => ["dpkg", "--verify", package].map(String::from).into(),
            Self::Images(engine) => [
                engine.program(),
                "image",
                "ls",
                "--no-trunc",
                "--digests",
                "--format",
                images::FORMAT,
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
            Self::Tracking => words(&["chronyc", "-n", "-c", "tracking"]),
            Self::TimeDate => words(&["timedatectl", "show"]),
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
            // One line, and some properties.
            Self::Tracking | Self::TimeDate => ANSWER,
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
    pub fn heard(&self, output: Output) -> Result<Output, Fault> {
        let (argv, terms) = (self.argv(), self.terms());
        let none = |what: &str| {
            Fault::new(format!("`{}` {what}", argv.join(" ")))
                .fix("Run it by hand and make it answer, then run the same command again.")
        };
        let output = output.whole(&argv)?;
        let empty = output.stdout.trim().is_empty();
        if !terms.codes.contains(&output.code) || empty && output.code != 0 {
            // If an exit code is an answer only together with a text, its error message is reported like any other.
            return output.ok(&argv);
        }
        if empty && !terms.empty {
            return Err(none("exited with 0 and printed nothing"));
        }
        if terms.lines && !empty && !output.stdout.ends_with('\n') {
            return Err(none("stopped in the middle of a line"));
        }
        if !empty && !output.stdout.ends_with(terms.ends) {
            return Err(none("stopped before its end"));
        }
        Ok(output)
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}
