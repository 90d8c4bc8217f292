//! Variables that processes share: those of the chain, of peers, and of monitoring.

use secrecy::ExposeSecret;

use super::local;
use crate::data::Store;
use crate::env::{Value, Variables};
use crate::names::{Port, port};
use crate::settings::{self, ApiKey, Chain, Endpoint, Live, Settings, with_one_slash};

/// The variables of one of several agents.
pub(super) fn instance_env(settings: &Settings, instance: &str, name: &str) -> Variables {
    let number = instance.parse::<u16>().unwrap_or(1);
    let first = settings.port(&port::AGENTS);
    let port = first.saturating_add(number.saturating_sub(1));
    let mut variables = Variables::from([("AZTEC_PORT".into(), Value::public(port))]);
    variables.extend(name_env(settings, name));
    variables
}

/// The variables of every process that talks to the L1.
pub(crate) fn chain_env(settings: &Settings) -> Variables {
    let mut variables = vec![("ETHEREUM_HOSTS", urls(settings.l1_rpc_urls()))];
    let network = &settings.network;
    match &settings.chain {
        Chain::Local(_) => variables.extend([
            ("ETHEREUM_SLOT_DURATION", Value::public(local::L1_SLOT)),
            ("L1_CHAIN_ID", Value::public(network.l1_chain_id)),
            // Its proofs are not real, so no 1 GiB of reference string has to be downloaded.
            ("PROVER_REAL_PROOFS", Value::public(false)),
            // The genesis that the contracts were deployed with.
            ("TEST_ACCOUNTS", Value::public(true)),
            ("SPONSORED_FPC", Value::public(true)),
        ]),
        Chain::Live(live) => {
            let registry = network.registry.as_ref();
            if let Some(registry) = registry.filter(|_| !settings.has_presets()) {
                variables.extend([
                    ("L1_CHAIN_ID", Value::public(network.l1_chain_id)),
                    ("REGISTRY_CONTRACT_ADDRESS", Value::public(registry)),
                ]);
            }
            if let Some(version) = live.rollup {
                variables.push(("ROLLUP_VERSION", Value::public(version)));
            }
        }
    }
    named(variables).chain(network_env(settings)).collect()
}

/// The variables of every process that reads the blocks of the chain.
pub(super) fn blob_env(settings: &Settings) -> Variables {
    let network = &settings.network;
    let mut variables = vec![
        ("BLOB_FILE_STORE_URLS", stores(&network.blobs)),
        ("SYNC_SNAPSHOTS_URLS", stores(&network.snapshots)),
    ];
    match &settings.chain {
        Chain::Local(_) => {
            let blobs = settings.layout().blobs();
            let blobs = Value::public(format!("file://{}", blobs.display()));
            variables.extend([
                // anvil has no beacon node: blobs are exchanged through files.
                ("BLOB_ALLOW_EMPTY_SOURCES", Value::public(true)),
                ("BLOB_FILE_STORE_URLS", blobs.clone()),
                ("BLOB_FILE_STORE_UPLOAD_URL", blobs),
            ]);
        }
        Chain::Live(live) => {
            let [keys, headers] = consensus_keys(live);
            variables.extend([
                ("L1_CONSENSUS_HOST_URLS", bases(&live.consensus_urls)),
                ("L1_CONSENSUS_HOST_API_KEYS", keys),
                ("L1_CONSENSUS_HOST_API_KEY_HEADERS", headers),
                ("ETHEREUM_DEBUG_HOSTS", urls(&live.debug_urls)),
            ]);
        }
    }
    if settings.allows_no_traces() {
        variables.push((settings::NO_TRACES, Value::public(true)));
    }
    named(variables)
        .filter(|(_, value)| !value.expose().is_empty())
        .collect()
}

fn named(variables: Vec<(&'static str, Value)>) -> impl Iterator<Item = (String, Value)> {
    let variables = variables.into_iter();
    variables.map(|(name, value)| (name.to_owned(), value))
}

/// The keys of the consensus endpoints and their headers: two lists in the order of the endpoints, where an empty text
/// between two commas means none (4.1.2 blob-client/dest/client/http.js, `getBeaconNodeFetchOptions`).
fn consensus_keys(live: &Live) -> [Value; 2] {
    let list = |text: fn(&ApiKey) -> &str| {
        let keys = live.consensus_keys.iter();
        let texts: Vec<_> = keys.map(|key| key.as_ref().map_or("", text)).collect();
        Value::secret(texts.join(",").trim_end_matches(','))
    };
    [
        list(|key| key.value.expose_secret()),
        list(|key| key.header.as_deref().unwrap_or_default()),
    ]
}

fn urls(urls: &[Endpoint]) -> Value {
    let urls: Vec<_> = urls.iter().map(|url| url.expose().as_str()).collect();
    Value::urls(urls.join(","))
}

/// URLs that the node appends a path to.
fn bases(urls: &[Endpoint]) -> Value {
    let urls: Vec<_> = urls
        .iter()
        .map(|url| with_one_slash(url.expose()))
        .collect();
    Value::urls(urls.join(","))
}

/// File stores of a network.
fn stores(stores: &[Store]) -> Value {
    let stores: Vec<_> = stores.iter().map(Store::expose).collect();
    Value::urls(stores.join(","))
}

/// The name of the network, if the release knows it. The node ends at once with any other name.
pub(crate) fn network_env(settings: &Settings) -> Option<(String, Value)> {
    let name = settings.network.known_as.as_ref();
    name.map(|name| ("NETWORK".to_owned(), Value::public(name)))
}

/// The variables of every process with peers.
pub(crate) fn peer_env(settings: &Settings, port: &Port) -> Variables {
    let mut variables = Variables::new();
    let mut set = |name: &str, value| variables.insert(name.to_owned(), value);
    match settings.p2p_ip {
        Some(ip) => set("P2P_IP", Value::public(ip)),
        None if settings.local().is_some() => set("P2P_IP", Value::public("127.0.0.1")),
        None => set("P2P_QUERY_FOR_IP", Value::public(true)),
    };
    if !settings.has_presets() {
        // The default is off unless a network turns it on.
        set("P2P_ENABLED", Value::public(true));
    }
    let bootnodes = &settings.network.bootnodes;
    if !bootnodes.is_empty() {
        set("BOOTSTRAP_NODES", Value::public(bootnodes.join(",")));
    }
    // The default of the release is the port of the node.
    let port = settings.port(port);
    if port != port::P2P.default {
        set("P2P_PORT", Value::public(port));
    }
    variables
}

/// A port, unless it is the default.
pub(crate) fn port_env(settings: &Settings, name: &str, port: &Port) -> Option<(String, Value)> {
    let number = settings.port(port);
    (number != port.default).then(|| (name.to_owned(), Value::public(number)))
}

/// The variable that sends the metrics of a process to this host. A process only pushes, and to one place.
pub(crate) fn push_env(settings: &Settings) -> Option<(String, Value)> {
    settings.monitoring.as_ref()?;
    let url = format!("http://127.0.0.1:{}/v1/metrics", settings.port(&port::OTLP));
    Some((
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT".into(),
        Value::public(url),
    ))
}

/// The name of a process in its metrics. Its instance id cannot identify it, because that is random at every start,
/// whatever `OTEL_RESOURCE_ATTRIBUTES` says (4.1.2, telemetry-client/dest/otel_resource.js).
pub(crate) fn name_env(settings: &Settings, name: &str) -> Option<(String, Value)> {
    settings.monitoring.as_ref()?;
    Some((
        "OTEL_SERVICE_NAME".into(),
        Value::public(format!("aztec-{name}")),
    ))
}
