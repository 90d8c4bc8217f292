//! Documents about the state of a host.

use std::path::Path;

use aztec::Runtime;
use aztec::alert::Delivery;
use aztec::checks::{Complaint, Finding, Report, Sample, UnitRow};
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

impl Document for Report {
    const NAME: &'static str = "smoke";
}

/// The known errors in the logs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explained<'a> {
    /// The errors, worst first.
    pub complaints: &'a [Complaint],
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

/// The state of this host, its services and its chains. A part that could not be observed is null, and `unanswered` says
/// why.
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
    /// One for each missing disk that was mounted earlier.
    pub disks: Option<&'a [Finding]>,
    /// Every unit of the host: those of roles first, then those that monitor and protect the host.
    pub services: Option<&'a [UnitRow]>,
    /// The heads of both chains.
    pub chain: &'a Sample,
    /// The ports that other hosts can reach.
    pub exposure: &'a Finding,
    /// The last comparison of files with their baseline, if it is configured.
    pub integrity: Option<&'a Finding>,
    /// Foreign drop-ins that change units of aztec-kit.
    pub drop_ins: Option<&'a [Finding]>,
    /// Whether security upgrades are installed, if they are configured.
    pub updates: Option<&'a Finding>,
    /// The changes that wait for `aztec-kit confirm`.
    pub unconfirmed: Vec<&'a ResourceId>,
    /// The changes that were rolled back because nobody confirmed them.
    pub rolled_back: &'a [RolledBack],
    /// The resources that `aztec-kit apply` would change.
    pub pending: Option<&'a [&'a ResourceId]>,
    /// One for each part of this document, and each resource, that could not be observed.
    pub unanswered: &'a [Finding],
}

impl Document for Status<'_> {
    const NAME: &'static str = "status";
}
