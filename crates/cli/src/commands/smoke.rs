//! `aztec-kit smoke`

use std::time::Duration;

use aztec::checks::{Context, Verb};
use aztec::settings::Chain;
use aztec::{HostFacts, Severity};

use crate::args::SmokeArgs;
use crate::context::View;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;
use crate::render;

/// Two and a half slots of a live network, 72 s each; five of a local one, 12 s each.
const LIVE_PATIENCE: u64 = 180;
const LOCAL_PATIENCE: u64 = 60;

/// Checks whether the node works. Returns 0 only if it does.
pub fn run(args: &SmokeArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let settings = host::settings(view)?;
    let default = match settings.chain {
        Chain::Local(_) => LOCAL_PATIENCE,
        Chain::Live(_) => LIVE_PATIENCE,
    };
    let patience = Duration::from_secs(args.patience.unwrap_or(default));
    let (facts, receipt) = (HostFacts::gather(view.probe())?, view.records.receipt()?);
    let cx = Context::new(Verb::Smoke, &settings, &facts, &receipt, view.probe());
    let cx = cx.waiting(patience);
    let report = view.network.smoke(&cx, &mut |_| {});
    let report = report.explained(cx.units(), view.probe());
    if printer.json() {
        printer.document(&report);
    } else {
        printer.text(&render::report(&report));
    }
    Ok(if report.severity == Severity::Pass {
        exit::OK
    } else {
        exit::FAILED
    })
}
