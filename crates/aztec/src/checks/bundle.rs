//! A support bundle: everything that helps others to find out what is wrong with a host, without what identifies it.

use std::collections::BTreeMap;
use std::path::Path;

use provision::host::Query;
use provision::tools::scrub::Scrubber;
use serde::Serialize;
use serde_json::Value;

use super::context::Context;
use super::diagnosis::Diagnosis;
use super::services::unit_rows::{UnitRow, unit_rows};
use crate::layout;
use crate::settings::{Endpoint, shown};

/// The newest lines of each log.
const LINES: u32 = 500;

/// A support bundle. URLs, addresses, accounts, keys and names of hosts are replaced by labels, equal ones by the same.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bundle {
    /// The version of aztec-kit.
    pub version: &'static str,
    /// The operating system and its architecture.
    pub system: String,
    /// Number of processors.
    pub cpus: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// The version of the Aztec release.
    pub release: String,
    /// The network.
    pub network: String,
    /// `kit.toml` without values that may be secret; null if it cannot be read.
    pub kit_toml: Option<String>,
    /// The diagnosis.
    pub diagnosis: Value,
    /// The units; null if systemd does not answer.
    pub services: Option<Vec<UnitRow>>,
    /// The newest lines of the log of each unit that has one.
    pub logs: BTreeMap<String, Vec<String>>,
}

/// The support bundle of a host.
pub fn bundle(cx: &Context<'_>, diagnosis: &Diagnosis) -> Bundle {
    let probe = cx.probe();
    let mut scrubber = Scrubber::knowing(names(cx));
    let kit_toml = probe.text(Path::new(layout::CONFIG)).ok().flatten();
    let kit_toml = kit_toml.map(|text| shown(&text, &cx.settings.release).shown());
    let mut diagnosis = serde_json::to_value(diagnosis).unwrap_or_default();
    scrub(&mut diagnosis, &mut scrubber);
    let units = cx.units().all();
    let logs = units.iter().filter_map(|unit| {
        let query = Query::Journal {
            unit: unit.clone(),
            lines: LINES,
        };
        let printed = probe.ask(&query).ok()?.stdout;
        let lines: Vec<_> = printed.lines().map(|line| scrubber.scrub(line)).collect();
        (!lines.is_empty()).then(|| (unit.clone(), lines))
    });
    let logs = logs.collect();
    Bundle {
        version: env!("CARGO_PKG_VERSION"),
        system: format!("{} on {}", cx.facts.os_name, cx.facts.arch),
        cpus: cx.facts.cpus,
        memory: cx.facts.memory,
        release: cx.settings.release.version.clone(),
        network: scrubber.scrub(&cx.settings.network_name),
        kit_toml: kit_toml.map(|text| scrubber.scrub(&text)),
        diagnosis,
        services: unit_rows(&units, probe).ok(),
        logs,
    }
}

/// The names of this host and of the hosts that it calls.
fn names(cx: &Context<'_>) -> Vec<(String, &'static str)> {
    let hostname = cx.probe().text(Path::new("/etc/hostname")).ok().flatten();
    let hostname = hostname.map(|name| name.trim().to_owned());
    let live = cx.settings.live().into_iter();
    let called = live.flat_map(|live| {
        let lists = [&live.rpc_urls, &live.consensus_urls, &live.debug_urls];
        lists.into_iter().flatten().map(Endpoint::host)
    });
    let domain = cx.settings.caddy.iter().map(|caddy| caddy.domain.clone());
    hostname
        .into_iter()
        .chain(domain)
        .chain(called.map(str::to_owned))
        .map(|name| (name, "host"))
        .collect()
}

/// Scrubs every text of a document.
fn scrub(value: &mut Value, scrubber: &mut Scrubber) {
    match value {
        Value::String(text) => *text = scrubber.scrub(text),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, scrubber)),
        Value::Object(fields) => fields.values_mut().for_each(|item| scrub(item, scrubber)),
        _ => {}
    }
}
