//! Metrics that Aztec does not push, in the text format of Prometheus: endpoints, balances, validators, the rollup.
//!
//! A metric whose source does not answer is left out, and an alert reports that. Nothing here changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use exposition::Kind;
use l1::reader::AttesterStatus;
use l1::{Address, Reader, U256};
use provision::Fault;
use provision::host::Probe;
use serde_json::Value;

use super::l1::registry::registry;
use super::node::target::Target;
use crate::keystores;
use crate::names::{Component, Role};
use crate::settings::Settings;

/// An endpoint that takes longer counts as down.
const CALL: Duration = Duration::from_secs(5);
/// The owner of the keystores of the services.
const ROOT: u32 = 0;

/// Metrics by name, with their help; each sample with its labels.
#[derive(Debug, Default)]
struct Metrics(BTreeMap<&'static str, (&'static str, String)>);

impl Metrics {
    fn add(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: f64) {
        let (_, samples) = self.0.entry(name).or_insert_with(|| (help, String::new()));
        samples.push_str(&exposition::sample(name, labels, value));
    }

    fn text(&self) -> String {
        let metrics = self.0.iter();
        metrics
            .map(|(name, (help, samples))| exposition::head(name, help, Kind::Gauge) + samples)
            .collect()
    }
}

/// Asks everything once.
pub fn metrics(settings: &Settings, probe: &dyn Probe) -> Result<String, Fault> {
    let mut metrics = Metrics::default();
    let now = probe.clock().realtime_us / 1_000_000;
    metrics.add(
        "aztec_kit_timestamp_seconds",
        "Time at which these metrics were gathered.",
        &[],
        float(now),
    );
    let labels = [
        ("network", settings.network_name.as_str()),
        ("release", settings.release.version.as_str()),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    metrics.add(
        "aztec_kit_info",
        "Network, release and version of aztec-kit on this host.",
        &labels,
        1.0,
    );
    // A host without an L1 client does not miss an endpoint.
    let reader = match settings.has_role() {
        true => endpoints(&mut metrics, settings, now),
        false => None,
    };
    let registry = registry(settings, probe)?;
    let canonical = match (&reader, registry) {
        // A host that stays on an older rollup would report every minute that another one is canonical.
        (Some(reader), Some(registry)) => reader.rollup(registry, settings.rollup()).ok(),
        _ => None,
    };
    if settings.has(Role::Node) {
        node(&mut metrics, &Target::new(settings, probe)?, canonical);
    }
    if let (Some(reader), Some(rollup)) = (&reader, canonical) {
        rollup_state(&mut metrics, reader, rollup);
        keystores(&mut metrics, reader, rollup, probe)?;
    }
    Ok(metrics.text())
}

/// Asks every endpoint, and returns the first one that works.
fn endpoints(metrics: &mut Metrics, settings: &Settings, now: i64) -> Option<Reader> {
    let mut first = None;
    for (at, url) in settings.l1_rpc_urls().iter().enumerate() {
        let reader = Reader::connect(url.expose().as_str(), CALL).ok();
        let head = reader.as_ref().and_then(|reader| {
            let right = reader.chain_id().ok()? == settings.network.l1_chain_id;
            right.then(|| reader.head().ok())?
        });
        let rank = (at + 1).to_string();
        let labels = [("endpoint", url.host()), ("rank", rank.as_str())];
        let up = "Whether an L1 endpoint answers and is on the right chain.";
        metrics.add("aztec_kit_l1_up", up, &labels, f64::from(head.is_some()));
        let Some(head) = head else {
            continue;
        };
        let number = i64::try_from(head.number).unwrap_or(i64::MAX);
        metrics.add(
            "aztec_kit_l1_head_block",
            "The newest L1 block.",
            &labels,
            float(number),
        );
        let age = now - i64::try_from(head.timestamp).unwrap_or(0);
        let help = "Age of the newest L1 block.";
        metrics.add(
            "aztec_kit_l1_head_age_seconds",
            help,
            &labels,
            float(age.max(0)),
        );
        if first.is_none() {
            first = reader;
        }
    }
    first
}

fn node(metrics: &mut Metrics, target: &Target, canonical: Option<Address>) {
    let ready = matches!(target.node("isReady"), Ok(Value::Bool(true)));
    let help = "Whether the node answers and reports that it is ready.";
    metrics.add("aztec_kit_node_ready", help, &[], f64::from(ready));
    let tips = target.sample();
    for (tip, number) in [
        ("proposed", tips.proposed),
        ("checkpointed", tips.checkpointed),
        ("proven", tips.proven),
        ("finalized", tips.finalized),
    ] {
        if let Some(number) = number.and_then(|number| i64::try_from(number).ok()) {
            let help = "The newest L2 block of each kind, as the node reports it.";
            metrics.add("aztec_kit_l2_block", help, &[("tip", tip)], float(number));
        }
    }
    let info = target.node("getNodeInfo").unwrap_or_default();
    let rollup = info["l1ContractAddresses"]["rollupAddress"].as_str();
    let rollup: Option<Address> = rollup.and_then(|text| text.parse().ok());
    if let (Some(rollup), Some(canonical)) = (rollup, canonical) {
        let help = "Whether the node follows the rollup that the registry names.";
        metrics.add(
            "aztec_kit_rollup_canonical",
            help,
            &[],
            f64::from(rollup == canonical),
        );
    }
}

fn rollup_state(metrics: &mut Metrics, reader: &Reader, rollup: Address) {
    if let Ok(checkpoints) = reader.checkpoints(rollup) {
        for (state, number) in [
            ("pending", checkpoints.pending),
            ("proven", checkpoints.proven),
        ] {
            let help = "The newest checkpoint of each kind, as the rollup on the L1 reports it.";
            metrics.add(
                "aztec_kit_rollup_checkpoint",
                help,
                &[("state", state)],
                number_of(number),
            );
        }
    }
}

fn keystores(
    metrics: &mut Metrics,
    reader: &Reader,
    rollup: Address,
    probe: &dyn Probe,
) -> Result<(), Fault> {
    let mut accounts = BTreeSet::new();
    let mut attesters = BTreeSet::new();
    for spec in Component::all().filter_map(|component| component.spec().keystores) {
        let survey = keystores::survey(Path::new(spec.directory), ROOT, probe)?;
        for listed in survey.iter().flat_map(|survey| survey.attesters()) {
            let role = if listed.role == "prover" {
                "prover"
            } else {
                "publisher"
            };
            accounts.extend(listed.publishers.iter().map(|address| (role, *address)));
            attesters.extend(listed.attester);
        }
    }
    for (role, address) in accounts {
        if let Ok(balance) = reader.balance(address) {
            let labels = [("address", &*address.to_string()), ("role", role)];
            let help = "Balance of an account that pays for L1 transactions.";
            let eth = number_of(balance) / 1e18;
            metrics.add("aztec_kit_account_balance_eth", help, &labels, eth);
        }
    }
    for address in attesters {
        if let Ok(status) = reader.attester_status(rollup, address) {
            let labels = [("address", &*address.to_string())];
            let help = "Status of a validator: 0 none, 1 validating, 2 slashed below the minimum, 3 exiting.";
            metrics.add(
                "aztec_kit_validator_status",
                help,
                &labels,
                status_of(status),
            );
        }
    }
    Ok(())
}

fn status_of(status: AttesterStatus) -> f64 {
    match status {
        AttesterStatus::None => 0.0,
        AttesterStatus::Validating => 1.0,
        AttesterStatus::Zombie => 2.0,
        AttesterStatus::Exiting => 3.0,
        AttesterStatus::Other(number) => f64::from(number),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus has no other numbers"
)]
fn float(number: i64) -> f64 {
    number as f64
}

fn number_of(number: U256) -> f64 {
    number.to_string().parse().unwrap_or(f64::MAX)
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;

    #[test]
    fn a_host_without_a_role_misses_no_l1() {
        let text = "[node]\nenabled = false\n\n[monitoring]\nenabled = true\n";
        let settings = Settings::parse(text).unwrap();
        let text = metrics(&settings, &FakeHost::debian()).unwrap();
        assert!(!text.contains("aztec_kit_l1_up"), "{text}");
        assert!(text.contains("aztec_kit_timestamp_seconds"), "{text}");
    }

    #[test]
    fn samples_of_one_name_are_in_one_block() {
        let mut metrics = Metrics::default();
        metrics.add("b", "Second.", &[], 0.5);
        metrics.add("a", "First.", &[("l", "x\"y")], 1.0);
        metrics.add("a", "First.", &[("l", "z")], 2.0);
        assert_eq!(
            metrics.text(),
            "# HELP a First.\n# TYPE a gauge\na{l=\"x\\\"y\"} 1\na{l=\"z\"} 2\n\
             # HELP b Second.\n# TYPE b gauge\nb{} 0.5\n"
        );
    }

    #[test]
    fn balances_are_shown_in_eth() {
        let wei: U256 = "9984249464995449000".parse().unwrap();
        assert!((number_of(wei) / 1e18 - 9.984_249).abs() < 1e-6);
    }
}
