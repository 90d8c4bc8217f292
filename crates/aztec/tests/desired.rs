//! The desired states of hosts, as reviewed snapshots, and the refusals of hosts.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::collections::BTreeSet;

use aztec::Severity;
use aztec::checks;
use aztec::kinds::Kind;
use aztec::settings::Settings;
use aztec::{HostFacts, KitToml, Runtime, choose, desired};
use common::hosts::{CONTAINERS_WATCH, LIVE, hosts, old};
use common::shown::{one, shown};
use common::{facts, graph};
use provision::engine::{Graph, Resource, ResourceId};
use provision::host::fake::FakeHost;
use provision::host::{Engine, FileType};
use provision::kills::State;

/// The snapshots of the two engines differ from the native ones only where the runtime decides.
#[test]
fn the_desired_state_of_each_host_is_as_reviewed() {
    for (name, graph) in hosts() {
        insta::assert_snapshot!(name, shown(&graph));
    }
}

/// Dependencies are a set in order. The journal records them as they are.
#[test]
fn no_resource_depends_twice_on_the_same_one() {
    let mut graphs = hosts();
    graphs.push(("a host that containers watch", graph(CONTAINERS_WATCH)));
    for (name, graph) in graphs {
        for node in graph.nodes() {
            let once: BTreeSet<_> = node.after.iter().collect();
            let id = node.resource.id();
            assert_eq!(once.len(), node.after.len(), "{name}: {id}");
        }
    }
}

#[test]
fn a_local_node_that_containers_watch() {
    let all = shown(&graph(CONTAINERS_WATCH));
    let (_, own) = all.split_once("unit[aztec-collector.service]").unwrap();
    insta::assert_snapshot!(own);
}

#[test]
fn no_secret_of_a_receiver_is_shown() {
    let hosts = hosts();
    let watched = hosts.iter().find(|(name, _)| name.ends_with("_watched"));
    let all = shown(&watched.unwrap().1);
    for secret in ["UUID", "TOPIC", "NTFY", "INTEGRATION", "TOKEN", "PASSWORD"] {
        assert!(!all.contains(secret), "{secret} is shown: {all}");
    }
}

/// The releases know the name of this network, and have no values for it.
#[test]
fn a_network_that_no_release_has_presets_for() {
    for release in ["4.1.2", "5.2.0", "6.0.0"] {
        let text = format!(
            "network = \"theirs\"\nruntime = \"container\"\n[l1]\nrpc_urls = [\"http://10.0.0.5:8545\"]\n\
             [networks.theirs]\nl1_chain_id = 11155111\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
             release = \"{release}\"\nknown_as = \"next-net\"\nblobs = [\"https://blobs.example\"]\n"
        );
        let all = shown(&graph(&text));
        for line in [
            "NETWORK=next-net",
            "P2P_ENABLED=true",
            "L1_CHAIN_ID=11155111",
            "REGISTRY_CONTRACT_ADDRESS=0x5FbDB2315678afecb367f032d93F642f64180aa3",
        ] {
            assert!(all.lines().any(|it| it.trim() == line), "{line}: {all}");
        }
    }
}

/// The directories of the image for proofs are on its root file system, which is read-only here.
#[test]
fn every_release_gets_the_directory_for_proofs() {
    for (release, program) in [
        ("4.1.2", "ACVM"),
        ("5.2.0", "ACVM"),
        ("6.0.0", "NOIR_EXECUTE"),
    ] {
        let text = format!(
            "release = \"{release}\"\nruntime = \"container\"\n[node]\nenabled = false\n[prover_agent]\n\
             enabled = true\nagents = 1\nbroker_url = \"http://10.0.0.5:8180\"\n"
        );
        let all = shown(&graph(&text));
        for name in ["BB", "ACVM", "NOIR_EXECUTE"] {
            let variable = format!("--env {name}_WORKING_DIRECTORY=");
            let mut lines = all
                .lines()
                .filter(|line| line.contains("/prover-agent/scratch"));
            let is_set = lines.any(|line| line.contains(&variable));
            let expected = name == "BB" || name == program;
            assert_eq!(is_set, expected, "{release} {name}: {all}");
        }
    }
}

