//! `aztec-kit preflight`

use aztec::HostFacts;
use aztec::checks::{self, Finding, Verdict};
use provision::host::RealHost;

use crate::args::PreflightArgs;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;
use crate::render;

/// Checks whether this host can become what is asked.
pub fn run(args: &PreflightArgs, printer: &mut Printer) -> Result<u8, Failure> {
    let (_, settings) = host::asked(&args.wanted.asked()?)?;
    let settings = args.vouched.for_this_run(settings);
    let facts = HostFacts::gather(&RealHost)?;
    let mut findings = vec![rights()];
    if host::require_root().is_ok() {
        match host::access().records().receipt() {
            Ok(receipt) => findings.extend(Finding::of("disk", checks::disks(&receipt, &RealHost))),
            Err(fault) => findings.push(checks::failed("journal", &fault)),
        }
    }
    findings.extend(checks::preflight(&settings, &facts, &RealHost));
    let upstream = checks::upstream(&settings, &facts, &RealHost);
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

fn rights() -> Finding {
    match host::require_root() {
        Ok(()) => Finding::new("rights", Verdict::Pass, "running as root"),
        Err(_) => Finding::new(
            "rights",
            Verdict::Fail,
            "not root. Run it as root, for example with sudo.",
        ),
    }
}
