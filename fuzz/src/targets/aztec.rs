//! What an operator writes, and what nodes and Alertmanager say: `crates/aztec`.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aztec::fuzz;
use aztec::settings::{Asked, Settings, edited};
use aztec::{Release, Releases};
use provision::host::FileType;
use provision::host::fake::FakeHost;

use super::{PLANTED, Target, halves, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("settings/file", "crates/aztec/src/settings/file.rs", settings, KIT, DESCRIBED),
    target!("settings/edit", "crates/aztec/src/settings/edit.rs", edit, KIT, DESCRIBED),
    target!("settings/shown", "crates/aztec/src/settings/shown.rs", shown, KIT, DESCRIBED),
    target!("settings/url", "crates/aztec/src/settings/url.rs", url),
    target!("env/file", "crates/aztec/src/env/file.rs", env_file,
        include_bytes!("../../../crates/aztec/tests/data/env/good.env")),
    target!("env/render", "crates/aztec/src/env/render.rs", env_rendered),
    target!("env/lint", "crates/aztec/src/env/lint.rs", env_lint,
        include_bytes!("../../../crates/aztec/tests/data/env/good.env")),
    target!("data/release", "crates/aztec/src/data/releases.rs", release,
        include_bytes!("../../../crates/aztec/data/releases/4.1.2/release.toml"), b"like = \"4.1.2\"\n[roles.txe]\nflags = [\"--txe\"]\n"),
    target!("data/variables", "crates/aztec/src/data/variables.rs", variables,
        b"empty = \"unset\"\n[variables.A]\ntype = \"integer\"\ndefault = \"1\"\n[variables.B]\nalias_of = \"A\"\n[removed.C]\nwhen = \"in 2\"\nuse = \"A\"\n"),
    target!("data/omit", "crates/aztec/src/data/omit.rs", omit,
        include_bytes!("../../../crates/aztec/data/releases/common-omit.toml")),
    target!("data/folder", "crates/aztec/src/data/folder.rs", folder, LIKE, WHOLE),
    target!("signer/evidence", "crates/aztec/src/signer/evidence.rs", evidence),
    target!("signer/claim", "crates/aztec/src/signer/claim.rs", claim,
        b"{\"attester\":\"0x7b6723312baebd6a463302713c6cca6546560b1e\",\"host\":\"h\",\"machine\":\"m\",\"network\":\"local\",\"dir\":\"/etc/aztec/keystore\",\"since\":1,\"because\":\"x\"}"),
    target!("alert", "crates/aztec/src/alert.rs", alert),
    target!("facts", "crates/aztec/src/facts.rs", facts),
    target!("kinds/contracts", "crates/aztec/src/kinds/contracts.rs", contracts,
        b"# Contracts on the local L1, deployed by aztec-kit.\nREGISTRY_CONTRACT_ADDRESS=0x7b6723312baebd6a463302713c6cca6546560b1e\nA=hunter2hunter2\n"),
    target!("checks/databases", "crates/aztec/src/databases.rs", databases),
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

/// A folder of `/etc/aztec/releases`: which of two, then its four files, one behind the other.
const LIKE: &[u8] = b"\x00like = \"5.2.0\"\nroles.txe = { flags = [\"--txe\"] }\n\x00[variables.A]\ntype = \"integer\"\ndefault = \"1\"\n\x00\x00";
const WHOLE: &[u8] = b"\x01like = \"4.1.2\"\nimage = \"a/b\"\n\x00\x00[[omit]]\npaths = [\"node_modules/a\"]\nwhy = \"b\"\n\x00{\"packages\":{\"\":{},\"node_modules/@aztec/aztec\":{\"version\":\"4.1.2\",\"integrity\":\"sha512-a\"}}}";

/// To read its tables takes a thousand times as long as what is tried with them.
static RELEASE: LazyLock<Release> =
    LazyLock::new(|| Releases::carried().release("5.2.0", None).unwrap());

/// Whether it is the host of a URL, which is shown.
fn in_host(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.contains("hunter2")
}

/// Whether all that was planted stands where secrets do: in values of these keys, and in comments.
fn planted_in_secrets(text: &str) -> bool {
    fn looks(path: &[&str], value: &toml::Value) -> bool {
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
                let named = text.split(',').any(in_host);
                !text.contains("hunter2") || secret && !named
            }
            toml::Value::Array(values) => values.iter().all(|value| looks(path, value)),
            toml::Value::Table(table) => table.iter().all(|(key, value)| {
                !key.contains("hunter2") && looks(&[path, &[key.as_str()]].concat(), value)
            }),
            _ => true,
        }
    }
    text.parse::<toml::Table>()
        .is_ok_and(|table| looks(&[], &toml::Value::Table(table)))
}

/// A refusal names a line or a key, and no secret; the same text is always read the same.
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
        _ => panic!("the same text is right and wrong"),
    }
}

