//! A spinner on a terminal, plain lines elsewhere.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use provision::engine::{self, Action, Applied, Progress, ResourceId, Unconfirmed};
use provision::host::Probe;

use super::format::ProgressFormat;
use super::phases::{At, Phase};
use crate::console::Console;
use crate::render;
use crate::styles::{DIM, GOOD, STRONG};
use crate::terminal;

/// Progress for people.
pub struct People {
    console: Rc<dyn Console>,
    host: Arc<dyn Probe>,
    bar: Option<ProgressBar>,
    at: At,
    current: String,
}

impl People {
    /// Progress of a run with that many steps on this host.
    pub fn new(
        total: usize,
        format: ProgressFormat,
        console: Rc<dyn Console>,
        host: Arc<dyn Probe>,
    ) -> Self {
        let style =
            ProgressStyle::with_template("{spinner:.green} [{pos}/{len}] {wide_msg} {elapsed}");
        let live = format == ProgressFormat::Auto && console.is_live();
        let bar = live.then(|| {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            console,
            host,
            bar,
            at: At::of(total),
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

    /// Reports the beginning of a phase, once.
    pub fn phase(&mut self, phase: Phase) {
        let begins = self.at.begins(phase);
        self.report(begins);
    }

    fn report(&self, phase: Option<Phase>) {
        if let Some(phase) = phase {
            self.line(&format!(
                "{STRONG}{}/{} {}{STRONG:#}",
                phase.number(),
                Phase::COUNT,
                phase.name()
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

impl Progress for People {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        let begins = self.at.reaches(id);
        self.report(begins);
        self.current = format!("{} {id}", action.verb());
        if let Some(bar) = &self.bar {
            bar.set_message(terminal::line(&self.current));
        }
    }

    fn note(&mut self, text: &str) {
        match &self.bar {
            // A warning gets a line of its own, because the spinner overwrites its message.
            Some(_) if text.starts_with("warning: ") => self.line(&format!("          {text}")),
            Some(bar) => {
                let text = format!("{} ({text})", self.current);
                bar.set_message(terminal::line(&text));
            }
            None => self.line(&format!("          {DIM}{text}{DIM:#}")),
        }
    }

    fn armed(&mut self, waiting: &[Unconfirmed]) {
        self.line(&render::unconfirmed(waiting, engine::left(&*self.host)));
    }

    fn end(&mut self, applied: &Applied) {
        self.at.count();
        let kept = applied
            .kept
            .as_ref()
            .map(|why| format!(", kept: {why}"))
            .unwrap_or_default();
        self.line(&format!(
            "  {GOOD}✓{GOOD:#} {:>2}/{} {} {}{kept} {DIM}{:.1} s{DIM:#}",
            self.at.done,
            self.at.total,
            applied.action.verb(),
            applied.id,
            applied.took.as_secs_f64()
        ));
        if let Some(bar) = &self.bar {
            bar.set_length(self.at.total as u64);
            bar.set_position(self.at.done as u64);
        }
    }
}
