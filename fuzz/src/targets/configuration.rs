//! Configuration that an operator writes: `kit.toml` and environment files (`crates/aztec`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aztec::fuzz;
use aztec::settings::{Asked, Settings, edited};
use aztec::{Release, Releases};

use super::target::{PLANTED, Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!(
        "settings/file",
        "crates/aztec/src/settings/file.rs",
        settings,
        KIT,
        DESCRIBED
    ),
    target!(
        "settings/edit",
        "crates/aztec/src/settings/edit.rs",
        edit,
        KIT,
        DESCRIBED
    ),
    target!(
        "settings/shown",
        "crates/aztec/src/settings/shown.rs",
        shown,
        KIT,
        DESCRIBED
    ),
    target!("settings/url", "crates/aztec/src/settings/url.rs", url),
    target!(
        "env/file",
        "crates/aztec/src/env/file.rs",
        env_file,
        include_bytes!("../../../crates/aztec/tests/data/env/good.env")
    ),
    target!("env/render", "crates/aztec/src/env/render.rs", env_rendered),
    target!(
        "env/lint",
        "crates/aztec/src/env/lint.rs",
        env_lint,
        include_bytes!("../../../crates/aztec/tests/data/env/good.env")
    ),
];

const KIT: &[u8] = br#"# hunter2hunter2
network = "mainnet"
data_dir = "/var/lib/aztec"
[l1]
rpc_urls = ["https://a.example/hunter2hunter2", 'https://b.example?key=hunter2hunter2'] # hunter2hunter2
consensus_urls = ["https://c.example"]
consensus_api_keys = ["hunter2hunter2"]
consensus_api_key_headers = ["X-Key"]
[p2p]
ip = "203.0.113.7"
[sequencer]
enabled = true
[prover_agent]
broker_url = "http://10.0.0.9:8180"
[hardening]
enabled = true
never_ban = ["203.0.113.0/24"]
[firewall]
enabled = true
allow = [{ port = 9100, from = "10.0.0.0/8" }]
[monitoring]
enabled = true
heartbeat_url = "https://hc.example/hunter2hunter2"
[[monitoring.receivers]]
type = "telegram"
token = "12:hunter2hunter2"
chat = -100
[env]
LOG_LEVEL = "debug"
"SOME_KEY" = """hunter2hunter2"""
"#;

const DESCRIBED: &[u8] = br#"network = "mine"
release = "5.9.0"
[networks.mine]
l1_chain_id = 5
registry = "0x7b6723312baebd6a463302713c6cca6546560b1e"
bootnodes = ["enr:-a"]
snapshots = ["https://s.example/hunter2hunter2"]
[releases."5.9.0"]
like = "5.2.0"
rpc = "aztec"
roles.txe = { flags = ["--txe"] }
[l1]
rpc_urls = ["http://10.0.0.1:8545"]
consensus_urls = ["http://10.0.0.1:5052"]
"#;

/// Reading its tables takes a thousand times as long as one input.
static RELEASE: LazyLock<Release> =
    LazyLock::new(|| Releases::carried().release("5.2.0", None).unwrap());