/// Nothing that is asked changes nothing, what was asked is in the text, and asked twice it is there once.
fn edit(bytes: &[u8]) {
    let (file, asked) = halves(bytes);
    let Ok(same) = edited(Some(&file), &Asked::default()) else {
        return;
    };
    assert_eq!(same, *file);
    let word = |default: &str| {
        if asked.is_empty() {
            default.to_owned()
        } else {
            asked.to_string()
        }
    };
    let (network, data_dir) = (word("local"), word("/var/lib/aztec"));
    let all = Asked::default()
        .text("network", network.as_str())
        .text("data_dir", data_dir.as_str())
        .number("rollup", asked.len() as u64)
        .on("standby")
        .list("l1.rpc_urls", [word("http://h"), "http://i".into()])
        .on("prover.enabled")
        .on("sequencer.enabled")
        .on("hardening.enabled")
        .by("203.0.113.9".parse().ok());
    let Ok(new) = edited(Some(&file), &all) else {
        return;
    };
    // What was asked may be what no file may have; then the file is not written.
    if let Ok(again) = edited(Some(&new), &all) {
        assert_eq!(again, new);
    }
    let table: toml::Table = new.parse().unwrap();
    assert_eq!(table["network"].as_str(), Some(network.as_str()));
    assert_eq!(table["data_dir"].as_str(), Some(data_dir.as_str()));
    assert_eq!(table["prover"]["enabled"].as_bool(), Some(true));
    // What the operator wrote besides is still there.
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

/// What is shown has no secret, and what is written is the text itself.
fn shown(bytes: &[u8]) {
    let file = text(bytes);
    let shown = fuzz::shown(&file, &RELEASE);
    assert_eq!(shown.content(), &*file);
    if planted_in_secrets(&file) {
        assert!(!shown.shown().contains("hunter2"), "{}", shown.shown());
    }
}

/// The URL of an endpoint is taken or refused without being repeated.
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

/// A name has no `=` and no end of a line, and nothing of a file is read that systemd refuses.
fn env_file(bytes: &[u8]) {
    let Some(file) = fuzz::whole(bytes) else {
        return;
    };
    let entries = fuzz::entries(&file);
    assert!(!file.contains('\0'));
    for (name, value, valid) in &entries {
        // Only the first sign of a name may be a `=`, as for systemd.
        assert!(!name.contains(['\n', '\r']) && value.len() <= file.len());
        assert!(!name.trim_start_matches('=').contains('='));
        assert!(
            !valid
                || name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        );
    }
    // What was read is written, and read the same.
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

/// A value that is written is read back, and shown nowhere.
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
    let telling = variables.values().filter(|value| value.contains("hunter2"));
    telling.for_each(|_| assert!(!shown.contains("hunter2"), "{shown}"));
}

/// A finding is of a line that the file has, and repeats no value.
fn env_lint(bytes: &[u8]) {
    let file = text(bytes);
    let names = fuzz::entries(&file);
    let named = names.iter().any(|(name, ..)| name.contains("hunter2"));
    for (local, keystore) in [(true, false), (false, true)] {
        for finding in RELEASE.lint_env(local, keystore, "node.env", &file) {
            assert!(finding.line >= 1 && finding.line <= file.split(['\n', '\r']).count());
            let said = format!("{} {} {}", finding.variable, finding.message, finding.fix);
            assert!(named || !said.contains("hunter2"), "{said}");
        }
    }
}

/// A refusal names the file and a line that it has, and no value.
fn described(name: &str, file: &str) {
    let Err(fault) = fuzz::release_file(name, file) else {
        return;
    };
    let said = fault.chain();
    let line = said
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(':'));
    let line = line.and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
    assert!(
        line.is_some_and(|line| line >= 1 && line <= file.split('\n').count()),
        "{said}"
    );
    let keys = file
        .parse::<toml::Table>()
        .is_ok_and(|table| keys_without(&table));
    // A word in the place of one of a few is told, so that it can be mended, and so is the name of a variable.
    let word = ["unknown variant", "nothing reads"]
        .iter()
        .any(|it| said.contains(it));
    assert!(!keys || word || !said.contains("hunter2"), "{said}");
}

fn keys_without(table: &toml::Table) -> bool {
    fn one(value: &toml::Value) -> bool {
        match value {
            toml::Value::Table(table) => keys_without(table),
            toml::Value::Array(values) => values.iter().all(one),
            _ => true,
        }
    }
    table
        .iter()
        .all(|(key, value)| !key.contains("hunter2") && one(value))
}

/// A refusal names the file and a line that it has, and no value; a version is a plain word.
fn release(bytes: &[u8]) {
    let file = text(bytes);
    described("release.toml", &file);
    if let Some(version) = fuzz::version(&file) {
        assert_eq!(version, *file);
        assert!(!version.contains(['/', '+', ' ', '\n']) && version != "..");
    }
}

/// What was read of folders so far, bytes: it stays in memory until the program ends.
static KEPT: AtomicUsize = AtomicUsize::new(0);
/// Enough for a search; what comes after it is not tried.
const MOST_KEPT: usize = 1 << 30;

