//! A secret is planted into every place that an operator can write to, and everything that the program leaves is
//! searched: plans, documents, progress, errors, the journal, what programs are called with, and files that others read.
//!
//! Which shape a secret has, and where it stands in a value, is up to chance: `AZTEC_KIT_SEED` repeats a run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use aztec::checks;
use aztec::kinds::Kind;
use aztec::settings::{Asked, Settings, edited};
use common::{debian, facts, graph, in_memory};
use provision::Fault;
use provision::engine::{
    Action, Applied, Apply, Consent, FileJournal, Graph, Journal, Plan, Progress, Receipt,
    Resource, ResourceId,
};
use provision::host::fake::FakeHost;
use provision::host::{Clock, FileType, Meta, Output, Probe, Query, Space};
use provision::kills::{Dice, State};

/// Part of every secret. What begins so may be cut, by a program or by us, and is found all the same.
const MARK: &str = "S3CRT";
/// The same for a secret that is a number: long enough to be in no digest by chance.
const NUMBER: &str = "7707700770077";

/// Secrets, each with the place that it was planted into.
struct Planter {
    dice: Dice,
    places: Vec<String>,
}

impl Planter {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            places: Vec::new(),
        }
    }

    fn secret(&mut self, place: &str) -> String {
        self.places.push(place.to_owned());
        format!("{MARK}{}", self.places.len() - 1)
    }

    /// A value of a variable with a secret in it, in one of the shapes that secrets have.
    fn value(&mut self, place: &str) -> String {
        let shape = self.dice.one_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let mut secret = || self.secret(place);
        match shape {
            0 => secret(),
            1 => format!("https://{}:{}@h.example/{}", secret(), secret(), secret()),
            2 => format!(
                "http://127.0.0.1:2/{}?k={}#{}",
                secret(),
                secret(),
                secret()
            ),
            3 => format!("{} \"{}\" \\{} '$x", secret(), secret(), secret()),
            4 => format!("{},{},https://h.example/{}", secret(), secret(), secret()),
            5 => format!("Authorization=Bearer {}", secret()),
            6 => format!("0x{}", secret()),
            7 => format!("s3://bucket/x?endpoint={}", secret()),
            _ => format!("{{\"a\":\"{}\"}} # {}", secret(), secret()),
        }
    }

    /// Fails when a secret is in a text, and says which.
    fn search(&self, what: &str, text: &str) {
        let found = text.find(MARK).or_else(|| text.find(NUMBER));
        let Some(at) = found else { return };
        let from = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = text[from..].lines().next().unwrap();
        let number = text[at..].trim_start_matches(MARK);
        let number: String = number.chars().take_while(char::is_ascii_digit).collect();
        let place = number
            .parse()
            .ok()
            .and_then(|at: usize| self.places.get(at));
        panic!("{what} has what was planted into {place:?}: {line}");
    }
}

fn toml_text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// The names of all variables that a release reads, and others.
fn variables(release: &str) -> Vec<String> {
    let mut names = Vec::new();
    for file in [
        format!("data/releases/{release}/env.toml"),
        "data/releases/common-env.toml".to_owned(),
    ] {
        let text = std::fs::read_to_string(file).unwrap();
        let table: toml::Table = text.parse().unwrap();
        names.extend(table["variables"].as_table().unwrap().keys().cloned());
    }
    assert!(names.len() > 400, "{}", names.len());
    names.extend(["MY_OWN", "API_KEYS", "X"].map(String::from));
    // What has a key of its own is taken for that key.
    let keyed = ["ETHEREUM_DEBUG_HOSTS", "L1_CONSENSUS_HOST_API_KEY"];
    names.retain(|name| !keyed.iter().any(|keyed| name.starts_with(keyed)));
    names.sort();
    names.dedup();
    names
}

/// Takes lines out of a text until it is no longer refused. The refusals repeat nothing.
fn accepted(planter: &Planter, head: &str, mut lines: Vec<String>, tail: &str) -> String {
    loop {
        let text = format!("{head}{}{tail}", lines.concat());
        match Settings::parse(&text) {
            Ok(_) => return text,
            Err(fault) => {
                let said = refusal(&fault);
                planter.search("a refusal", &said);
                let name = said
                    .split("kit.toml: env.")
                    .nth(1)
                    .unwrap_or_else(|| panic!("{said}"));
                let name = name.split(':').next().unwrap();
                let before = lines.len();
                lines.retain(|line| !line.starts_with(&format!("{name} =")));
                assert!(lines.len() < before, "{said}");
            }
        }
    }
}

fn refusal(fault: &Fault) -> String {
    format!(
        "{} {} {fault:?}",
        fault.chain(),
        fault.remedy().unwrap_or_default()
    )
}

