//! Metrics and their labels.

use std::collections::BTreeSet;

use semver::Version;
use toml::{Table, Value};

use super::Complaints;
use super::data::{Release, read};
use super::js::{Block, blocks, quoted};
use super::packages::Packages;

/// The suffixes that Prometheus adds to the name of a histogram or a counter.
const SUFFIXES: &[&str] = &["", "_bucket", "_sum", "_count", "_total"];

/// Every query of alerts and dashboards, and every text that may name a label.
fn questions() -> Vec<String> {
    let mut texts = Vec::new();
    let alerts = read("monitoring/alerts.toml");
    for alert in alerts["alert"].as_array().unwrap() {
        let parts = ["expr", "summary", "runbook"].map(|part| alert[part].as_str());
        texts.extend(parts.into_iter().flatten().map(str::to_owned));
    }
    let boards = read("monitoring/dashboards.toml");
    for board in boards["dashboard"].as_array().unwrap() {
        let panels = board["panels"].as_array().unwrap();
        for query in panels.iter().flat_map(|panel| panel[2].as_array().unwrap()) {
            let parts = query.as_array().unwrap().iter();
            texts.extend(parts.filter_map(Value::as_str).map(str::to_owned));
        }
    }
    texts
}

/// Names of the release in a text: those with its prefix, and not with that of aztec-kit.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("aztec_") && !word.starts_with("aztec_kit_"))
}

/// The release that introduced a metric or a label, if alerts.toml names it.
fn since(alerts: &Table, name: &str) -> Option<Version> {
    let absent = alerts["absent"].as_table()?.iter();
    let beside = absent.filter(|(prefix, _)| name.starts_with(prefix.as_str()));
    let why = beside
        .max_by_key(|(prefix, _)| prefix.len())
        .and_then(|(_, why)| why.as_str());
    let label = alerts["newer_labels"].get(name).and_then(Value::as_str);
    let (_, version) = label.or(why)?.split_once("since ")?;
    Version::parse(&format!("{version}.0")).ok()
}

/// Every metric and every label in a query is one of the release, or of a later one. Returns the number of each.
pub fn names_of_questions(
    release: &Release,
    packages: &Packages,
    wrong: &mut Complaints,
) -> (usize, usize) {
    let (metrics, labels) = (metrics(packages), labels(packages));
    let alerts = read("monitoring/alerts.toml");
    let version = Version::parse(&release.version).unwrap();
    let questions = questions();
    let queried: BTreeSet<_> = questions.iter().flat_map(|text| names(text)).collect();
    let mut found = (0, 0);
    for name in queried {
        let mut forms = SUFFIXES.iter().filter_map(|end| name.strip_suffix(end));
        if labels.contains(name) {
            found.1 += 1;
        } else if forms.any(|form| metrics.contains(form)) {
            found.0 += 1;
        } else if since(&alerts, name).is_none_or(|since| since <= version) {
            wrong.add(format!("no metric and no label is called {name}"));
        }
    }
    found
}

/// The metrics of the release, with the names that the collector gives them.
fn metrics(packages: &Packages) -> BTreeSet<String> {
    let text = packages.read("@aztec/telemetry-client/dest/metrics.js");
    let metric = |block: Block<'_>| {
        let name = *quoted(block.text, "name: ").first()?;
        let unit = quoted(block.text, "unit: ")
            .first()
            .copied()
            .unwrap_or_default();
        collector::prometheus_name(name, unit)
    };
    blocks(text).into_iter().filter_map(metric).collect()
}

/// The attributes of the release as labels.
fn labels(packages: &Packages) -> BTreeSet<String> {
    let text = packages.read("@aztec/telemetry-client/dest/attributes.js");
    let names = quoted(text, " = ").into_iter();
    names.map(|name| name.replace(['.', '-'], "_")).collect()
}
