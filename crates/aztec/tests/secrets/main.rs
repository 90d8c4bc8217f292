//! A secret is planted into every place that an operator can write to, and everything that aztec-kit leaves is searched:
//! plans, documents, progress, errors, the journal, arguments of programs, and files that others can read.
//!
//! The form of a secret and its position in a value are random. `AZTEC_KIT_SEED` repeats a run.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

#[path = "../common/mod.rs"]
mod common;
mod host;
mod planter;

use std::fmt::Write as _;

use aztec::checks::{self, Context, Verb};
use aztec::kinds::Kind;
use aztec::settings::{Asked, Settings, edited};
use common::{facts, graph};
use host::{Run, lived_in, runnable};
use planter::{MARK, Planter, kit_toml, refusal, toml_text};
use provision::engine::{Graph, Receipt, Resource};
use provision::host::FileType;

/// Searches everything about a resource that is shown or recorded.
fn of_a_resource(planter: &Planter, resource: &Kind) {
    let id = resource.id();
    planter.search("an id", &id.to_string());
    let spec = serde_json::to_value(resource).unwrap();
    planter.search(&format!("the journaled {id}"), &spec.to_string());
    planter.search(&format!("Debug of {id}"), &format!("{resource:?}"));
    match resource {
        Kind::Unit(unit) => planter.search(&format!("{id}"), &unit.text),
        Kind::File(file) => {
            planter.search(&format!("{id} as shown"), file.shown());
            let mode = spec["file"]["owner"]["mode"].as_u64().unwrap();
            if mode & 0o007 != 0 {
                planter.search(&format!("{id}, which others can read,"), file.content());
            }
        }
        _ => {}
    }
}

fn seed() -> u64 {
    let seed = std::env::var("AZTEC_KIT_SEED").map(|seed| seed.parse().unwrap());
    seed.unwrap_or(41)
}

const ROLES: &str =
    "[prover]\nenabled = true\nagents = 1\n[bootnode]\nenabled = true\n[txe]\nenabled = true\n";

/// The configurations of the test: network, release, runtime, and more.
const HOSTS: &[(&str, &str, &str, &str)] = &[
    (
        "local",
        "4.1.2",
        "native",
        "[sequencer]\nenabled = true\n[bot]\nenabled = true\n",
    ),
    ("mainnet", "4.1.2", "native", ""),
    ("mainnet", "5.2.0", "container", ROLES),
    ("mine", "6.0.0", "container", "[bootnode]\nenabled = true\n"),
    (
        "testnet",
        "5.2.0",
        "container",
        "[sequencer]\nenabled = true\n",
    ),
];

#[test]
fn no_resource_shows_a_secret_that_an_operator_wrote() {
    for (at, (network, release, runtime, more)) in HOSTS.iter().enumerate() {
        for stack in ["native", "compose"] {
            let mut planter = Planter::new(seed() + at as u64);
            let text = kit_toml(&mut planter, network, release, runtime, more);
            let text = text.replace(
                "[monitoring]\n",
                &format!("[monitoring]\nruntime = \"{stack}\"\n"),
            );
            let settings = Settings::parse(&text).unwrap();
            planter.search("Debug of the settings", &format!("{settings:?}"));
            let graph = graph(&text);
            for node in graph.nodes() {
                of_a_resource(&planter, &node.resource);
            }
            // The secrets are in their own place.
            let written: usize = graph
                .nodes()
                .iter()
                .filter_map(|node| match &node.resource {
                    Kind::File(file) => Some(file.content().matches(MARK).count()),
                    _ => None,
                })
                .sum();
            assert!(written > 800, "{network} {release}: {written}");
        }
    }
}

#[test]
fn a_run_leaves_no_secret_of_earlier_files_or_of_kit_toml() {
    for (at, (network, release, runtime, more)) in HOSTS[..2].iter().enumerate() {
        let mut planter = Planter::new(seed() + at as u64);
        let text = kit_toml(&mut planter, network, release, runtime, more);
        let other = kit_toml(&mut planter, network, release, runtime, more);
        let (first, second) = (runnable(&text), runnable(&other));
        let nothing = Graph::default();
        let host = lived_in(&mut planter, &first);
        let before = host.shape();
        let dice = &mut planter.dice.clone();
        for _ in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let mut host = host.clone();
            let mut run = Run {
                planter: &planter,
                host: &mut host,
                dir: dir.path(),
            };
            assert!(run.plan(&first).pending().count() > 20);
            // The run dies somewhere, and the next one continues.
            let at = dice.usize(0..250);
            run.host.dies_at = Some(at);
            run.apply(&first);
            run.host.dies_at = None;
            run.plan(&first);
            assert!(run.apply(&first));
            run.others();
            assert!(run.plan(&first).is_empty());
            // A key is rotated. The plan has the change, and does not show the key.
            let plan = run.plan(&second);
            assert!(
                plan.pending().count() >= 2,
                "{:#?}",
                plan.pending().collect::<Vec<_>>()
            );
            assert!(run.apply(&second));
            run.others();
            run.plan(&nothing);
            assert!(run.apply(&nothing));
            // All earlier files are restored.
            for (path, node) in &before {
                if node.0 == FileType::File && String::from_utf8_lossy(&node.1).contains(MARK) {
                    assert_eq!(host.shape().get(path), Some(node), "{}", path.display());
                }
            }
        }
    }
}

/// A `kit.toml` with this value in one of its keys.
type Shape = Box<dyn Fn(&str) -> String>;

