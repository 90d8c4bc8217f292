//! The examples at the end of each help: a purpose and a command line.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use crate::args::Args;

/// A command, and its examples.
type Examples = (
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const EXAMPLES: &[Examples] = &[
    (
        &["setup"],
        &[
            (
                "Run a local network with a sequencer, to try things",
                "aztec-kit setup --with-sequencer",
            ),
            (
                "Run a mainnet node; the endpoints are read from files, since they carry keys",
                "aztec-kit setup --network mainnet --l1-rpc-urls @rpc.txt --l1-consensus-urls @beacon.txt --p2p-ip 203.0.113.7",
            ),
            (
                "See what would change",
                "aztec-kit setup --network testnet --l1-rpc-urls @rpc.txt --l1-consensus-urls @beacon.txt --dry-run",
            ),
        ],
    ),
    (
        &["bootstrap"],
        &[(
            "Run a hardened and monitored testnet sequencer",
            "aztec-kit bootstrap --network testnet --with-sequencer --with-hardening --with-firewall --with-monitoring --l1-rpc-urls @rpc.txt --l1-consensus-urls @beacon.txt --p2p-ip 203.0.113.7",
        )],
    ),
    (
        &["plan"],
        &[
            ("See the drift of this host", "aztec-kit plan"),
            (
                "Detect drift from a script: exit code 3",
                "aztec-kit plan --check --json",
            ),
        ],
    ),
    (
        &["doctor"],
        &[
            (
                "Find out what is wrong, and what to repair first",
                "aztec-kit doctor",
            ),
            (
                "Write a file for people who help you; read it before you send it",
                "aztec-kit doctor --bundle > bundle.json",
            ),
        ],
    ),
    (
        &["checks", "list"],
        &[(
            "See what every check looks at, and which verbs run it",
            "aztec-kit checks list --json",
        )],
    ),
    (
        &["apply"],
        &[
            (
                "Apply an edited kit.toml, after looking at the plan",
                "aztec-kit apply",
            ),
            (
                "Apply it from a script, with ten minutes to confirm a new firewall",
                "aztec-kit apply --yes --confirm-within 600",
            ),
        ],
    ),
    (
        &["preflight"],
        &[(
            "Check a host before anything is installed",
            "aztec-kit preflight --network testnet --with-sequencer --l1-rpc-urls @rpc.txt --l1-consensus-urls @beacon.txt",
        )],
    ),
    (
        &["smoke"],
        &[(
            "Give a node that is still syncing ten minutes",
            "aztec-kit smoke --patience 600",
        )],
    ),
    (
        &["status"],
        &[("Read the status from a script", "aztec-kit status --json")],
    ),
    (
        &["confirm"],
        &[(
            "Log in with a second SSH session first, then keep the new rules",
            "aztec-kit confirm",
        )],
    ),
    (
        &["logs"],
        &[("Follow the node", "aztec-kit logs --follow aztec-node")],
    ),
    (
        &["explain"],
        &[(
            "Explain the last errors of the sequencer",
            "aztec-kit explain aztec-sequencer",
        )],
    ),
    (
        &["keys", "new"],
        &[
            (
                "Create the keys of two attesters that share one publisher",
                "aztec-kit keys new --count 2 --publishers 1",
            ),
            (
                "Keep the mnemonic in a file that you take off this host",
                "aztec-kit keys new --mnemonic-file /root/mnemonic.txt",
            ),
        ],
    ),
    (
        &["keys", "import"],
        &[
            (
                "Import what `aztec validator-keys new` wrote",
                "aztec-kit keys import --from key1.json",
            ),
            (
                "Import a key from an encrypted file; the password is asked for",
                "aztec-kit keys import --attester-key attester.json --bls-key bls.json",
            ),
            (
                "Restore from the mnemonic",
                "aztec-kit keys import --mnemonic-stdin --count 2",
            ),
        ],
    ),
    (
        &["keys", "check"],
        &[(
            "Make sure that two nodes share no key",
            "aztec-kit keys check --other other-node.json",
        )],
    ),
    (
        &["keys", "staker-output"],
        &[(
            "Write the registration file for the staking dashboard",
            "aztec-kit keys staker-output --out staker-output.json",
        )],
    ),
    (
        &["keys", "export"],
        &[(
            "Write an encrypted backup",
            "aztec-kit keys export --out /root/keys-backup",
        )],
    ),
    (
        &["release", "check"],
        &[(
            "Check a release of your own before it is used",
            "aztec-kit release check /etc/aztec/releases/6.9.9",
        )],
    ),
    (
        &["forget"],
        &[(
            "Let the next run create a new admin key",
            "aztec-kit forget 'secret[/etc/aztec/admin-api-key]'",
        )],
    ),
    (
        &["completions"],
        &[(
            "Install them for all users of bash",
            "aztec-kit completions bash > /usr/share/bash-completion/completions/aztec-kit",
        )],
    ),
    (
        &["man"],
        &[
            (
                "Read the page of a command",
                "aztec-kit man keys import | man -l -",
            ),
            (
                "Install the page of the program",
                "aztec-kit man > /usr/local/share/man/man1/aztec-kit.1",
            ),
        ],
    ),
];

/// The commands of aztec-kit, with examples in their help.
pub fn command() -> Command {
    let commands = EXAMPLES.iter();
    commands.fold(Args::command(), |command, (path, examples)| {
        with(command, path, &shown(examples))
    })
}

/// Adds this text to the end of the help of a command.
fn with(command: Command, path: &[&'static str], text: &str) -> Command {
    match path.split_first() {
        None => command.after_help(text.to_owned()),
        Some((name, rest)) => command.mut_subcommand(name, |sub| with(sub, rest, text)),
    }
}

fn shown(examples: &[(&str, &str)]) -> String {
    let mut text = String::from("Examples:");
    for (what, line) in examples {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {what}:\n    {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line, as a shell splits it. The examples need only one pair of quotes.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(['|', '>']).next().unwrap();
        let words = line.split_whitespace();
        words
            .map(|word| word.trim_matches('\'').to_owned())
            .collect()
    }

    #[test]
    fn every_example_parses_as_its_command() {
        for (path, examples) in EXAMPLES {
            for (_, line) in *examples {
                let words = words(line);
                assert!(
                    words[1..]
                        .iter()
                        .zip(*path)
                        .all(|(word, name)| word == name),
                    "{line}"
                );
                let matches = command().try_get_matches_from(&words);
                matches.unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
    }

    #[test]
    fn every_command_for_operators_has_an_example() {
        let command = command();
        // These are groups of commands, or they have no flags and their help says everything.
        let plain = ["start", "stop", "keys", "release", "alert", "help"];
        let run_by_units = ["metrics", "collect", "beacon", "take-back"];
        for sub in command.get_subcommands() {
            let name = sub.get_name();
            let exempt = plain.contains(&name) || run_by_units.contains(&name);
            let has = EXAMPLES.iter().any(|(path, _)| path.first() == Some(&name));
            assert!(has || exempt, "{name}");
        }
    }
}
