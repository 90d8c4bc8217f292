//! `aztec-kit preflight`

use aztec::HostFacts;
use aztec::checks::{self, Finding, Topic, Verdict};
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
    let (mut findings, mut receipt) = (vec![rights(view)], Receipt::default());
    if view.require_root().is_ok() {
        match view.records.receipt() {
            Ok(found) => receipt = found,
            Err(fault) => findings.push(checks::failed(Topic::Journal, &fault)),
        }
    }
    let (network, probe) = (&view.network, view.probe());
    findings.extend(Finding::of(Topic::Disk, checks::disks(&receipt, probe)));
    findings.extend(network.preflight(&settings, &facts, &receipt, probe));
    let upstream = network.upstream(&settings, &facts, probe);
    findings.extend(Finding::of(Topic::Image, upstream));
    if printer.json() {
        printer.document(&Checked {
            findings: &findings,
        });
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
        Ok(()) => Finding::new(Topic::Rights, Verdict::Pass, "running as root"),
        Err(_) => Finding::new(
            Topic::Rights,
            Verdict::Fail,
            "not root. Run it as root, for example with sudo.",
        ),
    }
}
