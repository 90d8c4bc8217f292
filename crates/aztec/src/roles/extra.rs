//! The small roles: bootnode, archiver, TXE and bot. Each is one process that nothing else here needs.

use provision::engine::{Graph, ResourceId};

use provision::kinds::{Owner, Random, Secret};

use super::base::Base;
use super::l1_beacon;
use super::process::{EnvFile, Prepared, Process, network_env, peer_env};
use crate::kinds::Kind;
use crate::layout::env_file;
use crate::names::Role;
use crate::settings::Settings;

/// Adds what comes before the services.
pub(crate) fn prepare(graph: &mut Graph<Kind>, settings: &Settings, base: &Base) -> Vec<Prepared> {
    let mut processes = processes(settings);
    if settings.bot {
        let mut bot = bot(settings);
        let path = env_file("bot-key");
        // Less than the modulus of the field that the key is an element of.
        let key = Secret {
            path: path.clone(),
            owner: Owner::root(0o600),
            maker: Random {
                bytes: 31,
                variable: Some(BOT_KEY.into()),
            },
        };
        let id = graph.add(key, [base.etc.clone()]);
        bot.env_files.push(EnvFile::new(id, path, [BOT_KEY]));
        processes.push(bot);
    }
    processes
        .into_iter()
        .map(|process| process.prepare(graph, settings, base))
        .collect()
}

/// The variable with the key of the bot's account.
const BOT_KEY: &str = "BOT_PRIVATE_KEY";

/// The public test mnemonic that anvil gives its ETH to: everybody knows it.
const L1_MNEMONIC: &str = "test test test test test test test test test test test junk";

/// An account of its own on the chain that sends a public transfer now and then.
fn bot(settings: &Settings) -> Process {
    let mut bot = Process::new("bot", "Aztec bot", Role::Bot, settings)
        .on_chain(settings)
        .keeps_data(settings)
        .env("AZTEC_PORT", settings.ports.bot)
        .env(
            "AZTEC_NODE_URL",
            format!("http://127.0.0.1:{}", settings.ports.rpc),
        )
        // Nobody looks at its proofs on a local network.
        .env("PXE_PROVER_ENABLED", false)
        .env("BOT_FOLLOW_CHAIN", "PROPOSED")
        .env("BOT_TX_INTERVAL_SECONDS", 20)
        .env("BOT_PRIVATE_TRANSFERS_PER_TX", 0);
    if settings.is_local() {
        // With any network named, even `local`, 4.1.2 makes real proofs whatever PXE_PROVER_ENABLED says.
        bot.env.remove("NETWORK");
        // 4.1.2 has it as its default, but then in a form that its own bot cannot read.
        bot = bot.env("BOT_L1_MNEMONIC", L1_MNEMONIC);
    }
    bot
}

/// Adds the services.
pub(crate) fn run(
    graph: &mut Graph<Kind>,
    extra: Vec<Prepared>,
    contracts: Option<&ResourceId>,
    node: &[ResourceId],
) {
    for process in extra {
        process.run(graph, contracts, node.iter().cloned());
    }
}

fn processes(settings: &Settings) -> Vec<Process> {
    let mut processes = Vec::new();
    if settings.bootnode {
        // Only discovery: UDP, and no chain.
        let mut bootnode = Process::new("bootnode", "Aztec bootnode", Role::Bootnode, settings)
            .keeps_data(settings)
            .env("AZTEC_PORT", settings.ports.bootnode);
        bootnode
            .env
            .extend(peer_env(settings, settings.ports.bootnode_p2p));
        bootnode.env.extend(network_env(settings));
        processes.push(bootnode);
    }
    if settings.archiver {
        let archiver = Process::new("archiver", "Aztec archiver", Role::Archiver, settings)
            .keeps_data(settings)
            .env("AZTEC_PORT", settings.ports.archiver);
        processes.push(if settings.runs_l1_beacon() {
            l1_beacon::followed_by(archiver, settings)
        } else {
            archiver.follows_chain(settings)
        });
    }
    if settings.txe {
        let mut txe = Process::new("txe", "Aztec TXE", Role::Txe, settings)
            .env("AZTEC_PORT", settings.ports.txe);
        txe.env.extend(network_env(settings));
        processes.push(txe);
    }
    processes
}
