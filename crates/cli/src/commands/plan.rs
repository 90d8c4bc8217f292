//! `aztec-kit plan`

use aztec::checks::{self, Verdict};

use super::converge;
use crate::args::{Assertions, PlanArgs};
use crate::context::View;
use crate::exit::{self, Failure};
use crate::host::Host;
use crate::printer::Printer;
use crate::render;

/// Shows the plan.
pub fn run(args: &PlanArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let host = Host::configured(Assertions::default(), view)?;
    host.disks()?;
    let plan = host.plan()?;
    let mut findings = vec![checks::release(&host.settings)];
    findings.push(checks::data_dir(&host.settings, &host.facts, view.probe())?);
    findings.retain(|finding| finding.status != Verdict::Pass);
    // A reader of a plan also needs to know whether the release fits.
    let fit = host.fit();
    findings.extend(fit.map(|fit| checks::of_fit(&host.settings, fit)));
    findings.extend(checks::other_databases(&host.settings, view.probe(), fit)?);
    findings.extend(checks::packages(&host.graph, view.probe())?);
    if !findings.is_empty() {
        printer.say(&render::findings(&findings));
    }
    let unfit = findings
        .iter()
        .find(|finding| finding.status == Verdict::Fail);
    if let Some(unfit) = unfit.filter(|_| !plan.is_empty()) {
        return Err(converge::refused(unfit));
    }
    if printer.json() {
        printer.document(&plan);
    } else {
        printer.text(&render::plan(&plan, args.verbose));
        printer.text(&host.runtime());
    }
    Ok(if args.check && !plan.is_empty() {
        exit::PENDING
    } else {
        exit::OK
    })
}
