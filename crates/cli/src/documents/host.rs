//! Documents about the state of a host.

use std::path::Path;

use aztec::Runtime;
use aztec::alert::Delivery;
use aztec::checks::{
    Bundle, Diagnosis, Finding, Need, Phase, Report, Sample, Topic, UnitRow, Verb,
};
use aztec::databases::Databases;
use aztec::fit::Fit;
use provision::engine::{ResourceId, RolledBack};
use serde::Serialize;

use super::Document;

/// The findings of checks.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Checked<'a> {
    /// One or more for each check.
    pub findings: &'a [Finding],
}

impl Document for Checked<'_> {
    const NAME: &'static str = "findings";
}

/// The table of checks.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChecksList<'a> {
    /// One for each topic.
    pub checks: &'a [CheckRow],
}

impl Document for ChecksList<'_> {
    const NAME: &'static str = "checks-list";
}

/// A check, as one of the topics of its findings.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckRow {
    /// The topic.
    pub id: Topic,
    /// The part of a host that it looks at; null for what `status` could not observe.
    pub phase: Option<Phase>,
    /// The verbs that run it.
    pub verbs: Vec<Verb>,
    /// What it cannot do without.
    pub needs: Vec<Need>,
    /// What it looks at.
    pub looks_at: Option<&'static str>,
    /// What is true when it passes.
    pub reason: &'static str,
}

impl Document for Bundle {
    const NAME: &'static str = "bundle";
}

impl Document for Diagnosis {
    const NAME: &'static str = "doctor";
}

impl Document for Report {
    const NAME: &'static str = "smoke";
}

/// The known errors in the logs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explained<'a> {
    /// The errors, worst first; `log` has the lines.
    pub findings: &'a [Finding],
}

impl Document for Explained<'_> {
    const NAME: &'static str = "explain";
}

/// The result of a test alert.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Alerted<'a> {
    /// One for each receiver.
    pub deliveries: &'a [Delivery],
}

impl Document for Alerted<'_> {
    const NAME: &'static str = "alert-test";
}

/// The state of this host, its services and its chains. A part that could not be observed is null, and a
/// finding says why.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status<'a> {
    /// The network, as named in kit.toml.
    pub network: &'a str,
    /// The version of the Aztec release.
    pub release: &'a str,
    /// The runtime of its processes.
    pub runtime: Runtime,
    /// Whether the host has the role of a sequencer.
    pub sequencer: bool,
    /// Whether the release fits the rollup that it would follow; null on a local network.
    pub fit: Option<&'a Fit>,
    /// The directory with the databases of all releases.
    pub data_dir: &'a Path,
    /// The databases in it, those of the running release first.
    pub databases: Option<&'a [Databases]>,
    /// Every unit of the host: those of roles first, then those that monitor and protect the host.
    pub services: Option<&'a [UnitRow]>,
    /// The heads of both chains.
    pub chain: &'a Sample,
    /// The changes that wait for `aztec-kit confirm`.
    pub unconfirmed: Vec<&'a ResourceId>,
    /// The changes that were rolled back because nobody confirmed them.
    pub rolled_back: &'a [RolledBack],
    /// The resources that `aztec-kit apply` would change.
    pub pending: Option<&'a [&'a ResourceId]>,
    /// What the checks found, and each part of this document and each resource that could not be observed.
    pub findings: &'a [Finding],
}

impl Document for Status<'_> {
    const NAME: &'static str = "status";
}
