//! A role that a release cannot run is refused with the alternative before anything is changed.

use anyhow::Result;

use super::Context;
use super::bad_input::{Refusal, refused};

/// Release, network, flags, and the parts of the message: the key, the reason, the alternative.
///
/// The endpoints of live networks are never called: the configuration alone is enough to refuse.
const COMBINATIONS: &[(&str, &str, &str, &[&str])] = &[
    ("4.1.2", "local", "--with-pxe", PXE),
    ("4.1.2", "testnet", "--with-pxe", PXE),
    ("5.2.0", "local", "--with-pxe", PXE),
    ("5.2.0", "mainnet", "--with-pxe", PXE),
    ("5.2.0", "local", "--with-archiver", NO_ARCHIVER),
    ("5.2.0", "mainnet", "--with-archiver", NO_ARCHIVER),
    ("4.1.2", "testnet", "--runtime native --with-prover", PROVER),
    ("5.2.0", "mainnet", "--runtime native --with-prover", PROVER),
    (
        "5.2.0",
        "mainnet",
        "--runtime native --with-prover-agent --broker-url http://127.0.0.1:2",
        &["prover_agent.enabled", "acvm", "official image"],
    ),
    (
        "4.1.2",
        "local",
        "--with-prover-agent",
        &["prover_agent.broker_url", "--broker-url"],
    ),
    (
        "4.1.2",
        "local",
        "--with-prover --with-prover-agent --broker-url http://127.0.0.1:2",
        &["prover_agent.enabled", "prover.agents"],
    ),
];

const PXE: &[&str] = &["pxe.enabled", "wallet", "take the role out"];
const NO_ARCHIVER: &[&str] = &["archiver.enabled", "since 5.0", "ask the node"];
const PROVER: &[&str] = &["prover.enabled", "acvm", "official image"];

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = context.boot_with_kit("refused-roles")?;
    for (release, network, flags, parts) in COMBINATIONS {
        let endpoints = match *network {
            "local" => "",
            _ => "--l1-rpc-urls http://127.0.0.1:2 --l1-consensus-urls http://127.0.0.1:2",
        };
        let command =
            format!("setup --network {network} --release {release} {endpoints} {flags} --yes");
        let refusal = Refusal {
            what: "a role that the release cannot be",
            command: &command,
            parts,
        };
        refused(&machine, &refusal)?;
    }
    Ok(())
}
