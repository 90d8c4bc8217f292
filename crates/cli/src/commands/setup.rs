//! `aztec-kit setup`

use super::converge::{self, Request};
use crate::args::SetupArgs;
use crate::context::Context;
use crate::exit::Failure;
use crate::host::Host;
use crate::printer::Printer;

/// Runs `setup`.
pub fn run(args: &SetupArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    with_l1(false, args, cx, printer)
}

/// Writes the requested settings into the configuration, converges the host to it, and checks its L1 if requested.
pub fn with_l1(
    check_l1: bool,
    args: &SetupArgs,
    cx: &Context,
    printer: &mut Printer,
) -> Result<u8, Failure> {
    let begin = || cx.begin(printer);
    let session = (!args.dry_run).then(begin).transpose()?;
    let host = Host::requested(
        &args.config.requested(cx.view.ssh_client)?,
        args.assertions,
        &cx.view,
    )?;
    let request = Request {
        args: &args.changing,
        check_l1,
    };
    converge::run(session, &host, request, cx, printer)
}