/// Every receiver with a secret in each of its fields.
fn receivers(planter: &mut Planter) -> String {
    let mut text = String::new();
    let url = |planter: &mut Planter, kind: &str| {
        let mut secret = |part: &str| planter.secret(&format!("{part} of the url of {kind}"));
        format!(
            "https://{}:{}@h.example/{}?k={}#{}",
            secret("user"),
            secret("password"),
            secret("path"),
            secret("query"),
            secret("fragment")
        )
    };
    let mut receiver = |kind: &str, fields: &[(&str, String)]| {
        let _ = writeln!(text, "[[monitoring.receivers]]\ntype = \"{kind}\"");
        for (key, value) in fields {
            let value = match *key {
                "chat" => value.clone(),
                _ => toml_text(value),
            };
            let _ = writeln!(text, "{key} = {value}");
        }
    };
    let token = format!("1:{}", planter.secret("the token of telegram"));
    let chat = format!("-100{NUMBER}123");
    let of_url = url(planter, "telegram");
    receiver(
        "telegram",
        &[("token", token), ("chat", chat), ("url", of_url)],
    );
    for kind in ["discord", "slack", "webhook"] {
        let of_url = url(planter, kind);
        receiver(kind, &[("url", of_url)]);
    }
    let key = planter.secret("the key of pagerduty");
    let of_url = url(planter, "pagerduty");
    receiver("pagerduty", &[("key", key), ("url", of_url)]);
    let token = planter.secret("the token of ntfy");
    let of_url = url(planter, "ntfy");
    receiver("ntfy", &[("url", of_url), ("token", token)]);
    let mut secret = |key: &str| planter.secret(&format!("{key} of email"));
    let fields = [
        ("to", format!("{}@{}", secret("to"), secret("host of to"))),
        ("from", format!("{}@h", secret("from"))),
        ("server", format!("{}:25", secret("server"))),
        ("user", secret("user")),
        ("password", format!("{} \"\\", secret("password"))),
    ];
    receiver("email", &fields);
    text
}

/// A whole `kit.toml` with a secret in every place of it that may have one.
fn kit_toml(
    planter: &mut Planter,
    network: &str,
    release: &str,
    runtime: &str,
    more: &str,
) -> String {
    let names = variables(release);
    let mut head = String::new();
    for at in 0..3 {
        let _ = writeln!(head, "# {}: it's \"{}\n", planter.secret("a comment"), at);
    }
    let _ = writeln!(
        head,
        "network = \"{network}\" # {}",
        planter.secret("a comment behind a value")
    );
    let _ = writeln!(
        head,
        "release = \"{release}\"\nruntime = \"{runtime}\"\n{more}"
    );
    if network != "local" {
        let mut secret = |part: &str| planter.secret(&format!("{part} of an L1 URL"));
        let _ = writeln!(
            head,
            "[l1]\nrpc_urls = [\n  \"http://127.0.0.1:2/{}?k={}#{}\", # {}\n  'https://h.example/{}',\n]\n\
             consensus_urls = [\"http://127.0.0.1:2/{}\", \"http://127.0.0.1:2/\"]\n\
             consensus_api_keys = [\"{}\", '{}']\nconsensus_api_key_headers = [\"\", \"x-{}\"]\n\
             debug_urls = [\"http://127.0.0.1:2/{}\"]",
            secret("path"),
            secret("query"),
            secret("fragment"),
            secret("comment"),
            secret("second path"),
            secret("consensus path"),
            secret("consensus key"),
            secret("second consensus key"),
            secret("header"),
            secret("debug path"),
        );
    }
    let mut secret = |part: &str| planter.secret(&format!("{part} of a heartbeat or a store"));
    let heartbeat = format!(
        "https://{}:{}@hc.example/{}?{}#{}",
        secret("user"),
        secret("password"),
        secret("path"),
        secret("query"),
        secret("fragment")
    );
    let stores = format!(
        "snapshots = [\"https://u:{}@s.example/{}\"]\nblobs = [\"s3://b/{}?x={}\"]\n",
        secret("password"),
        secret("path"),
        secret("store"),
        secret("query of a store"),
    );
    let receivers = receivers(planter);
    let tail = format!(
        "[monitoring]\nenabled = true\nheartbeat_url = \"{heartbeat}\"\n{receivers}[networks.mine]\n\
         l1_chain_id = 17000\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\nrelease = \"{release}\"\n{stores}"
    );
    let mut lines = vec!["[env]\n".to_owned()];
    for name in names {
        let value = planter.value(&name);
        lines.push(format!("{name} = {}\n", toml_text(&value)));
    }
    accepted(planter, &head, lines, &tail)
}

