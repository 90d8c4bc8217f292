//! Invalid configurations and hosts are refused, with the place and a remedy, before anything is changed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::stubs::{json_rpc, listening, page};
use super::support::Listing;
use super::{Context, KIT};
use crate::machine::{Machine, Root};

/// The time of a refusal. A longer one waits for a prompt at a terminal that does not exist.
const LIMIT: Duration = Duration::from_secs(180);

/// An input that must be refused.
pub(super) struct Refusal<'a> {
    pub what: &'a str,
    /// The command, without the name of the binary.
    pub command: &'a str,
    /// Texts that the message must contain: the place, then the remedy. Case does not count.
    pub parts: &'a [&'a str],
}

const REFUSALS: &[Refusal<'_>] = &[
    Refusal {
        what: "an unknown flag",
        command: "setup --with-sequenser",
        parts: &["--with-sequenser", "--with-sequencer"],
    },
    Refusal {
        what: "an unknown command",
        command: "setpu",
        parts: &["setpu", "setup"],
    },
    Refusal {
        what: "an unknown network",
        command: "setup --network tesnet --yes",
        parts: &["network", "tesnet", "testnet"],
    },
    Refusal {
        what: "an unknown release",
        command: "setup --network local --release latest --yes",
        parts: &["release", "latest", "exact version"],
    },
    Refusal {
        what: "an endpoint that is no URL",
        command: "setup --network testnet --l1-rpc-urls nonsense \
                  --l1-consensus-urls https://beacon.example --yes",
        parts: &["l1.rpc_urls", "https://"],
    },
    Refusal {
        what: "an endpoint of another protocol",
        command: "setup --network testnet --l1-rpc-urls https://rpc.example \
                  --l1-consensus-urls ftp://beacon.example --yes",
        parts: &["l1.consensus_urls", "https://"],
    },
    Refusal {
        what: "an endpoint with a user and password, which Node.js does not ask",
        command: "setup --network testnet --l1-rpc-urls https://me:word@rpc.example \
                  --l1-consensus-urls https://beacon.example --yes",
        parts: &["l1.rpc_urls", "user or password", "before the @"],
    },
    Refusal {
        what: "a consensus endpoint with a query, behind which the node writes its path",
        command: "setup --network testnet --l1-rpc-urls https://rpc.example?key=1 \
                  --l1-consensus-urls https://beacon.example?key=1 --yes",
        parts: &["l1.consensus_urls", "query", "l1.consensus_api_keys"],
    },
    Refusal {
        what: "an endpoint on a port that Node.js does not ask",
        command: "setup --network testnet --l1-rpc-urls http://rpc.example:6000 \
                  --l1-consensus-urls https://beacon.example --yes",
        parts: &["l1.rpc_urls", "6000", "bad port"],
    },
    Refusal {
        what: "a broker with a path, which the agents refuse",
        command: "setup --with-prover-agent --broker-url http://broker.example/prover --yes",
        parts: &["prover_agent.broker_url", "path", "http://host:8180"],
    },
    Refusal {
        what: "a network without its endpoints",
        command: "setup --network mainnet --yes",
        parts: &["l1.rpc_urls", "--l1-rpc-urls"],
    },
    Refusal {
        what: "an address that is none",
        command: "setup --network local --p2p-ip 256.0.0.1 --yes",
        parts: &["p2p", "256.0.0.1", "address"],
    },
    Refusal {
        what: "a relative data directory",
        command: "setup --network local --data-dir here --yes",
        parts: &["data_dir", "absolute"],
    },
    Refusal {
        what: "a data directory that services do not see",
        command: "setup --network local --data-dir /root/aztec --yes",
        parts: &["data directory", "/root", "/srv/aztec"],
    },
    Refusal {
        what: "a data directory in memory, shown only",
        command: "setup --network local --data-dir /dev/shm/aztec --dry-run",
        parts: &["data directory", "which is cleared", "/srv/aztec"],
    },
    Refusal {
        what: "a data directory without a parent",
        command: "setup --network local --data-dir /data/aztec --yes",
        parts: &["there is no directory /data", "mkdir --parents /data"],
    },
    Refusal {
        what: "a data directory that is the system's own",
        command: "setup --network local --data-dir /var/lib --yes",
        parts: &["/var/lib", "the directories of others"],
    },
    Refusal {
        what: "a plan without a configuration",
        command: "plan",
        parts: &["/etc/aztec/kit.toml", "aztec-kit setup"],
    },
    Refusal {
        what: "an apply without a configuration",
        command: "apply --yes",
        parts: &["/etc/aztec/kit.toml", "aztec-kit setup"],
    },
];

