//! The environment that aztec-kit writes, under its own lint: only values that differ from the default of the release,
//! never an empty value, and never a value that all nodes of a network must agree on.

mod common;

use aztec::Role;
use aztec::kinds::Kind;
use aztec::settings::Settings;
use common::graph;
use provision::engine::Resource;

const RELEASES: &[&str] = &["4.1.2", "5.2.0", "5.9.0", "6.0.0"];
const RUNTIMES: &[&str] = &["native", "container"];
const NETWORKS: &[&str] = &["local", "devnet", "testnet", "mainnet", "mine", "theirs"];
/// Other settings: the defaults, other ports, and every key.
const MORE: &[&str] = &[
    "",
    "[ports]\nrpc = 9080\nadmin = 9880\nbroker = 9180\nprover = 9280\nprover_admin = 9980\nprover_p2p = 40400\n\
     agents = 9300\nbootnode = 9480\nbootnode_p2p = 50402\narchiver = 9580\ntxe = 9680\nbot = 9780\n\
     [p2p]\nport = 50400\nip = \"203.0.113.7\"\n[env]\nLOG_LEVEL = \"debug\"\n",
];
const ROLES: &[&str] = &[
    "",
    "[sequencer]\nenabled = true\n",
    "[prover]\nenabled = true\n",
    "[prover]\nenabled = true\nagents = 0\n",
    "[node]\nenabled = false\n[prover]\nenabled = true\nagents = 0\n",
    "[node]\nenabled = false\n[prover_agent]\nenabled = true\nagents = 2\nbroker_url = \"http://10.0.0.5:8180\"\n",
    "[bootnode]\nenabled = true\n",
    "[archiver]\nenabled = true\n",
    "[txe]\nenabled = true\n",
    "[bot]\nenabled = true\n",
    "[sequencer]\nenabled = true\n[prover]\nenabled = true\nagents = 0\n[bootnode]\nenabled = true\n\
     [txe]\nenabled = true\n[bot]\nenabled = true\n",
];

fn kit_toml(release: &str, runtime: &str, network: &str, role: &str, more: &str) -> String {
    let l1 = match network {
        "local" => "",
        _ => {
            "[l1]\nrpc_urls = [\"https://l1.example\"]\nconsensus_urls = [\"https://beacon.example\"]\n"
        }
    };
    format!(
        "network = \"{network}\"\nrelease = \"{release}\"\nruntime = \"{runtime}\"\n{l1}{role}{more}\
         [networks.mine]\nl1_chain_id = 17000\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
         bootnodes = [\"enr:-one\"]\nsnapshots = [\"https://s.example\"]\nblobs = [\"https://b.example\"]\n\
         [networks.theirs]\nl1_chain_id = 11155111\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
         known_as = \"next-net\"\n"
    )
}

/// Every combination that is not refused.
fn combinations() -> Vec<String> {
    let mut all = Vec::new();
    for release in RELEASES {
        for runtime in RUNTIMES {
            for network in NETWORKS {
                for role in ROLES {
                    all.extend(
                        MORE.iter()
                            .map(|more| kit_toml(release, runtime, network, role, more)),
                    );
                }
            }
        }
    }
    let refused = |text: &String| match Settings::parse(text) {
        Ok(_) => false,
        Err(fault) => {
            let message = fault.chain();
            assert!(message.contains(": Aztec "), "{text}: {message}");
            true
        }
    };
    // npm does not have every release.
    let missing = |text: &String| text.contains("release = \"6.0.0\"\nruntime = \"native\"");
    all.retain(|text| !missing(text) && !refused(text));
    all
}

/// Every text that sets variables: environment files, and the variables in units.
fn texts(kit_toml: &str) -> Vec<(String, String)> {
    let graph = graph(kit_toml);
    let nodes = graph.nodes().iter();
    nodes
        .filter_map(|node| {
            let id = node.resource.id().to_string();
            match &node.resource {
                Kind::File(file) if id.ends_with(".env]") => Some((id, file.content().to_owned())),
                Kind::Unit(unit) => {
                    let lines = unit.text.lines();
                    let set = lines.filter_map(|line| line.strip_prefix("Environment="));
                    Some((id, set.map(|line| format!("{line}\n")).collect()))
                }
                _ => None,
            }
        })
        .collect()
}

#[test]
fn the_lint_finds_nothing_in_the_files_of_aztec_kit() {
    let combinations = combinations();
    assert!(combinations.len() > 600, "{}", combinations.len());
    for kit_toml in combinations {
        let settings = Settings::parse(&kit_toml).expect("it was not refused");
        let (release, local) = (&settings.release, settings.local().is_some());
        let texts = texts(&kit_toml);
        assert!(texts.len() >= 2, "{kit_toml}");
        for (id, text) in texts {
            let mut found = release.lint_env(
                !settings.has_presets(),
                settings.has(Role::Sequencer),
                &id,
                &text,
            );
            // The test mnemonic of a local network, which is public.
            found.retain(|found| !(local && found.variable == "BOT_L1_MNEMONIC"));
            assert_eq!(found, [], "{kit_toml}");
        }
    }
}
