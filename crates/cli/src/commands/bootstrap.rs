//! `aztec-kit bootstrap`

use aztec::checks::{self, Verdict};

use super::setup;
use crate::args::SetupArgs;
use crate::context::Context;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::{CHANGED, Printer, STRONG};
use crate::render;

/// Runs `setup`, then checks that the L1 answers.
pub fn run(args: &SetupArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    if !args.config.names_features() {
        printer.say(&format!(
            "{CHANGED}note:{CHANGED:#} no feature was named; --with-firewall, --with-hardening and --with-monitoring complete a server"
        ));
    }
    let code = setup::run(args, cx, printer)?;
    if args.dry_run || code != exit::OK {
        return Ok(code);
    }
    let view = &cx.view;
    let settings = host::settings(view)?;
    let mut findings = view.network.connectivity(&settings, view.probe())?;
    let fit = host::fit(&settings, view);
    findings.extend(fit.map(|fit| checks::of_fit(&settings, &fit)));
    printer.say(&render::findings(&findings));
    if findings
        .iter()
        .all(|finding| finding.status != Verdict::Fail)
    {
        return Ok(exit::OK);
    }
    printer.say(&format!(
        "{STRONG}next:{STRONG:#} the host is set up, but its L1 is not ok. Fix its L1, then run `aztec-kit smoke`."
    ));
    Ok(exit::FAILED)
}