/// Texts of kit.toml that no command accepts.
const FILES: &[(&str, &str, &[&str])] = &[
    (
        "an unknown key",
        "netwrok = \"local\"\n",
        &["kit.toml", "line 1", "netwrok", "network"],
    ),
    (
        "an unknown key of a table",
        "network = \"local\"\n\n[ports]\nrcp = 8081\n",
        &["kit.toml", "line 4", "rcp", "rpc"],
    ),
    (
        "a port used twice",
        "network = \"local\"\n\n[ports]\nrpc = 8880\n",
        &["kit.toml", "ports.rpc", "8880", "another port"],
    ),
    (
        "no TOML",
        "network = local\n",
        &["kit.toml", "line 1", "correct"],
    ),
    (
        "a text where a list belongs",
        "network = \"testnet\"\n\n[l1]\nrpc_urls = \"https://rpc.example/KEY\"\n",
        &["kit.toml", "line 4", "l1.rpc_urls", "a list", "brackets"],
    ),
    (
        "a quote that is not closed",
        "[monitoring]\nheartbeat_url = \"https://ping.example/KEY\n",
        &["kit.toml", "line 2", "correct"],
    ),
    (
        "a key in the environment",
        "[env]\nVALIDATOR_PRIVATE_KEYS = \"0x1\"\n",
        &["env.VALIDATOR_PRIVATE_KEYS", "keystore"],
    ),
    (
        "a lone sequencer",
        "[node]\nenabled = false\n\n[sequencer]\nenabled = true\n",
        &["sequencer.enabled", "node.enabled = true"],
    ),
    (
        "a description of a network without its registry",
        "[networks.mine]\nl1_chain_id = 17000\n",
        &["kit.toml", "networks.mine.registry", "0x"],
    ),
    (
        "a description of a release that is like an unknown one",
        "[releases.\"5.3.0\"]\nlike = \"5.2.9\"\n",
        &["kit.toml", "releases.\"5.3.0\".like", "5.2.0"],
    ),
];

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = context.boot_with_kit("bad-input")?;
    for refusal in REFUSALS {
        refused(&machine, refusal)?;
    }
    for (what, text, parts) in FILES {
        machine.write("/etc/aztec/kit.toml", text, 0o600)?;
        for command in ["plan", "apply --yes", "setup --with-sequencer --yes"] {
            let refusal = Refusal {
                what,
                command,
                parts,
            };
            refused(&machine, &refusal)?;
        }
        machine.shell("rm -r /etc/aztec")?;
    }
    unsuitable_hosts(&machine)?;
    taken_port(&machine)?;
    other_chain(&machine)?;
    other_broker(&machine)?;
    old_debian(context)
}

pub(super) fn refused(machine: &Machine, refusal: &Refusal<'_>) -> Result<()> {
    let Refusal { what, command, .. } = refusal;
    refused_as(machine, refusal, &[]).with_context(|| format!("{what}: `aztec-kit {command}`"))
}

/// Runs the command behind a prefix, and judges its message and its effect on the host.
fn refused_as(machine: &Machine, refusal: &Refusal<'_>, prefix: &[&str]) -> Result<()> {
    let untouched = Listing::of(machine)?;
    let mut argv = prefix.to_vec();
    argv.push(KIT);
    argv.extend(refusal.command.split_whitespace());
    let output = machine.command(&argv).limit(LIMIT).run()?;
    ensure!(output.status != 124, "it hangs without a terminal");
    ensure!(
        output.status == 2,
        "it ends with {} instead of 2: {}{}",
        output.status,
        output.stdout,
        output.stderr
    );
    let message = output.stderr.to_lowercase();
    for part in refusal.parts {
        ensure!(
            message.contains(&part.to_lowercase()),
            "the message lacks `{part}`: {}",
            output.stderr
        );
    }
    ensure!(
        !message.contains("panicked") && !message.contains("backtrace"),
        "the kit shows its insides: {}",
        output.stderr
    );
    untouched.still(machine, "the refusal")
}

