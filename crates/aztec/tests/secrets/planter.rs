//! Secrets in every place that an operator can write to.

use std::fmt::Write as _;

use aztec::settings::Settings;
use fastrand::Rng;
use provision::Fault;

/// A part of every secret. A secret that a program or aztec-kit has cut is still found.
pub const MARK: &str = "S3CRT";
/// The same for a secret that is a number. It is long enough not to occur in a digest by chance.
pub const NUMBER: &str = "7707700770077";

/// Secrets, each with the place that it was planted into.
pub struct Planter {
    pub dice: Rng,
    places: Vec<String>,
}

impl Planter {
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Rng::with_seed(seed),
            places: Vec::new(),
        }
    }

    pub fn secret(&mut self, place: &str) -> String {
        self.places.push(place.to_owned());
        format!("{MARK}{}", self.places.len() - 1)
    }

    /// A value of a variable with a secret, in one of the forms that secrets have.
    fn value(&mut self, place: &str) -> String {
        let shape = self.dice.u8(0..=8);
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

    /// Fails if a text contains a secret, and names the secret.
    pub fn search(&self, what: &str, text: &str) {
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

pub fn toml_text(value: &str) -> String {
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
    // Variables with their own key are moved to that key.
    let keyed = ["ETHEREUM_DEBUG_HOSTS", "L1_CONSENSUS_HOST_API_KEY"];
    names.retain(|name| !keyed.iter().any(|keyed| name.starts_with(keyed)));
    names.sort();
    names.dedup();
    names
}

/// Removes lines from a text until it is no longer refused. The refusals repeat no secret.
pub fn accepted(planter: &Planter, head: &str, mut lines: Vec<String>, tail: &str) -> String {
    loop {
        let text = format!("{head}{}{tail}", lines.concat());
        match Settings::parse(&text) {
            Ok(_) => return text,
            Err(fault) => {
                let message = refusal(&fault);
                planter.search("a refusal", &message);
                let name = message
                    .split("kit.toml: env.")
                    .nth(1)
                    .unwrap_or_else(|| panic!("{message}"));
                let name = name.split(':').next().unwrap();
                let before = lines.len();
                lines.retain(|line| !line.starts_with(&format!("{name} =")));
                assert!(lines.len() < before, "{message}");
            }
        }
    }
}

pub fn refusal(fault: &Fault) -> String {
    format!(
        "{} {} {fault:?}",
        fault.chain(),
        fault.remedy().unwrap_or_default()
    )
}

/// Every receiver with a secret in each of its fields.
pub fn receivers(planter: &mut Planter) -> String {
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

/// A complete `kit.toml` with a secret in every key that may have one.
pub fn kit_toml(
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
            "[l1]\nrpc_urls = [\n  \"http://127.0.0.1:2/{}?k={}#{}\", # {}\n  'https://127.0.0.1:3/{}',\n]\n\
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
