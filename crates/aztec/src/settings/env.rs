//! The operator's own variables for the node: the checks that need only the file.

use provision::Fault;
use secrecy::{ExposeSecret, SecretString};

use super::file::KitFile;
use super::model::Settings;
use super::values::bad;

/// Variables that aztec-kit derives from other keys. If both could be set, they could disagree.
const DERIVED: &[(&str, &str)] = &[
    ("NETWORK", "network"),
    ("ETHEREUM_HOSTS", "l1.rpc_urls"),
    ("L1_CONSENSUS_HOST_URLS", "l1.consensus_urls"),
    ("L1_CONSENSUS_HOST_API_KEYS", "l1.consensus_api_keys"),
    (
        "L1_CONSENSUS_HOST_API_KEY_HEADERS",
        "l1.consensus_api_key_headers",
    ),
    ("ETHEREUM_DEBUG_HOSTS", "l1.debug_urls"),
    ("DATA_DIRECTORY", "data_dir"),
    ("P2P_IP", "p2p.ip"),
    ("P2P_PORT", "p2p.port"),
    ("AZTEC_PORT", "ports.rpc"),
    ("AZTEC_ADMIN_PORT", "ports.admin"),
    ("KEY_STORE_DIRECTORY", "sequencer.enabled"),
    ("REGISTRY_CONTRACT_ADDRESS", "network"),
    ("L1_CHAIN_ID", "network"),
    ("ROLLUP_VERSION", "rollup"),
];

/// Moves variables of `[env]` that now have a key of their own to that key, if the key is not set.
pub(super) fn adopted(mut file: KitFile) -> KitFile {
    let mut take = |name: &str, free: bool| {
        let value = if free { file.env.remove(name) } else { None };
        value.map(|value| {
            let list = value.expose_secret().split(',');
            list.map(|one| one.trim().into()).collect::<Vec<_>>()
        })
    };
    let debug = take("ETHEREUM_DEBUG_HOSTS", file.l1.debug_urls.is_empty());
    let free =
        file.l1.consensus_api_keys.is_empty() && file.l1.consensus_api_key_headers.is_empty();
    let keys = take("L1_CONSENSUS_HOST_API_KEYS", free);
    let headers = take("L1_CONSENSUS_HOST_API_KEY_HEADERS", free);
    let number = file
        .env
        .get("ROLLUP_VERSION")
        .and_then(|text| text.expose_secret().parse().ok());
    if let (None, Some(_)) = (file.rollup, number) {
        file.rollup = number;
        file.env.remove("ROLLUP_VERSION");
    }
    file.l1.debug_urls.extend(debug.unwrap_or_default());
    file.l1.consensus_api_keys.extend(keys.unwrap_or_default());
    file.l1
        .consensus_api_key_headers
        .extend(headers.unwrap_or_default().into_iter().map(exposed));
    file
}

/// The name of a header is not a secret.
fn exposed(header: SecretString) -> String {
    header.expose_secret().to_owned()
}

/// Variables that monitoring sets. The operator's own values would contradict them.
const TELEMETRY: &[&str] = &["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_SERVICE_NAME"];

impl Settings {
    pub(super) fn check_telemetry(&self) -> Result<(), Fault> {
        let own = TELEMETRY.iter().find(|name| self.env.contains_key(**name));
        match (own, &self.monitoring) {
            (Some(name), Some(_)) => Err(bad(
                &format!("env.{name}"),
                "monitoring sets this variable, so that Prometheus on this host gets the metrics",
            )
            .fix(
                "Remove it, or set monitoring.enabled = false and monitor the node from elsewhere.",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn check_env(&self) -> Result<(), Fault> {
        for (name, value) in &self.env {
            let key = format!("env.{name}");
            let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || !name.chars().all(word) {
                return Err(bad(&key, "not the name of an environment variable")
                    .fix("Use upper case letters, digits and underscores only."));
            }
            if let Some((_, own)) = DERIVED.iter().find(|(derived, _)| derived == name) {
                return Err(bad(&key, format!("{name} is derived from `{own}`"))
                    .fix(format!("Set `{own}` instead.")));
            }
            if name.contains("PRIVATE_KEY") && !name.ends_with("_PATH") || name == "MNEMONIC" {
                return Err(bad(
                    &key,
                    "keys do not belong in the environment, where anyone who can read /proc sees them",
                )
                .fix("Put the key into a keystore under /etc/aztec/keystore."));
            }
            if value.expose_secret().contains(['\n', '\0']) {
                return Err(bad(&key, "the value has more than one line").fix("Use a single line."));
            }
        }
        Ok(())
    }
}
