//! Whoever answers from elsewhere: an L1, a node, a registry of images, a receiver of alerts.

use std::time::Duration;

use aztec::alert::{self, Delivery};
use aztec::checks::{self, Finding, ReleaseRow, Report, Sample, Target};
use aztec::fit::{self, Fit};
use aztec::settings::Settings;
use aztec::{HostFacts, Releases, Units};
use provision::Fault;
use provision::engine::Receipt;
use provision::host::Probe;

/// Everything that is asked over a network. Tests answer for it.
pub trait Network: Send + Sync {
    /// See [`fit::fit`].
    fn fit(&self, settings: &Settings) -> Option<Fit> {
        fit::fit(settings)
    }
    /// See [`Target::sample`].
    fn sample(&self, settings: &Settings, probe: &dyn Probe) -> Result<Sample, Fault> {
        Ok(Target::new(settings, probe)?.sample())
    }
    /// See [`checks::smoke`].
    fn smoke(
        &self,
        settings: &Settings,
        units: &Units,
        probe: &dyn Probe,
        patience: Duration,
        on_sample: &mut dyn FnMut(&Sample),
    ) -> Report {
        checks::smoke(settings, units, probe, patience, on_sample)
    }
    /// See [`checks::preflight`].
    fn preflight(
        &self,
        settings: &Settings,
        facts: &HostFacts,
        receipt: &Receipt,
        probe: &dyn Probe,
    ) -> Vec<Finding> {
        checks::preflight(settings, facts, receipt, probe)
    }
    /// See [`checks::upstream`].
    fn upstream(
        &self,
        settings: &Settings,
        facts: &HostFacts,
        probe: &dyn Probe,
    ) -> Result<Option<Finding>, Fault> {
        checks::upstream(settings, facts, probe)
    }
    /// See [`checks::connectivity`].
    fn connectivity(&self, settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
        checks::connectivity(settings, probe)
    }
    /// See [`checks::releases`].
    fn releases(
        &self,
        known: &Releases,
        settings: Option<&Settings>,
        facts: &HostFacts,
        probe: &dyn Probe,
    ) -> Result<Vec<ReleaseRow>, Fault> {
        checks::releases(known, settings, facts, probe)
    }
    /// See [`checks::metrics`].
    fn metrics(&self, settings: &Settings, probe: &dyn Probe) -> Result<String, Fault> {
        checks::metrics(settings, probe)
    }
    /// See [`alert::test`].
    fn alert(&self, settings: &Settings) -> Result<Vec<Delivery>, Fault> {
        alert::test(settings)
    }
}

/// The network of this machine.
#[derive(Debug)]
pub struct Internet;

impl Network for Internet {}
