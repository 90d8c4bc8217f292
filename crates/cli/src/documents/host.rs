//! Of what is seen of a host.

use std::path::Path;

use aztec::Runtime;
use aztec::alert::Delivery;
use aztec::checks::{Complaint, Finding, Report, Sample, UnitRow};
use aztec::databases::Databases;
use aztec::fit::Fit;
use provision::engine::{ResourceId, RolledBack};
use serde::Serialize;

use super::Document;

/// What checks found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Checked<'a> {
    /// One for each thing that was looked at.
    pub findings: &'a [Finding],
}

impl Document for Checked<'_> {
    const NAME: &'static str = "findings";
}

impl Document for Report {
    const NAME: &'static str = "smoke";
}

/// What the logs complain of.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Explained<'a> {
    /// The worst first.
    pub complaints: &'a [Complaint],
}

impl Document for Explained<'_> {
    const NAME: &'static str = "explain";
}

/// What became of an alert that was sent to try the receivers.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Alerted<'a> {
    /// One for each receiver.
    pub deliveries: &'a [Delivery],
}

impl Document for Alerted<'_> {
    const NAME: &'static str = "alert-test";
}

/// What this host is, and how its services and chains are. What could not be asked is null, and `unanswered` says why.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status<'a> {
    /// The network, in the words of kit.toml.
    pub network: &'a str,
    /// The version of the Aztec release.
    pub release: &'a str,
    /// How its processes run.
    pub runtime: Runtime,
    /// Whether it has the role of a sequencer.
    pub sequencer: bool,
    /// Whether the release fits the rollup that it would follow; null on a local network.
    pub fit: Option<&'a Fit>,
    /// Where the databases of all releases are.
    pub data_dir: &'a Path,
    /// The databases that are there, those of the release that runs first.
    pub databases: Option<&'a [Databases]>,
    /// One for each disk that was there and is not.
    pub disks: Option<&'a [Finding]>,
    /// Every unit that runs here: those of roles first, and then those that watch and guard the host.
    pub services: Option<&'a [UnitRow]>,
    /// How far both chains are.
    pub chain: &'a Sample,
    /// What can be reached from outside.
    pub exposure: &'a Finding,
    /// The last comparison of files with their recorded state, where it is asked for.
    pub integrity: Option<&'a Finding>,
    /// Drop-ins of others that change units of ours.
    pub drop_ins: Option<&'a [Finding]>,
    /// Whether security updates come in, where they are asked for.
    pub updates: Option<&'a Finding>,
    /// What waits for `aztec-kit confirm`.
    pub unconfirmed: Vec<&'a ResourceId>,
    /// What was taken back because nobody confirmed it.
    pub rolled_back: &'a [RolledBack],
    /// What `aztec-kit apply` would change.
    pub pending: Option<&'a [&'a ResourceId]>,
    /// One for each part of this document, and each resource, that could not be asked.
    pub unanswered: &'a [Finding],
}

impl Document for Status<'_> {
    const NAME: &'static str = "status";
}