/// What a resource is, as far as anyone gets to see it.
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

/// The configurations that are tried: network, release, runtime, and more.
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
            // They are where they belong.
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

/// Everything that a run says.
#[derive(Default)]
struct Said(String);

impl Progress for Said {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        let _ = writeln!(self.0, "{id} {action:?}");
    }
    fn note(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }
    fn end(&mut self, applied: &Applied) {
        let _ = writeln!(self.0, "{applied:?}");
    }
}

/// A host that remembers what it was asked.
struct Heard<'a> {
    host: &'a FakeHost,
    asked: Mutex<String>,
}

impl Probe for Heard<'_> {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Fault> {
        self.host.read(path)
    }
    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        self.host.meta(path)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        self.host.list(path)
    }
    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        self.host.link(path)
    }
    fn writable(&self, path: &Path) -> bool {
        self.host.writable(path)
    }
    fn space(&self, path: &Path) -> Result<Space, Fault> {
        self.host.space(path)
    }
    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let _ = writeln!(self.asked.lock().unwrap(), "{:?}", query.argv());
        self.host.ask(query)
    }
    fn clock(&self) -> Clock {
        self.host.clock()
    }
}

/// Kinds that the host in memory has no program for.
const ELSEWHERE: &[&str] = &["signers[", "image[", "service[prometheus", "packages["];

/// Kinds that write whole files.
const FILES: &[&str] = &["file[", "unit[", "digest[", "sysctl[", "nft_table["];

fn runnable(kit_toml: &str) -> Graph<Kind> {
    let mut graph = Graph::default();
    let whole = in_memory(kit_toml);
    let gone = |id: &ResourceId| {
        ELSEWHERE
            .iter()
            .any(|kind| id.to_string().starts_with(kind))
    };
    for node in whole.ordered().unwrap() {
        if !gone(&node.resource.id()) {
            let after = node.after.iter().filter(|id| !gone(id)).cloned();
            graph.add(node.resource.clone(), after);
        }
    }
    graph
}

/// Plants a file with secrets in the place of every file that is ours.
fn lived_in(planter: &mut Planter, graph: &Graph<Kind>) -> FakeHost {
    let mut host = debian();
    for dir in ["/root", "/etc/caddy", "/etc/aztec"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    for program in ["/usr/bin/promtool", "/usr/bin/amtool"] {
        host.plant(program, FileType::File, b"", 0o755);
    }
    let caddy = format!("basic_auth {}\n", planter.secret("the Caddyfile"));
    host.plant(
        "/etc/caddy/Caddyfile",
        FileType::File,
        caddy.as_bytes(),
        0o640,
    );
    for node in graph.nodes() {
        let id = node.resource.id().to_string();
        if !FILES.iter().any(|kind| id.starts_with(kind)) {
            continue;
        }
        let files = node.resource.files();
        let Some(path) = files.first() else { continue };
        for dir in path.ancestors().skip(1).collect::<Vec<_>>().iter().rev() {
            if !host.tree.contains_key(*dir) {
                host.plant(&dir.display().to_string(), FileType::Directory, b"", 0o755);
            }
        }
        let mut secret = || planter.secret(&id);
        let text = format!(
            "# {}\n[Service]\nEnvironment=KEY={} \"OTHER={}\"\nExecStart=/bin/x --key {} --url https://u:{}@h/{}\nKEY={}\n{}\u{ff}",
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
        );
        host.plant(
            &path.display().to_string(),
            FileType::File,
            text.as_bytes(),
            0o644,
        );
    }
    // Its systemd has read its units.
    State::new(host).host
}

/// Looks and changes, and searches all that this leaves.
struct Run<'a> {
    planter: &'a Planter,
    host: &'a mut FakeHost,
    dir: &'a Path,
}