/// The lines of an environment file.
fn env_lines(text: &str, file: &str) -> Vec<String> {
    let graph = graph(text);
    let mut nodes = graph.nodes().iter();
    let file = nodes.find_map(|node| match &node.resource {
        Kind::File(found) if node.resource.id().to_string().contains(file) => Some(found),
        _ => None,
    });
    let lines = file.unwrap().content().lines();
    lines.map(str::to_owned).collect()
}

#[test]
fn keys_and_debug_endpoints_go_only_to_processes_that_follow_the_chain() {
    let text = "network = \"testnet\"\nrelease = \"6.0.0\"\nruntime = \"container\"\n[l1]\nrpc_urls = [\"https://l1\"]\n\
        consensus_urls = [\"https://a//\", \"https://b/x/\"]\nconsensus_api_keys = [\"\", \"S3CRET\"]\n\
        consensus_api_key_headers = [\"\", \"x-api-key\"]\ndebug_urls = [\"https://d/S3CRET\", \"https://e\"]\n\
        [prover]\nenabled = true\nagents = 1\n[env]\nETHEREUM_ALLOW_NO_DEBUG_HOSTS = \"true\"\n";
    for file in ["/node.env", "/prover-node.env"] {
        let lines = env_lines(text, file);
        for line in [
            "L1_CONSENSUS_HOST_URLS=https://a/,https://b/x/",
            "L1_CONSENSUS_HOST_API_KEYS=,S3CRET",
            "L1_CONSENSUS_HOST_API_KEY_HEADERS=,x-api-key",
            "ETHEREUM_DEBUG_HOSTS=https://d/S3CRET,https://e/",
            "ETHEREUM_ALLOW_NO_DEBUG_HOSTS=true",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
        }
    }
    for file in ["/prover-broker.env", "/prover-agent.env"] {
        let lines = env_lines(text, file);
        assert!(
            !lines.iter().any(|line| line.contains("S3CRET")),
            "{lines:?}"
        );
    }
    assert!(!shown(&graph(text)).contains("S3CRET"));
}

#[test]
fn a_local_network_needs_no_traces() {
    let line = "ETHEREUM_ALLOW_NO_DEBUG_HOSTS=true".to_owned();
    for (release, has) in [("4.1.2", false), ("5.2.0", false), ("6.0.0", true)] {
        let text = format!("release = \"{release}\"\nruntime = \"container\"\n");
        assert_eq!(
            env_lines(&text, "/node.env").contains(&line),
            has,
            "{release}"
        );
    }
}

/// Checks the specification of every resource, and the shown text of every file.
#[test]
fn no_secret_of_the_configuration_is_shown_or_journaled() {
    let secrets = "MY_API_KEYS = \"S3CRET\"\nOTEL_EXPORTER_OTLP_HEADERS = \"authorization=Bearer S3CRET\"\n\
        API_KEY = \"S3CRET\"\nAWS_SECRET_ACCESS_KEY = 'S3CRET'\nBOT_L1_MNEMONIC = \"S3CRET S3CRET\"\nGITHUB_TOKEN = \"S3CRET\"\n\
        GOOGLE_APPLICATION_CREDENTIALS = \"S3CRET\"\nBOT_RECIPIENT_ENCRYPTION_SECRET = \"S3CRET\"\n";
    let text = format!("{LIVE}{secrets}").replace("API-KEY", "S3CRET");
    for text in [
        text.clone(),
        text.replace("[sequencer]", "[prover]\nenabled = true\n[sequencer]"),
    ] {
        let graph = graph(&text);
        let mut written = 0;
        for node in graph.nodes() {
            let journaled = serde_json::to_string(&node.resource).unwrap();
            assert!(!journaled.contains("S3CRET"), "{journaled}");
            if let Kind::File(file) = &node.resource {
                assert!(!file.shown().contains("S3CRET"), "{}", file.shown());
                written += file.content().matches("S3CRET").count();
            }
        }
        assert!(written > 10, "{written}");
    }
}

