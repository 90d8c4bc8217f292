//! Release 5.2.0: every role as a reviewed snapshot, and compared with the official compose files.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use aztec::kinds::Kind;
use common::graph;
use provision::engine::{Graph, Resource};
use serde::Deserialize;

const OFFICIAL: &str = include_str!("data/compose/5.2.0.toml");

#[derive(Deserialize)]
struct Official {
    entrypoint: Vec<String>,
    #[serde(flatten)]
    roles: BTreeMap<String, Passed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passed {
    #[serde(rename = "page")]
    _page: String,
    flags: Vec<String>,
    env: BTreeSet<String>,
}

/// A role, its unit, and the configuration that enables it on mainnet.
const ROLES: &[(&str, &str, &str)] = &[
    ("node", "aztec-node", ""),
    (
        "sequencer",
        "aztec-sequencer",
        "[sequencer]\nenabled = true\n",
    ),
    ("prover_broker", "aztec-prover-broker", PROVER),
    ("prover_node", "aztec-prover-node", PROVER),
    ("prover_agent", "aztec-prover-agent@", AGENT),
    ("bootnode", "aztec-bootnode", "[bootnode]\nenabled = true\n"),
    ("txe", "aztec-txe", "[txe]\nenabled = true\n"),
    ("bot", "aztec-bot", "[bot]\nenabled = true\n"),
];
const PROVER: &str = "[node]\nenabled = false\n[prover]\nenabled = true\nagents = 0\n";
const AGENT: &str = "[node]\nenabled = false\n[prover_agent]\nenabled = true\nagents = 1\n\
    broker_url = \"http://10.0.0.5:8180\"\n";

fn kit_toml(runtime: &str, asked: &str) -> String {
    format!(
        "network = \"mainnet\"\nrelease = \"5.2.0\"\nruntime = \"{runtime}\"\n\
         [l1]\nrpc_urls = [\"https://l1.example\"]\nconsensus_urls = [\"https://beacon.example\"]\n\
         [p2p]\nip = \"203.0.113.7\"\n{asked}"
    )
}

/// The text of a unit, its long lines joined, and of the environment files that it reads.
struct Process {
    unit: String,
    files: BTreeMap<String, String>,
}

impl Process {
    fn of(graph: &Graph<Kind>, name: &str) -> Self {
        let unit = format!("{name}.service");
        let unit = graph.nodes().iter().find_map(|node| match &node.resource {
            Kind::Unit(found) if found.name == unit => Some(found.text.replace("\\\n    ", "")),
            _ => None,
        });
        let unit = unit.unwrap();
        let read: BTreeSet<_> = unit
            .lines()
            .filter_map(|line| line.strip_prefix("EnvironmentFile="))
            .map(|path| format!("[{}]", path.replace("%i", "1")))
            .collect();
        let mut files = BTreeMap::new();
        for node in graph.nodes() {
            let id = node.resource.id().to_string();
            let path = id.find('[').map(|at| id[at..].to_owned()).unwrap();
            if !read.contains(&path) {
                continue;
            }
            let text = match &node.resource {
                Kind::File(file) => file.shown().to_owned(),
                Kind::SecretDigest(digest) => format!("{}=digest\n", digest.variable),
                Kind::Secret(secret) => {
                    format!("{}=secret\n", secret.maker.variable.clone().unwrap())
                }
                _ => continue,
            };
            files.insert(path, text);
        }
        Self { unit, files }
    }

    fn words(&self) -> Vec<&str> {
        let mut lines = self.unit.lines();
        let command = lines.find_map(|line| line.strip_prefix("ExecStart="));
        command.unwrap().split_whitespace().collect()
    }

    /// The flags after `start`.
    fn flags(&self) -> Vec<String> {
        let words = self.words();
        let start = words.iter().position(|word| *word == "start").unwrap();
        words[start + 1..].iter().map(ToString::to_string).collect()
    }

    /// The names of the variables that the process gets.
    fn env(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<_> = self
            .files
            .values()
            .flat_map(|text| text.lines())
            .filter(|line| !line.starts_with('#'))
            .chain(
                self.unit
                    .lines()
                    .filter_map(|line| line.strip_prefix("Environment=")),
            )
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
            .collect();
        let words = self.words();
        let passed = words.windows(2).filter(|pair| pair[0] == "--env");
        let passed: BTreeSet<_> = passed
            .map(|pair| pair[1].split('=').next().unwrap().to_owned())
            .collect();
        if !passed.is_empty() {
            // A container gets only the named variables of its client's environment.
            names = passed;
        }
        names
    }
}

#[test]
fn every_role_of_5_2_0() {
    for (role, unit, asked) in ROLES {
        let process = Process::of(&graph(&kit_toml("container", asked)), unit);
        let mut text = process.unit.clone();
        for (path, content) in &process.files {
            text.push_str(&format!("\n{path}\n{content}"));
        }
        insta::assert_snapshot!(format!("5_2_0_{role}"), text);
    }
}

/// Passed by a compose file and not by aztec-kit: role, name, reason.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    (
        "*",
        "LOG_LEVEL",
        "info, which the pages set, is the default",
    ),
    (
        "*",
        "ETHEREUM_DEBUG_HOSTS",
        "not set, it is ETHEREUM_HOSTS; empty, it hides them",
    ),
    ("node", "P2P_PORT", "the default"),
    ("node", "AZTEC_PORT", "the default"),
    ("node", "AZTEC_ADMIN_PORT", "the default"),
    ("sequencer", "P2P_PORT", "the default"),
    ("sequencer", "AZTEC_PORT", "the default"),
    ("sequencer", "AZTEC_ADMIN_PORT", "the default"),
    ("prover_broker", "P2P_IP", "a broker has no peers"),
    (
        "prover_node",
        "PROVER_PUBLISHER_PRIVATE_KEY",
        "the key is in a keystore, not in the environment",
    ),
    (
        "prover_agent",
        "PROVER_AGENT_COUNT",
        "one agent, the default, in each process",
    ),
    (
        "prover_agent",
        "PROVER_AGENT_POLL_INTERVAL_MS",
        "the default holds; the page's 10 s only idle longer",
    ),
    (
        "prover_agent",
        "PROVER_ID",
        "it is of the prover node, which has it from its keystore",
    ),
    ("bootnode", "P2P_BROADCAST_PORT", "not set, it is P2P_PORT"),
    (
        "bootnode",
        "PEER_ID_PRIVATE_KEY_PATH",
        "not set, the identity is kept in DATA_DIRECTORY",
    ),
];

