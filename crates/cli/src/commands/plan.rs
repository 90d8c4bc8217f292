//! `aztec-kit plan`

use aztec::Severity;
use aztec::checks::{self, Topic, Verb};

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
    let cx = host.looked_at(Verb::Plan).knowing(host.fit().cloned());
    let mut findings = checks::run(&cx);
    // A reader of a plan also needs to know that the release fits, which packages it installs, and which databases stay.
    let needed = [Topic::ReleaseFits, Topic::Packages, Topic::Databases];
    findings.retain(|it| it.severity != Severity::Pass || needed.contains(&it.id));
    if !findings.is_empty() {
        printer.say(&render::findings(&findings));
    }
    let unfit = findings.iter().find(|finding| !finding.severity.is_fit());
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
