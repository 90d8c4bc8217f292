//! `aztec-kit bootstrap`

use super::setup;
use crate::args::SetupArgs;
use crate::context::Context;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::styles::CHANGED;

/// Runs `setup`, then checks that the L1 answers.
pub fn run(args: &SetupArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    if !args.config.names_features() {
        printer.say(&format!(
            "{CHANGED}note:{CHANGED:#} no feature was named; --with-firewall, --with-hardening and --with-monitoring complete a server"
        ));
    }
    setup::with_l1(true, args, cx, printer)
}
