//! What checks look at: a host, its configuration, and the answers that several of them need.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use l1::Address;
use l1::observe::Observed;
use provision::Fault;
use provision::engine::{Graph, Receipt};
use provision::host::{Probe, Snapshot};

use super::l1::asked::{Depth, ROLLUP, ask};
use super::verb::Verb;
use crate::desired::desired;
use crate::facts::HostFacts;
use crate::fit::{self, Fit};
use crate::kinds::Kind;
use crate::settings::Settings;
use crate::units::Units;

/// A host and its configuration, for any number of checks at the same time.
pub struct Context<'a> {
    /// What runs the checks.
    pub verb: Verb,
    /// The configuration.
    pub settings: &'a Settings,
    /// The known facts of the host.
    pub facts: &'a HostFacts,
    /// The record of the host.
    pub receipt: &'a Receipt,
    /// Why there is no record, if it could not be read.
    pub unrecorded: Option<&'a Fault>,
    /// Whether the caller is root.
    pub root: bool,
    probe: Snapshot<'a>,
    patience: Duration,
    hurry: AtomicBool,
    fit: OnceLock<Option<Fit>>,
    l1: OnceLock<l1::Result<Observed>>,
    graph: OnceLock<Option<Graph<Kind>>>,
    units: OnceLock<Units>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Context")
    }
}

impl<'a> Context<'a> {
    /// A context for checks that do not wait, run by root.
    pub fn new(
        verb: Verb,
        settings: &'a Settings,
        facts: &'a HostFacts,
        receipt: &'a Receipt,
        probe: &'a dyn Probe,
    ) -> Self {
        Self {
            verb,
            settings,
            facts,
            receipt,
            unrecorded: None,
            root: true,
            probe: Snapshot::of(probe),
            patience: Duration::ZERO,
            hurry: AtomicBool::new(false),
            fit: OnceLock::new(),
            l1: OnceLock::new(),
            graph: OnceLock::new(),
            units: OnceLock::new(),
        }
    }

    /// Whether the caller is root, and why the record could not be read.
    #[must_use]
    pub fn of_user(self, root: bool, unrecorded: Option<&'a Fault>) -> Self {
        Self {
            root,
            unrecorded,
            ..self
        }
    }

    /// Lets checks wait that long for chains to advance.
    #[must_use]
    pub fn waiting(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Takes an answer about the fit of the release that the caller has already.
    #[must_use]
    pub fn knowing(self, fit: Option<Fit>) -> Self {
        Self {
            fit: OnceLock::from(fit),
            ..self
        }
    }

    /// The host. Files are read and programs are run once for all checks.
    pub fn probe(&self) -> &dyn Probe {
        &self.probe
    }

    /// Whether the release fits the rollup; `None` if this host follows no rollup that others deployed.
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.get_or_init(|| fit::fit(self.settings)).as_ref()
    }

    /// What the endpoints of the L1 answered: everything, except for a smoke test, which repeats itself.
    ///
    /// # Errors
    ///
    /// If they could not be asked.
    pub fn l1(&self) -> Result<&Observed, Fault> {
        let depth = match self.verb {
            Verb::Smoke => Depth::Light,
            _ => Depth::Deep,
        };
        let observed = || ask(self.settings, depth, self.rollup());
        let observed = self.l1.get_or_init(observed).as_ref();
        observed.map_err(|error| {
            let fault = Fault::new("failed to ask the L1").fix(error.fix());
            fault.because(error.to_string())
        })
    }

    /// The rollup that the node follows, if the check that asks for it gets an answer soon. Endpoints that do not answer it
    /// must not delay the questions to all of them.
    fn rollup(&self) -> Option<Address> {
        let started = Instant::now();
        while self.fit.get().is_none() && started.elapsed() < ROLLUP {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.fit.get()?.as_ref()?.rollup
    }

    /// The desired state; `None` if it is refused, which is a finding of its own.
    pub fn graph(&self) -> Option<&Graph<Kind>> {
        let graph = || desired(self.settings, self.facts, "").ok();
        self.graph.get_or_init(graph).as_ref()
    }

    /// The units of the host.
    pub fn units(&self) -> &Units {
        let units = || Units::of(self.settings, self.facts);
        self.units.get_or_init(units)
    }

    /// How long a check may wait.
    pub(super) fn patience(&self) -> Duration {
        match self.hurry.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => self.patience,
        }
    }

    /// No check waits from now on.
    pub(super) fn hurry(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }
}
