//! `aztec-kit plan`

use aztec::checks::{self, Verdict};

use crate::args::{PlanArgs, Vouched};
use crate::exit::{self, Failure};
use crate::host::Host;
use crate::printer::Printer;
use crate::render;

/// Shows what would change.
pub fn run(args: &PlanArgs, printer: &mut Printer) -> Result<u8, Failure> {
    let host = Host::configured(Vouched::default())?;
    let plan = host.plan()?;
    let release = checks::release(&host.settings);
    if release.status != Verdict::Pass {
        printer.say(&render::findings(&[release]));
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