#[test]
fn a_keystore_is_watched_once_it_exists() {
    let rules = |text: &str| {
        let all = shown(&graph(text));
        assert!(all.contains("-w /etc/aztec/admin-api-key -p rwa -k aztec-keys"));
        all.lines()
            .filter(|line| line.contains("-w /etc/aztec/keystore"))
            .map(|line| line.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let hardening = "[hardening]\nenabled = true\n";
    assert!(rules(&format!("[node]\nenabled = false\n{hardening}")).is_empty());
    let sequencer = format!("[sequencer]\nenabled = true\n{hardening}");
    assert_eq!(
        rules(&sequencer),
        ["-w /etc/aztec/keystore -p rwa -k aztec-keys"]
    );
    // The rules are loaded once the directories in them exist.
    let graph = graph(&sequencer);
    let rules = graph.nodes().iter().find(|node| {
        node.resource
            .id()
            .to_string()
            .contains("60-aztec-kit.rules")
    });
    let after = &rules.unwrap().after;
    assert!(after.contains(&ResourceId::new("directory", "/etc/aztec/keystore")));
}

#[test]
fn a_host_with_several_routes_keeps_its_own_reverse_path_filter() {
    let text = "[hardening]\nenabled = true\n";
    let strict = |asymmetric: Option<&str>| {
        let facts = HostFacts {
            asymmetric: asymmetric.map(ToOwned::to_owned),
            ..facts()
        };
        let graph = desired(&Settings::parse(text).unwrap(), &facts, text).unwrap();
        let mut nodes = graph.nodes().iter();
        nodes.any(|node| match &node.resource {
            Kind::Sysctl(sysctl) => sysctl.values.keys().any(|name| name.ends_with("rp_filter")),
            _ => false,
        })
    };
    assert!(strict(None) && !strict(Some("it has a VPN (wg0)")));
}

#[test]
fn a_container_has_no_clock_and_no_audit_log_of_its_own() {
    let text = "[hardening]\nenabled = true\n";
    let facts = HostFacts {
        container: true,
        sshd: false,
        ..facts()
    };
    let graph = desired(&Settings::parse(text).unwrap(), &facts, text).unwrap();
    let ids: String = graph
        .nodes()
        .iter()
        .map(|node| format!("{}\n", node.resource.id()))
        .collect();
    for absent in ["service[chrony.service]", "audit", "fail2ban"] {
        assert!(!ids.contains(absent), "{absent} in {ids}");
    }
    assert!(ids.contains("packages[clock]") && ids.contains("sysctl[61-aztec-hardening.conf]"));
}

/// The hosts that may connect to a sequencer, with one more port that the operator opened.
#[test]
fn the_firewall_of_a_mainnet_sequencer() {
    let text = format!(
        "{LIVE}[firewall]\nenabled = true\n[[firewall.allow]]\nport = 9000\nproto = \"udp\"\nfrom = \"192.0.2.0/24\"\n"
    );
    let graph = graph(&text);
    let mut nodes = graph.nodes().iter();
    let ufw = nodes.find(|node| matches!(node.resource, Kind::Ufw(_)));
    insta::assert_snapshot!(one(ufw.unwrap()));
}

#[test]
fn an_api_key_is_in_no_specification() {
    let graph = graph(LIVE);
    for node in graph.nodes() {
        let spec = serde_json::to_string(&node.resource).unwrap();
        assert!(!spec.contains("API-KEY"), "{}", node.resource.id());
    }
}

#[test]
fn changing_an_api_key_is_still_a_change() {
    let other = LIVE.replace("API-KEY", "OTHER-KEY");
    let (one, two) = (graph(LIVE), graph(&other));
    let changed: Vec<_> = one
        .nodes()
        .iter()
        .zip(two.nodes())
        .filter(|(one, two)| {
            let spec = |node: &provision::engine::Node<Kind>| {
                serde_json::to_value(&node.resource).unwrap()
            };
            spec(one) != spec(two)
        })
        .map(|(one, _)| one.resource.id().to_string())
        .collect();
    assert_eq!(
        changed,
        [
            "file[/etc/aztec/kit.toml]",
            "file[/etc/aztec/node.env]",
            "service[aztec-sequencer.service]"
        ]
    );
}

#[test]
fn a_host_that_cannot_run_it_is_refused_with_the_alternative() {
    let refused = |text: &str, facts: HostFacts| {
        let settings = Settings::parse(text).unwrap();
        let fault = desired(&settings, &facts, "").unwrap_err();
        assert!(fault.remedy().is_some(), "{}", fault.chain());
        fault.chain()
    };
    let native = "runtime = \"native\"\n";
    assert_eq!(
        refused(native, old()),
        "Aztec 4.1.2 needs glibc 2.39, this host (Debian GNU/Linux 12 (bookworm)) has 2.36"
    );
    let unknown = HostFacts {
        glibc: None,
        ..facts()
    };
    assert!(refused(&format!("{native}{LIVE}"), unknown.clone()).contains("libc6"));
    assert!(refused("", unknown).contains("anvil"));
    let fedora = HostFacts {
        os: "fedora".into(),
        os_name: "Fedora 43".into(),
        ..facts()
    };
    assert!(refused("", fedora).contains("Fedora 43"));
    let arm = HostFacts {
        arch: "aarch64".into(),
        ..facts()
    };
    assert!(refused("", arm).contains("aarch64"));
}

#[test]
fn the_runtime_is_native_if_that_can_work() {
    let chosen = |text: &str, facts: &HostFacts| {
        let choice = choose(&Settings::parse(text).unwrap(), facts);
        (choice.runtime, choice.engine, choice.why)
    };
    let (runtime, _, why) = chosen("", &facts());
    assert!(
        runtime == Runtime::Native && why.contains("lock file"),
        "{why}"
    );
    let (runtime, engine, why) = chosen("", &old());
    assert!(
        runtime == Runtime::Container && engine == Engine::Podman,
        "{why}"
    );
    assert!(why.contains("glibc 2.39") && why.contains("2.36"), "{why}");
    let (runtime, _, why) = chosen(LIVE, &facts());
    assert!(
        runtime == Runtime::Container && why.contains("not carry a lock file of Aztec 5.2.0"),
        "{why}"
    );
    let agents = LIVE
        .replace("[sequencer]", "[prover]")
        .replace("5.2.0", "4.1.2");
    let (runtime, _, why) = chosen(&agents, &facts());
    assert!(
        runtime == Runtime::Container && why.contains("acvm"),
        "{why}"
    );
    let with_docker = HostFacts {
        engine: Some(Engine::Docker),
        ..facts()
    };
    let (runtime, engine, why) = chosen("runtime = \"container\"\n", &with_docker);
    assert!(
        runtime == Runtime::Container && engine == Engine::Docker,
        "{why}"
    );
    assert_eq!(why, "as configured");
}

/// A variable that the unit reads and does not pass on would never reach the process in the container.
#[test]
fn every_variable_of_a_unit_reaches_its_container() {
    let text = format!(
        "runtime = \"container\"\n{LIVE}[prover]\nenabled = true\n[bootnode]\nenabled = true\n"
    );
    let graph = graph(&text);
    let mut seen = 0;
    for node in graph.nodes() {
        let Kind::Unit(unit) = &node.resource else {
            continue;
        };
        let read: Vec<_> = unit
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("EnvironmentFile="))
            .collect();
        for other in graph.nodes() {
            let Kind::File(file) = &other.resource else {
                continue;
            };
            let path = other.resource.id().to_string();
            let path = path.trim_start_matches("file[").trim_end_matches(']');
            if !read.contains(&path) {
                continue;
            }
            for line in file.shown().lines().filter(|line| !line.starts_with('#')) {
                let name = line.split('=').next().unwrap();
                assert!(
                    unit.text.contains(&format!("--env {name} \\\n")),
                    "{}: {name}",
                    unit.name
                );
                seen += 1;
            }
        }
        assert!(
            unit.name != "aztec-sequencer.service"
                || unit.text.contains("--env AZTEC_ADMIN_API_KEY_HASH")
        );
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_examples_in_the_reference_are_valid() {
    let page = include_str!("../../../docs/reference/kit-toml.md");
    let parts = page.split("```toml\n").skip(1);
    let names: Vec<_> = parts
        .map(|part| part.split("```").next().unwrap())
        .map(|example| Settings::parse(example).unwrap().network_name)
        .collect();
    assert_eq!(names, ["mainnet", "mainnet", "mine"]);
}

#[test]
fn an_unknown_release_is_reported_as_treated_like_the_newest_before_it() {
    let found =
        |text: &str| checks::configuration::release::release(&Settings::parse(text).unwrap());
    let unknown = found("release = \"5.9.0\"\n");
    assert_eq!(unknown.severity, Severity::Warn);
    let message = unknown.text();
    assert!(
        message.contains("does not know Aztec 5.9.0 and treats it like 5.3.0"),
        "{message}"
    );
    // The advised description is enough to pass the check.
    let described = "release = \"5.9.0\"\n[releases.\"5.9.0\"]\nlike = \"5.3.0\"\n";
    assert!(
        message.contains("/etc/aztec/releases/5.9.0/release.toml: like = \"5.3.0\""),
        "{message}"
    );
    for text in ["", described] {
        assert_eq!(found(text).severity, Severity::Pass, "{text}");
    }
}

#[test]
fn node_and_sequencer_are_never_desired_together() {
    for text in ["", "[sequencer]\nenabled = true\n"] {
        let graph = graph(text);
        let units: Vec<_> = graph
            .nodes()
            .iter()
            .filter_map(|node| match &node.resource {
                Kind::Unit(unit) if unit.name != "aztec-l1.service" => Some(unit),
                _ => None,
            })
            .collect();
        assert_eq!(units.len(), 1);
        assert!(units[0].text.contains("Conflicts="), "{}", units[0].text);
        assert!(units[0].text.contains("/var/lib/aztec/node"));
    }
}

/// An apply reads `kit.toml` and never writes another text into it. A setup edits the text that it has read.
#[test]
fn a_concurrent_edit_of_kit_toml_is_not_overwritten() {
    let text = "network = \"local\"\n";
    let edited = "network = \"local\" # mine\n";
    let settings = Settings::parse(text).unwrap();
    for kit_toml in [
        KitToml::as_read(text),
        KitToml::edited(text, Some("")),
        KitToml::edited(text, None),
    ] {
        let graph = desired(&settings, &facts(), kit_toml).unwrap();
        let nodes = graph.nodes().iter();
        let node =
            nodes.filter(|node| node.resource.id().to_string() == "file[/etc/aztec/kit.toml]");
        let mut only = Graph::<Kind>::default();
        for node in node {
            only.add(node.resource.clone(), []);
        }
        let mut host = FakeHost::debian();
        host.plant("/etc/aztec", FileType::Directory, b"", 0o750);
        host.plant(
            "/etc/aztec/kit.toml",
            FileType::File,
            edited.as_bytes(),
            0o600,
        );
        let mut state = State::new(host);
        let why = state.run(&only, None).ended.unwrap_err();
        assert!(why.contains("was edited during"), "{why}");
        assert_eq!(state.host.text("/etc/aztec/kit.toml").unwrap(), edited);
    }
}