/// A release that is taken can be used as a whole, and a refusal names a file of the folder, and no value.
fn folder(bytes: &[u8]) {
    if KEPT.fetch_add(bytes.len(), Ordering::Relaxed) > MOST_KEPT {
        return;
    }
    let (which, files) = bytes.split_first().unwrap_or((&0, &[]));
    // One that nobody knows, and one that this program carries too.
    let version = ["9.9.9", "4.1.2"][usize::from(which % 2)];
    let place = format!("/etc/aztec/releases/{version}");
    let mut host = FakeHost::debian();
    for dir in ["/etc/aztec", "/etc/aztec/releases", &place] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    let names = ["release.toml", "env.toml", "omit.toml", "package-lock.json"];
    let files: Vec<_> = files.split(|byte| *byte == 0).collect();
    for (name, file) in names.iter().zip(&files) {
        if !file.is_empty() {
            host.plant(&format!("{place}/{name}"), FileType::File, file, 0o644);
        }
    }
    let known = match Releases::of_host(&host) {
        Ok(known) => known,
        // As with any file that is read as text.
        Err(fault) => return assert!(fault.chain().contains(&place), "{}", fault.chain()),
    };
    match known.release(version, None) {
        Ok(release) => {
            assert_eq!(release.version, version);
            let _ = (release.variables(), fuzz::omitted(&release));
            let roles = release.facts.roles.values();
            let mut flags = roles.flat_map(|role| &role.flags);
            assert!(
                flags.all(|flag| flag.starts_with("--") && !flag.contains(char::is_whitespace))
            );
            assert!(!release.facts.image.starts_with('-') && !release.facts.image.contains(' '));
        }
        Err(fault) => {
            let said = fault.chain();
            let named = names
                .iter()
                .any(|name| said.contains(&format!("{place}/{name}")));
            assert!(named, "{said}");
            let texts = files.iter().map(|file| text(file));
            let mut tables = texts.take(3).map(|text| text.parse::<toml::Table>());
            let keys = tables.all(|table| table.is_ok_and(|table| keys_without(&table)));
            let lock = files
                .get(3)
                .is_some_and(|lock| text(lock).contains("hunter2"));
            // A word in the place of one of a few is told, and so is the release that this one is to be like.
            let word = [
                "unknown variant",
                "nothing reads",
                "is not known",
                "is not among",
            ];
            let word = word.iter().any(|it| said.contains(it));
            assert!(!keys || lock || word || !said.contains("hunter2"), "{said}");
        }
    }
}

/// A refusal names the file and a line that it has, and no value.
fn variables(bytes: &[u8]) {
    described("env.toml", &text(bytes));
}

/// A refusal names the file and a line that it has, and no value.
fn omit(bytes: &[u8]) {
    described("omit.toml", &text(bytes));
}

/// Each duty that is told of is one that was signed unless its word is known to mean silence.
fn evidence(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let Ok((duties, missed, _)) = fuzz::duties(&answer) else {
        return;
    };
    let stats = answer["stats"].as_object().unwrap().values();
    let told: Vec<_> = stats
        .filter_map(|stats| stats["history"].as_array())
        .flatten()
        .collect();
    let silent = |duty: &&&serde_json::Value| {
        ["blocks-missed", "attestation-missed"].contains(&duty["status"].as_str().unwrap())
    };
    // Two spellings of one address are one attester, of whom the last counts.
    assert!(duties <= told.len() && missed <= told.iter().filter(silent).count());
}

/// A claim that is kept is read the same.
fn claim(bytes: &[u8]) {
    if let Some(written) = fuzz::claim(bytes) {
        assert_eq!(fuzz::claim(&written), Some(written));
    }
}

/// There is a word on each receiver, in their order, and nothing has arrived where no number changed.
fn alert(bytes: &[u8]) {
    let (before, after) = halves(bytes);
    let names = ["telegram-1", "webhook-2", "webhook-3"].map(String::from);
    let delivered = fuzz::deliveries(&before, &after, &names);
    assert!(delivered.iter().map(|one| &one.receiver).eq(&names));
    let silent = fuzz::deliveries(&after, &after, &names);
    assert!(
        silent
            .iter()
            .all(|one| one.result != aztec::alert::Arrival::Taken)
    );
}

/// A flag is a word.
fn facts(bytes: &[u8]) {
    let (_, flags, _) = fuzz::facts(&text(bytes));
    assert!(flags.iter().all(|flag| !flag.contains(char::is_whitespace)));
}

/// Of a record only lines of ours are journaled, and the registry in them is the one that is read.
fn contracts(bytes: &[u8]) {
    let record = text(bytes);
    let (registry, ours) = fuzz::record(&record);
    let planted = ours.lines().any(|line| line.contains("hunter2"));
    assert!(!planted && ours.len() <= record.len());
    let (again, same) = fuzz::record(&ours);
    assert_eq!(same, ours);
    assert!(again.is_none() || registry.is_none() || again == registry || record.contains('\r'));
}

/// The rollup that is read stands in the file.
fn databases(bytes: &[u8]) {
    let file = text(bytes);
    if let Some(rollup) = fuzz::rollup(&file) {
        let value: serde_json::Value = serde_json::from_str(&file).unwrap();
        let said: String = value["rollupAddress"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        assert!(said.trim_start_matches("0x") == format!("{rollup:x}"));
    }
}
