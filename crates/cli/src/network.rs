//! The services that aztec-kit queries over a network: an L1, a node, an image registry, a receiver of alerts.

use std::time::Duration;

use aztec::alert::{self, Delivery};
use aztec::checks::{self, Finding, ReleaseRow, Report, Sample, Target};
use aztec::fit::{self, Fit};
use aztec::settings::Settings;
use aztec::{HostFacts, Releases};
use keys::G1Point;
use l1::{Address, Reader};
use provision::Fault;
use provision::host::Probe;

use crate::exit::{self, Failure};

/// Time limit of one call: long enough for a distant endpoint behind a slow proxy.
const CALL: Duration = Duration::from_secs(20);

/// All queries over a network. Tests replace it.
pub trait Network: Send + Sync {
    /// See [`fit::fit`].
    fn fit(&self, settings: &Settings) -> Option<Fit> {
        fit::fit(settings)
    }
    /// See [`Target::sample`].
    fn sample(&self, settings: &Settings, probe: &dyn Probe) -> Result<Sample, Fault> {
        Ok(Target::new(settings, probe)?.sample())
    }
    /// See [`checks::run`].
    fn checks(&self, cx: &checks::Context<'_>) -> Vec<Finding> {
        checks::run(cx)
    }
    /// See [`checks::smoke`].
    fn smoke(&self, cx: &checks::Context<'_>, on_sample: &mut dyn FnMut(&Sample)) -> Report {
        checks::smoke(cx, on_sample)
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
    /// The registration data for these keys, from the first L1 endpoint that answers.
    fn registration(
        &self,
        urls: &[String],
        registry: Address,
        keys: &[G1Point],
    ) -> Result<Registration, Failure> {
        // If an endpoint fails in the middle, the next one is tried.
        first_that_answers(urls, |reader| {
            let rollup = reader.canonical_rollup(registry)?;
            let escrow = reader.rollup_info(rollup)?.gse;
            Ok(Registration {
                chain: reader.chain_id()?,
                rollup,
                escrow,
                digests: reader.registration_digests(escrow, keys)?,
            })
        })
    }
    /// See [`alert::test`].
    fn alert(&self, settings: &Settings) -> Result<Vec<Delivery>, Fault> {
        alert::test(settings)
    }
}

/// Where attesters are registered, and the digest that each of them signs for it.
#[derive(Debug)]
pub struct Registration {
    /// The id of the chain.
    pub chain: u64,
    /// Its canonical rollup.
    pub rollup: Address,
    /// The contract that holds the stake.
    pub escrow: Address,
    /// One for each key, in the order of the keys.
    pub digests: Vec<G1Point>,
}

/// The failure of an L1 that did not answer.
pub fn no_answer(error: l1::Error) -> Failure {
    Fault::new("failed to query the L1")
        .fix(error.fix())
        .because(error.to_string())
        .coded(exit::L1_SILENT)
        .into()
}

/// The network of this machine.
#[derive(Debug)]
pub struct Internet;

impl Network for Internet {}

/// The result of the first endpoint that answers.
fn first_that_answers<T>(
    urls: &[String],
    ask: impl Fn(&Reader) -> l1::Result<T>,
) -> Result<T, Failure> {
    let mut last = None;
    for url in urls {
        match Reader::connect(url, CALL).and_then(|reader| ask(&reader.patient())) {
            Ok(answer) => return Ok(answer),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error @ l1::Error::Url { .. }) => {
            let fix = error.fix();
            let fault = Fault::new("failed to query the L1").fix(fix);
            Failure::usage(fault.because(error.to_string()))
        }
        Some(error @ l1::Error::Rpc { .. }) => Fault::new("no L1 endpoint answers")
            .fix(error.fix())
            .because(error.to_string())
            .coded(exit::L1_SILENT)
            .into(),
        Some(error) => no_answer(error),
        None => Failure::usage(
            Fault::new("no L1 endpoint is known").fix("Name one with --l1-rpc-urls."),
        ),
    })
}