fn unsuitable_hosts(machine: &Machine) -> Result<()> {
    machine.shell("mkdir -p /mnt/fixed /mnt/small; mount -t tmpfs -o ro none /mnt/fixed")?;
    refused(
        machine,
        &Refusal {
            what: "a data directory on a read-only file system",
            command: "setup --network local --data-dir /mnt/fixed/aztec --yes",
            parts: &["/mnt/fixed", "read-only"],
        },
    )?;
    machine.shell("mount -t tmpfs -o size=10m none /mnt/small")?;
    refused(
        machine,
        &Refusal {
            what: "a data directory without space",
            command: "setup --network local --data-dir /mnt/small/aztec --yes",
            parts: &["/mnt/small", "GiB free", "free some"],
        },
    )?;
    machine.shell("umount /mnt/fixed /mnt/small; rmdir /mnt/fixed /mnt/small")?;

    let unprivileged = Refusal {
        what: "an unprivileged user",
        command: "setup --network local --yes",
        parts: &["root", "sudo"],
    };
    refused_as(
        machine,
        &unprivileged,
        &[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ],
    )
    .context(unprivileged.what)?;

    // The file is a link, and the mount follows it.
    let release = "ID=fedora\nPRETTY_NAME=\"Fedora Linux 43\"\nVERSION_ID=43\n";
    machine.write("/run/os-release", release, 0o644)?;
    machine.shell("mount --bind /run/os-release /etc/os-release")?;
    refused(
        machine,
        &Refusal {
            what: "a distribution that is not supported",
            command: "setup --network local --yes",
            parts: &["Fedora Linux 43", "Debian 12", "Ubuntu 22.04"],
        },
    )?;
    machine.shell("umount /etc/os-release")?;
    Ok(())
}

/// Another program listens at the port of the node.
fn taken_port(machine: &Machine) -> Result<()> {
    let program = "use IO::Socket::INET; \
        $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 1, ReuseAddr => 1) or die; \
        $| = 1; print \"listening\\n\"; sleep 600";
    let _listener = listening(machine, program)?;
    refused(
        machine,
        &Refusal {
            what: "a port taken by another program",
            command: "setup --network local --yes",
            parts: &["8080", "perl listens on it", "ports.rpc"],
        },
    )
}

/// Answers every call as chain 31337 would answer `eth_chainId`.
const OTHER_CHAIN: &str = r#"'"0x7a69"'"#;

fn other_chain(machine: &Machine) -> Result<()> {
    let _chain = listening(machine, &json_rpc(18545, OTHER_CHAIN))?;
    refused(
        machine,
        &Refusal {
            what: "an L1 of another chain",
            command: "setup --network testnet --l1-rpc-urls http://127.0.0.1:18545 \
                      --l1-consensus-urls http://127.0.0.1:18545 --yes",
            parts: &["127.0.0.1", "31337", "11155111", "right chain"],
        },
    )
}

/// A broker for agents that does not run. This is not refused, because it may start later.
fn other_broker(machine: &Machine) -> Result<()> {
    let command =
        "setup --network local --with-prover-agent --broker-url http://127.0.0.1:18545 --yes";
    let chain = listening(machine, &json_rpc(18545, OTHER_CHAIN))?;
    refused(
        machine,
        &Refusal {
            what: "a broker that is an Ethereum node",
            command,
            parts: &[
                "broker 127.0.0.1",
                "another JSON-RPC server",
                "prover_agent.broker_url",
            ],
        },
    )?;
    drop(chain);
    let _page = listening(machine, &page(18545))?;
    refused(
        machine,
        &Refusal {
            what: "a broker that is a web server",
            command,
            parts: &[
                "broker 127.0.0.1",
                "HTTP 200",
                "not JSON-RPC",
                "ports.broker",
            ],
        },
    )
}

fn old_debian(context: &Context) -> Result<()> {
    let machine = context.boot(&Root::pristine("bookworm")?, "bad-input-old")?;
    context.push_kit(&machine)?;
    refused(
        &machine,
        &Refusal {
            what: "a C library that is too old for the release",
            command: "setup --network local --runtime native --yes",
            parts: &["glibc", "2.36", "2.39", "runtime"],
        },
    )
}
