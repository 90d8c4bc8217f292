//! The start of every command: the configuration, the facts of the host, and the receipt.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use aztec::Severity;
use aztec::checks::{self, Context, Finding, Report, Verb};
use aztec::fit::Fit;
use aztec::kinds::Kind;
use aztec::settings::{Asked, Settings, edited};
use aztec::{CONFIG, HostFacts, KitToml, Releases, Units};
use provision::Fault;
use provision::engine::{Graph, Plan, Receipt, Session, Unseen};
use provision::host::{Early, Query};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::args::Assertions;
use crate::context::View;
use crate::exit::{self, Failure};
use crate::printer::Printer;
use crate::render;

/// The host as configured.
pub struct Host<'a> {
    /// The host itself.
    pub view: &'a View,
    /// The settings.
    pub settings: Settings,
    /// Facts of the host.
    pub facts: HostFacts,
    /// The desired state.
    pub graph: Graph<Kind>,
    /// The receipt of earlier runs.
    pub receipt: Receipt,
    /// Queries to programs that run while the rest is read, for the first plan.
    early: Cell<Option<Early>>,
    /// The units of the host. They are computed on first use, because a run that changes nothing does not need them.
    runs: OnceCell<Units>,
    /// Whether the release fits the rollup.
    fit: OnceCell<Option<Fit>>,
    /// The thread that queries the L1 for `fit`.
    asking: Cell<Option<JoinHandle<Option<Fit>>>>,
}

fn config_text(view: &View) -> Result<Option<String>, Failure> {
    view.host.text(Path::new(CONFIG)).map_err(Failure::usage)
}

/// The settings of this host, without the rest.
pub fn settings(view: &View) -> Result<Settings, Failure> {
    view.require_root()?;
    let text = config_text(view)?.ok_or_else(no_config)?;
    parsed(&text, view)
}

/// The settings of a text, with the releases that this host knows.
fn parsed(text: &str, view: &View) -> Result<Settings, Failure> {
    let releases = Releases::of_host(view.probe()).map_err(invalid)?;
    Settings::parse_with(text, &releases).map_err(invalid)
}

/// The settings of this host, if it has a configuration.
pub fn settings_if_any(view: &View) -> Result<Option<Settings>, Failure> {
    let text = config_text(view)?;
    text.map(|text| parsed(&text, view)).transpose()
}

/// The text of `kit.toml` with the requested settings in it, and the settings of that text.
pub fn requested(edit: &Asked, view: &View) -> Result<(String, Settings), Failure> {
    edited_from(config_text(view)?.as_deref(), edit, view)
}

fn edited_from(
    read: Option<&str>,
    edit: &Asked,
    view: &View,
) -> Result<(String, Settings), Failure> {
    let text = edited(read, edit).map_err(invalid)?;
    let settings = parsed(&text, view)?;
    Ok((text, settings))
}

fn no_config() -> Failure {
    Fault::new(format!("{CONFIG} does not exist"))
        .fix("Run `aztec-kit setup` first.")
        .coded(exit::CONFIG_MISSING)
        .into()
}

/// The configuration, or a requested setting, is invalid.
fn invalid(fault: Fault) -> Failure {
    fault.or_coded(exit::CONFIG_INVALID).into()
}

/// The note with the queries of the last run that changed something.
const QUERIES: &str = "asked";

/// Queries that are made before it is known whether they are needed.
#[derive(Default, Serialize, Deserialize)]
struct EarlyQueries {
    units: BTreeSet<String>,
    questions: Vec<Query>,
}

/// The receipt of this host, and the early queries to its programs.
struct Before {
    receipt: Receipt,
    early: Option<Early>,
}

impl Before {
    fn read(view: &View) -> Result<Self, Failure> {
        let receipt = view.records.receipt()?;
        let note = receipt.notes.get(QUERIES);
        // Another version may have left a note that this version cannot read.
        let queries = note.and_then(|note| EarlyQueries::deserialize(note).ok());
        let EarlyQueries { units, questions } = queries.unwrap_or_default();
        Ok(Self {
            early: Early::ask(units, &questions, &view.host),
            receipt,
        })
    }
}

impl<'a> Host<'a> {
    /// The host with the desired state of its configuration.
    pub fn configured(assertions: Assertions, view: &'a View) -> Result<Self, Failure> {
        view.require_root()?;
        let text = config_text(view)?.ok_or_else(no_config)?;
        let before = Before::read(view)?;
        let settings = parsed(&text, view)?;
        let kit_toml = KitToml::as_read(&text);
        Self::new(before, assertions.for_this_run(settings), kit_toml, view)
    }

    /// The host with the desired state of its configuration and the requested settings.
    pub fn requested(
        edit: &Asked,
        assertions: Assertions,
        view: &'a View,
    ) -> Result<Self, Failure> {
        view.require_root()?;
        let read = config_text(view)?;
        let (text, settings) = edited_from(read.as_deref(), edit, view)?;
        let kit_toml = KitToml::edited(&text, read.as_deref());
        let before = Before::read(view)?;
        Self::new(before, assertions.for_this_run(settings), kit_toml, view)
    }

