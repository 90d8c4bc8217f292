//! `aztec-kit bootstrap`

use aztec::checks::{self, Verdict};

use super::setup;
use crate::args::SetupArgs;
use crate::context::Context;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::{CHANGED, Printer, STRONG};
use crate::render;

/// Sets up what is asked, and then sees that the L1 behind it answers.
pub fn run(args: &SetupArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    if !args.wanted.asks_features() {
        printer.say(&format!(
            "{CHANGED}note:{CHANGED:#} only what is named is set up: --with-firewall and its kin make a server of it"
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
        "{STRONG}next:{STRONG:#} the host is as asked; mend its L1, then look with `aztec-kit smoke`"
    ));
    Ok(exit::FAILED)
}
