//! The small roles. Each is one process that no other process of this host needs.

use provision::engine::ResourceId;
use provision::kinds::{Owner, Random, Secret};

use super::draft::Draft;
use super::env_file::EnvFile;
use super::l1_beacon;
use super::process::Process;
use super::variables::{network_env, peer_env};
use crate::layout::env_file;
use crate::names::{Component, Role, port};
use crate::settings::Settings;

/// Adds the processes of a role, after the services of the node.
pub(crate) fn add(draft: &mut Draft<'_>, role: Role, node: &[ResourceId]) {
    for (component, _) in role.spec().components {
        let Some(mut process) = process(*component, draft.settings) else {
            continue;
        };
        if *component == Component::Bot {
            process.env_files.push(bot_key(draft));
        }
        process.add(draft, node.iter().cloned());
    }
}

/// The process of each; `None` for a component that no release has.
fn process(component: Component, settings: &Settings) -> Option<Process> {
    let process = Process::new(component, settings);
    Some(match component {
        // Only discovery, without a chain.
        Component::Bootnode => {
            let mut bootnode = process.keeps_data(settings).listens(settings);
            bootnode.env.extend(peer_env(settings, &port::BOOTNODE_P2P));
            bootnode.env.extend(network_env(settings));
            bootnode
        }
        Component::Archiver => {
            let archiver = process.keeps_data(settings).listens(settings);
            if settings.runs_l1_beacon() {
                l1_beacon::followed_by(archiver, settings)
            } else {
                archiver.follows_chain(settings)
            }
        }
        Component::Txe => {
            let mut txe = process.listens(settings);
            txe.env.extend(network_env(settings));
            txe
        }
        Component::Bot => bot(process, settings),
        _ => return None,
    })
}

/// The variable with the key of the bot's account.
const BOT_KEY: &str = "BOT_PRIVATE_KEY";

/// Creates that key, which is less than the modulus of its field.
fn bot_key(draft: &mut Draft<'_>) -> EnvFile {
    let path = env_file("bot-key");
    let key = Secret {
        path: path.clone(),
        owner: Owner::root(0o600),
        maker: Random {
            bytes: 31,
            variable: Some(BOT_KEY.into()),
        },
    };
    let id = draft.add(key, [draft.base.etc.clone()]);
    EnvFile::new(id, path, [BOT_KEY])
}

/// The public test mnemonic whose accounts get ETH from anvil.
const L1_MNEMONIC: &str = "test test test test test test test test test test test junk";

/// An account of its own on the chain that sends a public transfer now and then.
fn bot(process: Process, settings: &Settings) -> Process {
    let mut bot = process
        .on_chain(settings)
        .keeps_data(settings)
        .listens(settings)
        .env(
            "AZTEC_NODE_URL",
            format!("http://127.0.0.1:{}", settings.port(&port::RPC)),
        )
        // Nobody verifies its proofs on a local network.
        .env("PXE_PROVER_ENABLED", false)
        .env("BOT_FOLLOW_CHAIN", "PROPOSED")
        .env("BOT_TX_INTERVAL_SECONDS", 20)
        .env("BOT_PRIVATE_TRANSFERS_PER_TX", 0);
    if settings.local().is_some() {
        // With any network name, even `local`, 4.1.2 makes real proofs regardless of PXE_PROVER_ENABLED.
        bot.env.remove("NETWORK");
        // It is the default of 4.1.2, but in a form that the bot of 4.1.2 cannot read.
        bot = bot.env("BOT_L1_MNEMONIC", L1_MNEMONIC);
    }
    bot
}