impl Run<'_> {
    fn receipt(&self) -> Receipt {
        FileJournal::new(self.dir).receipt().unwrap()
    }

    fn plan(&self, graph: &Graph<Kind>) -> Plan {
        let heard = Heard {
            host: self.host,
            asked: Mutex::default(),
        };
        let plan = Plan::make(graph, &self.receipt(), &heard).unwrap();
        self.planter
            .search("a question", &heard.asked.lock().unwrap());
        self.planter.search("a plan", &format!("{plan:#?}"));
        self.planter.search(
            "the document of a plan",
            &serde_json::to_string_pretty(&plan).unwrap(),
        );
        plan
    }

    /// Whether it went through.
    fn apply(&mut self, graph: &Graph<Kind>) -> bool {
        let mut said = Said::default();
        let ended = Apply {
            hands: &mut *self.host,
            journal: &mut FileJournal::new(self.dir),
            consent: Consent::Configuration,
            cancel: &AtomicBool::new(false),
            progress: &mut said,
        }
        .run(graph);
        self.planter.search("what a run says", &said.0);
        self.planter
            .search("how a run ended", &format!("{ended:?}"));
        let died = match &ended {
            Ok(_) => None,
            Err(stop) => {
                let why = refusal(&stop.fault);
                self.planter.search("an error", &why);
                Some(why)
            }
        };
        let journal = std::fs::read_to_string(self.dir.join("journal.jsonl")).unwrap();
        self.planter.search("the journal", &journal);
        let receipt = serde_json::to_string(&self.receipt()).unwrap();
        self.planter.search("the receipt", &receipt);
        self.planter
            .search("a command line", &format!("{:?}", self.host.told));
        assert!(
            died.as_ref().is_none_or(|why| why.contains("died here")),
            "{died:?}"
        );
        died.is_none()
    }

    /// What others can read: a file, below directories that they can enter.
    fn others(&self) {
        for (path, node) in &self.host.tree {
            let enters = |dir: &Path| {
                let dir = self.host.tree.get(dir);
                dir.is_none_or(|dir| dir.mode & 0o001 != 0)
            };
            let open = path.ancestors().skip(1).all(enters);
            if node.file_type == FileType::File && open && node.mode & 0o004 != 0 {
                let text = String::from_utf8_lossy(&node.bytes);
                self.planter.search(
                    &format!("{}, which others can read,", path.display()),
                    &text,
                );
            }
        }
    }
}

#[test]
fn nothing_that_was_there_and_nothing_of_kit_toml_is_in_anything_that_a_run_leaves() {
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
            // It dies somewhere, and goes on.
            let at = dice.one_of(&(0..250).collect::<Vec<_>>()).unwrap();
            run.host.dies_at = Some(at);
            run.apply(&first);
            run.host.dies_at = None;
            run.plan(&first);
            assert!(run.apply(&first));
            run.others();
            assert!(run.plan(&first).is_empty());
            // A key is turned, which is seen and not shown.
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
            // And all that was there is there again.
            for (path, node) in &before {
                if node.0 == FileType::File && String::from_utf8_lossy(&node.1).contains(MARK) {
                    assert_eq!(host.shape().get(path), Some(node), "{}", path.display());
                }
            }
        }
    }
}

/// A `kit.toml` with this value in a place of it.
type Shape = Box<dyn Fn(&str) -> String>;

/// What cannot be asked, and what is wrong with it.
#[test]
fn no_check_and_no_refusal_repeats_a_secret() {
    let mut planter = Planter::new(seed());
    let mut dice = planter.dice.clone();
    let (network, release, runtime, more) = HOSTS[1];
    let text = kit_toml(&mut planter, network, release, runtime, more);
    let settings = Settings::parse(&text).unwrap();
    let host = lived_in(&mut planter, &runnable(&text));
    let mut said = String::new();
    for findings in [
        checks::preflight(&settings, &facts(), &host),
        checks::upstream(&settings, &facts(), &host).map(|found| found.into_iter().collect()),
        checks::connectivity(&settings, &host),
    ] {
        let _ = writeln!(said, "{findings:?}");
    }
    assert!(said.contains("127.0.0.1"), "{said}");
    planter.search("a check", &said);

    // Every key of a receiver, an endpoint or a variable, with all that may go wrong there.
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
    let whole: [(&str, &[&str]); 8] = [
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
    for (kind, fields) in whole {
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
            // As it should be written, and as it is pasted.
            for text in [
                shape(&quoted),
                shape(value),
                format!("{}{quoted}", shape(&quoted)),
            ] {
                if let Err(fault) = Settings::parse(&text) {
                    refused += 1;
                    planter.search(&text.replace(MARK, "*"), &refusal(&fault));
                }
                let asked = Asked {
                    network: dice
                        .one_of(&[None, Some("local")])
                        .unwrap()
                        .map(String::from),
                    l1_rpc_urls: vec![value.as_str().into()],
                    broker_url: Some(value.as_str().into()),
                    ..Asked::default()
                };
                planter.search("what is asked", &format!("{asked:?}"));
                if let Err(fault) = edited(Some(&text), &asked) {
                    planter.search(&text.replace(MARK, "*"), &refusal(&fault));
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

/// What is searched for would be found.
#[test]
fn the_search_finds_what_was_planted() {
    let mut planter = Planter::new(1);
    let secret = planter.secret("here");
    let found = std::panic::catch_unwind(|| planter.search("x", &format!("a\nb {secret} c")));
    let why = found.unwrap_err();
    let why = why.downcast_ref::<String>().unwrap();
    assert!(why.contains("\"here\"") && why.contains(": b "), "{why}");
}