/// Whether the host of a URL, or the path of a local file, contains the planted secret: messages show both.
fn in_shown(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    if scheme == "file" {
        return rest.contains("hunter2");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.contains("hunter2")
}

/// Whether the planted secret occurs only where secrets do: in values of these keys, and in comments.
fn planted_in_secrets(text: &str) -> bool {
    fn holds(path: &[&str], value: &toml::Value) -> bool {
        let secret = matches!(
            path,
            [
                "l1",
                "rpc_urls" | "consensus_urls" | "debug_urls" | "consensus_api_keys",
                ..
            ] | ["env", _]
                | ["monitoring", "heartbeat_url"]
                | [
                    "monitoring",
                    "receivers",
                    "url" | "token" | "key" | "to" | "from" | "server" | "user" | "password"
                ]
                | ["prover_agent", "broker_url"]
                | ["networks", _, "snapshots" | "blobs"]
        );
        match value {
            toml::Value::String(text) => {
                let named = text.split(',').any(in_shown);
                !text.contains("hunter2") || secret && !named
            }
            toml::Value::Array(values) => values.iter().all(|value| holds(path, value)),
            toml::Value::Table(table) => table.iter().all(|(key, value)| {
                !key.contains("hunter2") && holds(&[path, &[key.as_str()]].concat(), value)
            }),
            _ => true,
        }
    }
    text.parse::<toml::Table>()
        .is_ok_and(|table| holds(&[], &toml::Value::Table(table)))
}

/// A refusal names a line or a key, and no secret. The same text is always read the same way.
fn settings(bytes: &[u8]) {
    let file = text(bytes);
    let (one, two) = (Settings::parse(&file), Settings::parse(&file));
    match (one, two) {
        (Err(one), Err(two)) => {
            assert_eq!(one.chain(), two.chain());
            assert!(one.chain().contains("kit.toml: "), "{}", one.chain());
            if planted_in_secrets(&file) {
                assert!(!one.chain().contains("hunter2"), "{}", one.chain());
                assert!(!one.remedy().unwrap_or_default().contains("hunter2"));
            }
        }
        (Ok(one), Ok(_)) => {
            let shown = format!(
                "{:?}",
                (&one.chain, &one.env, &one.monitoring, &one.network)
            );
            assert!(
                !planted_in_secrets(&file) || !shown.contains("hunter2"),
                "{shown}"
            );
        }
        _ => panic!("the same text is accepted and refused"),
    }
}

/// An empty edit changes nothing. After an edit the text contains it, and after the same edit again it contains it once.
fn edit(bytes: &[u8]) {
    let (file, value) = halves(bytes);
    let Ok(same) = edited(Some(&file), &Asked::default()) else {
        return;
    };
    assert_eq!(same, *file);
    let word = |default: &str| {
        if value.is_empty() {
            default.to_owned()
        } else {
            value.to_string()
        }
    };
    let (network, data_dir) = (word("local"), word("/var/lib/aztec"));
    let all = Asked::default()
        .text("network", network.as_str())
        .text("data_dir", data_dir.as_str())
        .number("rollup", value.len() as u64)
        .on("standby")
        .list("l1.rpc_urls", [word("http://h"), "http://i".into()])
        .on("prover.enabled")
        .on("sequencer.enabled")
        .on("hardening.enabled")
        .by("203.0.113.9".parse().ok());
    let Ok(new) = edited(Some(&file), &all) else {
        return;
    };
    // An edit may set a value that the file must not have. The file is not written then.
    if let Ok(again) = edited(Some(&new), &all) {
        assert_eq!(again, new);
    }
    let table: toml::Table = new.parse().unwrap();
    assert_eq!(table["network"].as_str(), Some(network.as_str()));
    assert_eq!(table["data_dir"].as_str(), Some(data_dir.as_str()));
    assert_eq!(table["prover"]["enabled"].as_bool(), Some(true));
    // Everything else that the operator wrote is still there.
    let old: toml::Table = file.parse().unwrap();
    for (key, value) in &old {
        assert!(table.contains_key(key));
        if [
            "env",
            "monitoring",
            "networks",
            "releases",
            "ports",
            "caddy",
            "firewall",
        ]
        .contains(&key.as_str())
        {
            assert_eq!(table[key], *value);
        }
    }
}

/// The shown text has no secret, and the written text is the text itself.
fn shown(bytes: &[u8]) {
    let file = text(bytes);
    let shown = fuzz::shown(&file, &RELEASE);
    assert_eq!(shown.content(), &*file);
    if planted_in_secrets(&file) {
        assert!(!shown.shown().contains("hunter2"), "{}", shown.shown());
    }
}

/// The URL of an endpoint is accepted or refused, and never repeated.
fn url(bytes: &[u8]) {
    let url = text(bytes).replace('2', "3");
    let quoted = toml::Value::String(format!("https://h.example/{PLANTED}{url}")).to_string();
    for (table, key) in [
        ("l1", "rpc_urls"),
        ("l1", "consensus_urls"),
        ("prover_agent", "broker_url"),
        ("monitoring", "heartbeat_url"),
    ] {
        let value = if table == "l1" {
            format!("[{quoted}]")
        } else {
            quoted.clone()
        };
        let file = format!("network = \"testnet\"\n[{table}]\n{key} = {value}\n");
        match Settings::parse(&file) {
            Err(fault) => assert!(!fault.chain().contains("hunter2"), "{}", fault.chain()),
            Ok(settings) => assert!(!format!("{:?}", settings.chain).contains("hunter2")),
        }
    }
}

/// A name has no `=` and no line break, and a file that systemd refuses is not read.
fn env_file(bytes: &[u8]) {
    let Some(file) = fuzz::whole(bytes) else {
        return;
    };
    let entries = fuzz::entries(&file);
    assert!(!file.contains('\0'));
    for (name, value, valid) in &entries {
        // Only the first character of a name may be a `=`, as for systemd.
        assert!(!name.contains(['\n', '\r']) && value.len() <= file.len());
        assert!(!name.trim_start_matches('=').contains('='));
        assert!(
            !valid
                || name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        );
    }
    // The variables are the same after they are written and read again.
    let read: BTreeMap<String, String> = entries
        .into_iter()
        .filter(|(_, value, valid)| *valid && !value.is_empty())
        .map(|(name, value, _)| (name, value))
        .collect();
    let again = fuzz::entries(fuzz::rendered(&read).content());
    assert!(
        again
            .into_iter()
            .map(|(name, value, _)| (name, value))
            .eq(read)
    );
}

/// A written value is read back, and shown nowhere.
fn env_rendered(bytes: &[u8]) {
    let values = text(bytes);
    let values = values
        .split('\0')
        .filter(|value| !value.is_empty() && !value.contains('\n'));
    let variables: BTreeMap<_, _> = values
        .enumerate()
        .map(|(at, value)| (format!("V{at}"), value.to_owned()))
        .collect();
    let rendered = fuzz::rendered(&variables);
    let read = fuzz::entries(rendered.content()).into_iter();
    let read: BTreeMap<_, _> = read.map(|(name, value, _)| (name, value)).collect();
    assert_eq!(read, variables);
    let shown = rendered.shown();
    let planted = variables.values().filter(|value| value.contains("hunter2"));
    planted.for_each(|_| assert!(!shown.contains("hunter2"), "{shown}"));
}

/// A finding names a line of the file, and repeats no value.
fn env_lint(bytes: &[u8]) {
    let file = text(bytes);
    let names = fuzz::entries(&file);
    let named = names.iter().any(|(name, ..)| name.contains("hunter2"));
    for (local, keystore) in [(true, false), (false, true)] {
        for finding in RELEASE.lint_env(local, keystore, "node.env", &file) {
            assert!(finding.line >= 1 && finding.line <= file.split(['\n', '\r']).count());
            let message = format!("{} {} {}", finding.variable, finding.message, finding.fix);
            assert!(named || !message.contains("hunter2"), "{message}");
        }
    }
}