/// Checks of endpoints that do not answer, and refusals of values.
#[test]
fn no_check_and_no_refusal_repeats_a_secret() {
    let mut planter = Planter::new(seed());
    let mut dice = planter.dice.clone();
    let (network, release, runtime, more) = HOSTS[1];
    let text = kit_toml(&mut planter, network, release, runtime, more);
    let settings = Settings::parse(&text).unwrap();
    let host = lived_in(&mut planter, &runnable(&text));
    let mut findings_text = String::new();
    let (facts, receipt) = (facts(), Receipt::default());
    for verb in [Verb::Preflight, Verb::Bootstrap, Verb::Status, Verb::Smoke] {
        let findings = checks::run(&Context::new(verb, &settings, &facts, &receipt, &host));
        let _ = writeln!(findings_text, "{findings:?}");
    }
    assert!(findings_text.contains("127.0.0.1"), "{findings_text}");
    planter.search("a check", &findings_text);

    // Every key of a receiver, an endpoint or a variable, with all its possible mistakes.
    let mut secret = || planter.secret("a bad value");
    let bad = [
        secret(),
        format!("ftp://{}", secret()),
        format!("https://{}", secret()) + ":x/",
        format!("https://u:{}@h/ https://{}", secret(), secret()),
        format!("https://h/{}<KEY>", secret()),
        format!("https://h/{},{}", secret(), secret()),
        format!("{}\nX", secret()),
        format!("{}@", secret()),
        String::new(),
    ];
    let live = "network = \"mainnet\"\nrelease = \"5.2.0\"\n";
    let l1 = "[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n";
    let mut shapes: Vec<Shape> = Vec::new();
    for key in [
        "rpc_urls",
        "consensus_urls",
        "debug_urls",
        "consensus_api_keys",
        "consensus_api_key_headers",
    ] {
        let others = l1
            .lines()
            .filter(|line| !line.starts_with(key))
            .collect::<Vec<_>>()
            .join("\n");
        shapes.push(Box::new(move |value| {
            format!("{live}{others}\n{key} = [{value}]\n")
        }));
        let others = l1
            .lines()
            .filter(|line| !line.starts_with(key))
            .collect::<Vec<_>>()
            .join("\n");
        shapes.push(Box::new(move |value| {
            format!("{live}{others}\n{key} = {value}\n")
        }));
    }
    let receivers_of_type: [(&str, &[&str]); 8] = [
        ("telegram", &["token = \"1:a\"", "chat = -1"]),
        ("discord", &["url = \"https://h\""]),
        ("slack", &["url = \"https://h\""]),
        ("pagerduty", &["key = \"a\""]),
        ("ntfy", &["url = \"https://h\""]),
        ("webhook", &["url = \"https://h\""]),
        (
            "email",
            &["to = \"a@b\"", "from = \"c@d\"", "server = \"h:25\""],
        ),
        ("", &[]),
    ];
    for (kind, fields) in receivers_of_type {
        for key in [
            "type", "url", "token", "chat", "key", "to", "from", "server", "user", "password",
        ] {
            let own = format!("type = \"{kind}\"");
            let others = std::iter::once(own.as_str()).chain(fields.iter().copied());
            let others = others.filter(|line| !line.starts_with(&format!("{key} =")));
            let others = others.collect::<Vec<_>>().join("\n");
            shapes.push(Box::new(move |value| {
                format!("[[monitoring.receivers]]\n{others}\n{key} = {value}\n")
            }));
        }
    }
    for key in ["heartbeat_url", "retention_days", "enabled"] {
        shapes.push(Box::new(move |value| {
            format!("[monitoring]\n{key} = {value}\n")
        }));
    }
    for name in [
        "LOG_LEVEL",
        "AZTEC_PORT",
        "MY_OWN",
        "VALIDATOR_PRIVATE_KEY",
        "lower",
        "ETHEREUM_HOSTS",
    ] {
        shapes.push(Box::new(move |value| format!("[env]\n{name} = {value}\n")));
        shapes.push(Box::new(move |value| {
            format!("[env]\n{name} = [{value}]\n")
        }));
    }
    for list in ["blobs", "snapshots"] {
        shapes.push(Box::new(move |value| {
            format!("[networks.mine]\nl1_chain_id = 1\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n{list} = [{value}]\n")
        }));
    }
    shapes.push(Box::new(|value| {
        format!("[node]\nenabled = false\n[prover_agent]\nenabled = true\nbroker_url = {value}\n")
    }));
    let mut refused = 0;
    for shape in &shapes {
        for value in &bad {
            let quoted = toml_text(value);
            // In the right form, and as an operator may paste it.
            for text in [
                shape(&quoted),
                shape(value),
                format!("{}{quoted}", shape(&quoted)),
            ] {
                if let Err(fault) = Settings::parse(&text) {
                    refused += 1;
                    planter.search(&text.replace(MARK, "*"), &refusal(&fault));
                }
                let mut asked = Asked::default()
                    .list("l1.rpc_urls", [value.as_str()])
                    .text("prover_agent.broker_url", value.as_str());
                if dice.bool() {
                    asked = asked.text("network", "local");
                }
                planter.search("what is asked", &format!("{asked:?}"));
                if let Err(fault) = edited(Some(&text), &asked) {
                    planter.search(&text.replace(MARK, "*"), &refusal(&fault));
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

/// The search would find a planted secret.
#[test]
fn the_search_finds_what_was_planted() {
    let mut planter = Planter::new(1);
    let secret = planter.secret("here");
    let found = std::panic::catch_unwind(|| planter.search("x", &format!("a\nb {secret} c")));
    let why = found.unwrap_err();
    let why = why.downcast_ref::<String>().unwrap();
    assert!(why.contains("\"here\"") && why.contains(": b "), "{why}");
}
