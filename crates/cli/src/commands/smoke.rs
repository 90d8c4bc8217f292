//! `aztec-kit smoke`

use std::time::Duration;

use aztec::settings::Chain;
use aztec::{Health, HostFacts, Units};

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
    let units = Units::of(&settings, &HostFacts::gather(view.probe())?);
    let report = view
        .network
        .smoke(&settings, &units, view.probe(), patience, &mut |_| {});
    let report = report.explained(&units, view.probe());
    if printer.json() {
        printer.document(&report);
    } else {
        printer.text(&render::report(&report));
    }
    Ok(if report.status == Health::Ok {
        exit::OK
    } else {
        exit::FAILED
    })
}
