//! `aztec-kit preflight`

use aztec::HostFacts;
use aztec::checks::{self, Finding, Verdict};

use crate::args::PreflightArgs;
use crate::context::View;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;
use crate::render;

/// Checks whether this host can become what is asked.
pub fn run(args: &PreflightArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let (_, settings) = host::asked(&args.wanted.asked(view.ssh_client)?, view)?;
    let settings = args.vouched.for_this_run(settings);
    let facts = HostFacts::gather(view.probe())?;
    let mut findings = vec![rights(view)];
    if view.require_root().is_ok() {
        match view.records.receipt() {
            Ok(receipt) => {
                findings.extend(Finding::of("disk", checks::disks(&receipt, view.probe())))
            }
            Err(fault) => findings.push(checks::failed("journal", &fault)),
        }
    }
    findings.extend(view.network.preflight(&settings, &facts, view.probe()));
    let upstream = view.network.upstream(&settings, &facts, view.probe());
    findings.extend(Finding::of("image", upstream));
    if printer.json() {
        printer.document(&findings);
    } else {
        printer.text(&render::findings(&findings));
    }
    let fit = findings
        .iter()
        .all(|finding| finding.status != Verdict::Fail);
    Ok(if fit { exit::OK } else { exit::FAILED })
}

fn rights(view: &View) -> Finding {
    match view.require_root() {
        Ok(()) => Finding::new("rights", Verdict::Pass, "running as root"),
        Err(_) => Finding::new(
            "rights",
            Verdict::Fail,
            "not root. Run it as root, for example with sudo.",
        ),
    }
}