    fn new(
        before: Before,
        settings: Settings,
        kit_toml: KitToml<'_>,
        view: &'a View,
    ) -> Result<Self, Failure> {
        aztec::asked_for_nothing(&settings, &before.receipt).map_err(invalid)?;
        // A local network has no rollup to query, so it needs no thread.
        let asking = settings.live().map(|_| {
            let (settings, network) = (settings.clone(), Arc::clone(&view.network));
            std::thread::spawn(move || network.fit(&settings))
        });
        let facts = HostFacts::gather(view.probe())?;
        let graph = aztec::desired(&settings, &facts, kit_toml).map_err(invalid)?;
        Ok(Self {
            view,
            settings,
            facts,
            graph,
            receipt: before.receipt,
            early: Cell::new(before.early),
            runs: OnceCell::new(),
            fit: OnceCell::new(),
            asking: Cell::new(asking),
        })
    }

    /// The runtime of its processes, and the reason; one line.
    pub fn runtime(&self) -> String {
        let choice = aztec::choose(&self.settings, &self.facts);
        format!("runtime {}\n", choice.shown())
    }

    /// The units of the host.
    pub fn runs(&self) -> &Units {
        let units = || Units::of(&self.settings, &self.facts);
        self.runs.get_or_init(units)
    }

    /// Whether its release fits the rollup that it would follow; `None` on a local network.
    pub fn fit(&self) -> Option<&Fit> {
        let fit = self.fit.get_or_init(|| {
            let answer = self.asking.take()?.join();
            answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        fit.as_ref()
    }

    /// The same as a finding, unless the release fits.
    pub fn unfit(&self) -> Option<Finding> {
        let finding = checks::of_fit(&self.settings, self.fit()?);
        (finding.severity != Severity::Pass).then_some(finding)
    }

    /// Records the queries of a run that changes the host, so that the next run can start with the same queries.
    pub fn record_queries(&self, session: &mut Session) -> Result<(), Fault> {
        let queries = EarlyQueries {
            units: self.graph.units(),
            questions: self.graph.questions(),
        };
        session.note(QUERIES, json!(queries))
    }

    /// Refuses to continue if a disk is missing that was mounted earlier: nothing is planned for the directory below it.
    pub fn disks(&self) -> Result<(), Failure> {
        disks(&self.receipt, self.view)
    }

    /// The plan.
    pub fn plan(&self) -> Result<Plan, Failure> {
        let early = self.early.take();
        Ok(Plan::make_with(
            &self.graph,
            &self.receipt,
            self.view.probe(),
            early,
        )?)
    }

    /// The plan as far as it is known, for verbs that only observe.
    pub fn survey(&self) -> Result<(Plan, Vec<Unseen>), Fault> {
        let early = self.early.take();
        Plan::survey(&self.graph, &self.receipt, self.view.probe(), early)
    }

    /// What the checks of a verb look at.
    pub fn looked_at(&self, verb: Verb) -> Context<'_> {
        let probe = self.view.probe();
        Context::new(verb, &self.settings, &self.facts, &self.receipt, probe)
    }

    /// The findings of a verb.
    pub fn checks(&self, verb: Verb) -> Vec<Finding> {
        let cx = self.looked_at(verb).knowing(self.fit().cloned());
        self.view.network.checks(&cx)
    }

    /// The smoke test: whether services run and both chains advance.
    pub fn smoke(&self, patience: Duration, on_sample: &mut dyn FnMut(&checks::Sample)) -> Report {
        let cx = self.looked_at(Verb::Smoke).waiting(patience);
        self.view.network.smoke(&cx, on_sample)
    }
}

/// Refuses to continue if a disk is missing that was mounted earlier.
pub fn disks(receipt: &Receipt, view: &View) -> Result<(), Failure> {
    let gone = provision::kinds::gone(receipt, view.probe())?;
    match gone.into_iter().next() {
        Some(gone) => Err(Fault::from(gone).into()),
        None => Ok(()),
    }
}

/// Whether the release fits the rollup, according to the L1. `None` on a local network.
pub fn fit(settings: &Settings, view: &View) -> Option<Fit> {
    settings.live().and_then(|_| view.network.fit(settings))
}

/// Prints one line if the release does not fit the rollup, or if that is unknown.
pub fn warn_unfit(settings: &Settings, view: &View, printer: &mut Printer) {
    let fit = fit(settings, view);
    let fit = fit.map(|fit| checks::of_fit(settings, &fit));
    if let Some(unfit) = fit.filter(|fit| fit.severity != Severity::Pass) {
        printer.say(&render::findings(&[unfit]));
    }
}

/// A flag that Ctrl-C or SIGTERM sets: the run then stops after the current step. A second signal ends the process at once.
pub fn cancel() -> Result<Arc<AtomicBool>, Fault> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&cancel))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&cancel)))
            .map_err(|error| Fault::new("failed to listen for Ctrl-C").because(error))?;
    }
    Ok(cancel)
}
