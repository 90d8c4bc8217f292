//! Showing a run: a spinner on a terminal, plain lines elsewhere.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use provision::engine::{Action, Applied, Progress, ResourceId, Unconfirmed};
use provision::host::Probe;

use crate::commands::confirm;
use crate::console::Console;
use crate::context::View;
use crate::printer::{DIM, GOOD, Printer, STRONG};
use crate::terminal;

/// The phases of the specification, in order.
const PHASES: [&str; 4] = ["provisioning", "services", "networking", "verification"];

/// Progress on standard error.
pub struct Shown {
    console: Rc<dyn Console>,
    host: Arc<dyn Probe>,
    bar: Option<ProgressBar>,
    total: usize,
    done: usize,
    phase: usize,
    current: String,
}

/// What a resource is for; decides its phase.
fn phase(id: &ResourceId) -> usize {
    const SERVICES: [&str; 8] = [
        "unit[",
        "service[",
        "chain[",
        "contracts[",
        "stake[",
        "secret[",
        "digest[",
        "validator-key[",
    ];
    let id = id.to_string();
    usize::from(SERVICES.iter().any(|kind| id.starts_with(kind)) || id.ends_with(".env]"))
}

impl Shown {
    /// Progress over that many steps of a run on this host.
    pub fn new(total: usize, view: &View, printer: &Printer) -> Self {
        let console = printer.console();
        let style =
            ProgressStyle::with_template("{spinner:.green} [{pos}/{len}] {wide_msg} {elapsed}");
        let bar = console.is_live().then(|| {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            console,
            host: Arc::clone(&view.host),
            bar,
            total,
            done: 0,
            phase: usize::MAX,
            current: String::new(),
        }
    }

    fn line(&self, text: &str) {
        let text = terminal::shown(text);
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.say(&text)),
            None => self.console.say(&text),
        }
    }

    /// Says which phase begins, once.
    pub fn phase(&mut self, phase: usize) {
        if self.phase != phase {
            self.phase = phase;
            self.line(&format!(
                "{STRONG}{}/{} {}{STRONG:#}",
                phase + 1,
                PHASES.len(),
                PHASES[phase]
            ));
        }
    }

    /// Ends the spinner.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        // Phases only go forward: a late file is shown where the run is.
        let phase = phase(id);
        self.phase(if self.phase == usize::MAX {
            phase
        } else {
            phase.max(self.phase)
        });
        self.current = format!("{} {id}", action.verb());
        if let Some(bar) = &self.bar {
            bar.set_message(terminal::line(&self.current));
        }
    }

    fn note(&mut self, text: &str) {
        match &self.bar {
            // A warning stays when the spinner goes on.
            Some(_) if text.starts_with("warning: ") => self.line(&format!("          {text}")),
            Some(bar) => {
                let text = format!("{} ({text})", self.current);
                bar.set_message(terminal::line(&text));
            }
            None => self.line(&format!("          {DIM}{text}{DIM:#}")),
        }
    }

    fn armed(&mut self, waiting: &[Unconfirmed]) {
        self.line(&confirm::waiting(waiting, &*self.host));
    }

    fn end(&mut self, applied: &Applied) {
        self.done += 1;
        // A step that was not planned (it followed from another one) still counts.
        self.total = self.total.max(self.done);
        let kept = applied
            .kept
            .as_ref()
            .map(|why| format!(", kept: {why}"))
            .unwrap_or_default();
        self.line(&format!(
            "  {GOOD}✓{GOOD:#} {:>2}/{} {} {}{kept} {DIM}{:.1} s{DIM:#}",
            self.done,
            self.total,
            applied.action.verb(),
            applied.id,
            applied.took.as_secs_f64()
        ));
        if let Some(bar) = &self.bar {
            bar.set_length(self.total as u64);
            bar.set_position(self.done as u64);
        }
    }
}
