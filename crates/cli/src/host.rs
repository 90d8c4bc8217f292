//! What every command starts from: the configuration, the host, and what was done to it before.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aztec::checks::{self, Report};
use aztec::kinds::Kind;
use aztec::settings::{Asked, Settings, edited};
use aztec::{CONFIG, HostFacts, KIT_STATE};
use provision::Fault;
use provision::engine::{FileJournal, Graph, Journal, Plan, Receipt, RunLock};
use provision::host::{Probe, RealHost};

use crate::args::Vouched;
use crate::exit::Failure;
use crate::printer::Printer;

/// The host as configured.
pub struct Host {
    /// What is wanted.
    pub settings: Settings,
    /// Facts of the host.
    pub facts: HostFacts,
    /// The desired state.
    pub graph: Graph<Kind>,
    /// What was done before.
    pub receipt: Receipt,
}

/// Refuses to go on without the rights to look at everything.
pub fn require_root() -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::usage(
        Fault::new("this command needs root").fix("Run it as root, for example with sudo."),
    ))
}

fn config_text() -> Result<Option<String>, Failure> {
    RealHost.text(Path::new(CONFIG)).map_err(Failure::usage)
}

/// The settings of this host, without the rest.
pub fn settings() -> Result<Settings, Failure> {
    require_root()?;
    let text = config_text()?.ok_or_else(no_config)?;
    Settings::parse(&text).map_err(Failure::usage)
}

/// What the file says with what is asked in it; the text and its settings.
pub fn asked(asked: &Asked) -> Result<(String, Settings), Failure> {
    let text = edited(config_text()?.as_deref(), asked).map_err(Failure::usage)?;
    let settings = Settings::parse(&text).map_err(Failure::usage)?;
    Ok((text, settings))
}

fn no_config() -> Failure {
    Failure::usage(
        Fault::new(format!("{CONFIG} does not exist")).fix("Run `aztec-kit setup` first."),
    )
}

impl Host {
    /// The host as its configuration says.
    pub fn configured(vouched: Vouched) -> Result<Self, Failure> {
        require_root()?;
        let text = config_text()?.ok_or_else(no_config)?;
        let settings = Settings::parse(&text).map_err(Failure::usage)?;
        Self::new(vouched.for_this_run(settings), &text)
    }

    /// The host as it is asked to be.
    pub fn asked(wanted: &Asked, vouched: Vouched) -> Result<Self, Failure> {
        require_root()?;
        let (text, settings) = asked(wanted)?;
        Self::new(vouched.for_this_run(settings), &text)
    }

    fn new(settings: Settings, text: &str) -> Result<Self, Failure> {
        let facts = HostFacts::gather(&RealHost)?;
        let graph = aztec::desired(&settings, &facts, text).map_err(Failure::usage)?;
        let receipt = FileJournal::new(Path::new(KIT_STATE)).receipt()?;
        Ok(Self {
            settings,
            facts,
            graph,
            receipt,
        })
    }

    /// How its processes run, and why so; one line.
    pub fn runtime(&self) -> String {
        let choice = aztec::choose(&self.settings, &self.facts);
        format!("runtime {}\n", choice.shown())
    }

    /// What would change.
    pub fn plan(&self) -> Result<Plan, Failure> {
        Ok(Plan::make(&self.graph, &self.receipt, &RealHost)?)
    }

    /// Asks whether both chains go on.
    pub fn smoke(
        &self,
        patience: Duration,
        on_sample: &mut dyn FnMut(&checks::Sample),
    ) -> Result<Report, Fault> {
        checks::smoke(&self.settings, &self.facts, &RealHost, patience, on_sample)
    }
}

/// Takes the lock that only one changing run can hold.
pub fn lock(printer: &mut Printer) -> Result<RunLock, Failure> {
    Ok(RunLock::take(Path::new(KIT_STATE), &mut |text| {
        printer.say(text)
    })?)
}

/// Set by Ctrl-C or a termination: the run stops after its step. A second one ends it at once.
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
