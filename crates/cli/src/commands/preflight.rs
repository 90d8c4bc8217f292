//! `aztec-kit preflight`

use aztec::HostFacts;
use aztec::checks::{Context, Verb};
use provision::engine::Receipt;

use crate::args::PreflightArgs;
use crate::context::View;
use crate::documents::Checked;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;
use crate::render;

/// Checks whether this host can run the configuration.
pub fn run(args: &PreflightArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let (_, settings) = host::requested(&args.config.requested(view.ssh_client)?, view)?;
    let settings = args.assertions.for_this_run(settings);
    let facts = HostFacts::gather(view.probe())?;
    let root = view.require_root().is_ok();
    let (receipt, unrecorded) = match root.then(|| view.records.receipt()) {
        Some(Ok(receipt)) => (receipt, None),
        Some(Err(fault)) => (Receipt::default(), Some(fault)),
        None => (Receipt::default(), None),
    };
    let cx = Context::new(Verb::Preflight, &settings, &facts, &receipt, view.probe());
    let findings = view.network.checks(&cx.of_user(root, unrecorded.as_ref()));
    if printer.json() {
        printer.document(&Checked {
            findings: &findings,
        });
    } else {
        printer.text(&render::findings(&findings));
    }
    let fit = findings.iter().all(|finding| finding.severity.is_fit());
    Ok(if fit { exit::OK } else { exit::FAILED })
}