/// Passed by aztec-kit and by no compose file: role, name, reason.
const ADDED: &[(&str, &str, &str)] = &[
    ("*", "NETWORK", "the flag --network as a variable"),
    ("*", "HOME", "the service has no home"),
    (
        "*",
        "NODE_EXTRA_CA_CERTS",
        "the certificate authorities of the host",
    ),
    (
        "node",
        "AZTEC_ADMIN_API_KEY_HASH",
        "or the node prints a key of its own into the journal",
    ),
    (
        "sequencer",
        "AZTEC_ADMIN_API_KEY_HASH",
        "or the node prints a key of its own into the journal",
    ),
    (
        "prover_node",
        "AZTEC_ADMIN_API_KEY_HASH",
        "or the node prints a key of its own into the journal",
    ),
    (
        "prover_node",
        "KEY_STORE_DIRECTORY",
        "the key is in a keystore, not in the environment",
    ),
    (
        "prover_node",
        "PROVER_AGENT_COUNT",
        "its agents are processes of their own",
    ),
    (
        "prover_broker",
        "RPC_MAX_BODY_SIZE",
        "proofs are larger than the default of 1 MB",
    ),
    (
        "prover_broker",
        "AZTEC_PORT",
        "it shares the host with other processes",
    ),
    (
        "prover_agent",
        "AZTEC_PORT",
        "it shares the host with other processes",
    ),
    (
        "bootnode",
        "AZTEC_PORT",
        "it shares the host with other processes",
    ),
    (
        "bootnode",
        "DATA_DIRECTORY",
        "the page mounts it and leaves its name out",
    ),
    (
        "bootnode",
        "P2P_IP",
        "without an address to announce it does not start",
    ),
];

/// Set by the image itself: name, the runtime in which aztec-kit leaves it out, reason.
const OF_THE_IMAGE: &[(&str, &str, &str)] = &[
    ("UV_THREADPOOL_SIZE", "native", "its speed only"),
    (
        "ACVM_BINARY_PATH",
        "native",
        "of agents, which are no native processes here",
    ),
    (
        "ACVM_WORKING_DIRECTORY",
        "native",
        "of agents, which are no native processes here",
    ),
    ("UV_THREADPOOL_SIZE", "container", "of the image"),
    ("ACVM_BINARY_PATH", "container", "of the image"),
    ("BB_BINARY_PATH", "container", "of the image"),
];

#[test]
fn every_role_gets_the_variables_of_the_official_compose_files() {
    let official: Official = toml::from_str(OFFICIAL).unwrap();
    let mut used = BTreeSet::new();
    for (role, unit, asked) in ROLES {
        let Some(passed) = official.roles.get(*role) else {
            continue;
        };
        for runtime in ["container", "native"] {
            // Refused: the packages lack programs that a prover opens.
            if role.starts_with("prover") && runtime == "native" {
                continue;
            }
            let process = Process::of(&graph(&kit_toml(runtime, asked)), unit);
            // NETWORK has the meaning of the flag.
            let flags = passed
                .flags
                .iter()
                .filter(|flag| !flag.starts_with("--network "));
            assert_eq!(
                process.flags(),
                flags.cloned().collect::<Vec<_>>(),
                "{role}"
            );
            if runtime == "container" {
                let entrypoint = official.entrypoint.join(" ");
                assert!(process.words().join(" ").contains(&entrypoint), "{role}");
            }
            let mut env = process.env();
            // Variables that the image sets, or that aztec-kit must set instead.
            let image = &official.roles["image"].env;
            for name in image {
                let at = OF_THE_IMAGE
                    .iter()
                    .position(|(known, of, _)| known == name && *of == runtime);
                let has = env.remove(name);
                let checks_proofs = ["node", "sequencer", "prover_node"].contains(role);
                let may_lack = at.is_some() || runtime == "native" && !checks_proofs;
                assert!(
                    has || may_lack,
                    "{runtime} {role} lacks {name} of the image"
                );
                assert!(
                    !(has && at.is_some()),
                    "{runtime} {role} has {name}: not left out"
                );
            }
            env.remove("NODE_BACKEND");
            let mut listed = |list: &'static [(&str, &str, &str)], name: &str| {
                let at = list
                    .iter()
                    .position(|(of, known, _)| (*of == "*" || of == role) && *known == name);
                used.extend(at.map(|at| (list.as_ptr() as usize, at)));
                at.is_some()
            };
            for name in passed.env.difference(&env) {
                assert!(listed(LEFT_OUT, name), "{runtime} {role} lacks {name}");
            }
            for name in env.difference(&passed.env) {
                assert!(listed(ADDED, name), "{runtime} {role} has {name} as well");
            }
        }
    }
    for list in [LEFT_OUT, ADDED] {
        for (at, (role, name, _)) in list.iter().enumerate() {
            let used = used.contains(&(list.as_ptr() as usize, at));
            assert!(used, "{role} {name} is listed and does not differ");
        }
    }
}
