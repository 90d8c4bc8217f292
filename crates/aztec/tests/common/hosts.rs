//! The hosts whose desired states are reviewed as snapshots.

use aztec::kinds::Kind;
use aztec::settings::Settings;
use aztec::{HostFacts, desired};
use provision::engine::Graph;
use provision::host::Engine;

use super::{facts, graph};

/// A sequencer on mainnet.
pub const LIVE: &str = "network = \"mainnet\"\nrelease = \"5.2.0\"\n\
    [l1]\nrpc_urls = [\"https://l1.example/v2/API-KEY\"]\nconsensus_urls = [\"https://beacon.example\"]\n\
    [p2p]\nip = \"203.0.113.7\"\n[sequencer]\nenabled = true\n[env]\nLOG_LEVEL = \"info; debug:p2p\"\n";

/// A chain that aztec-kit does not know. The node gets all values that a known live network would have.
const DESCRIBED: &str = "network = \"mine\"\nruntime = \"native\"\n[l1]\nrpc_urls = [\"http://10.0.0.5:8545\"]\n[p2p]\nip = \"10.0.0.7\"\n\
    [bootnode]\nenabled = true\n\
    [networks.mine]\nl1_chain_id = 17000\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
    release = \"5.3.0\"\nbootnodes = [\"enr:-one\", \"enr:-two\"]\nblobs = [\"https://blobs.example\"]\n\
    [releases.\"5.3.0\"]\nlike = \"5.2.0\"\nstopped = [0, 143]\nstop_seconds = 240\n\
    roles.node.flags = [\"--node\", \"--new-flag\"]\n";

const LENDS_CORES: &str = "[node]\nenabled = false\n[prover_agent]\nenabled = true\nagents = 2\nbroker_url = \"http://10.0.0.5:8180\"\n";

const HARDENED: &str =
    "[node]\nenabled = false\n[hardening]\nenabled = true\nnever_ban = [\"192.0.2.7\"]\n";

/// Every receiver has a secret in it: `UUID`, `TOPIC`, `NTFY`, `INTEGRATION`, `TOKEN`, `PASSWORD`.
const WATCHED: &str = "[sequencer]\nenabled = true\n[monitoring]\nenabled = true\nheartbeat_url = \"https://hc.example/UUID\"\n\
    receivers = [ { type = \"ntfy\", url = \"https://ntfy.example/TOPIC\", token = \"NTFY\" }, { type = \"pagerduty\", key = \"INTEGRATION\" }, { type = \"telegram\", token = \"1:TOKEN\", chat = -100 }, { type = \"email\", to = \"a@b\", from = \"c@d\", server = \"smtp.example:587\", user = \"u\", password = \"PASSWORD\" } ]\n";

/// A host that containers monitor. Its snapshot has only the resources of monitoring.
pub const CONTAINERS_WATCH: &str = "[monitoring]\nenabled = true\nruntime = \"compose\"\n";

/// This text with these roles enabled.
fn with_roles(text: &str, roles: &[&str]) -> String {
    let tables = roles
        .iter()
        .map(|role| format!("[{role}]\nenabled = true\n"));
    text.to_owned() + &tables.collect::<String>()
}

/// A host with this engine, whose glibc is too old for anything else.
fn in_containers(engine: Engine) -> Graph<Kind> {
    let roles = ["sequencer", "prover", "bootnode", "txe", "bot"];
    let text = with_roles("runtime = \"container\"\n", &roles);
    let facts = HostFacts {
        engine: Some(engine),
        ..old()
    };
    let settings = Settings::parse(&text).expect("a valid kit.toml");
    desired(&settings, &facts, text.as_str()).expect("a fit host")
}

/// Debian 12.
pub fn old() -> HostFacts {
    HostFacts {
        glibc: Some((2, 36)),
        os_name: "Debian GNU/Linux 12 (bookworm)".into(),
        ..facts()
    }
}

/// The desired state of each host, by the name of its snapshot.
pub fn hosts() -> Vec<(&'static str, Graph<Kind>)> {
    let roles = ["sequencer", "prover", "bootnode", "archiver", "txe", "bot"];
    let prover = LIVE.replace(
        "[sequencer]",
        "[node]\nenabled = false\n[prover]\nagents = 0",
    );
    let texts = [
        (
            "a_local_sequencer",
            "network = \"local\"\n[sequencer]\nenabled = true\n",
        ),
        ("a_local_node", ""),
        ("every_role_on_a_local_network", &with_roles("", &roles)),
        ("a_described_network", DESCRIBED),
        ("a_mainnet_prover_without_agents", &prover),
        ("a_machine_that_only_lends_its_cores", LENDS_CORES),
        ("a_hardened_host_without_a_role", HARDENED),
        ("a_local_sequencer_that_is_watched", WATCHED),
        ("a_mainnet_sequencer", LIVE),
    ];
    let mut hosts = texts.map(|(name, text)| (name, graph(text))).to_vec();
    hosts.push(("every_role_in_podman", in_containers(Engine::Podman)));
    hosts.push(("every_role_in_docker", in_containers(Engine::Docker)));
    hosts
}
