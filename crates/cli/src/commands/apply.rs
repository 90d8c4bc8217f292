//! `aztec-kit apply`

use super::converge::{self, Request};
use crate::args::ApplyArgs;
use crate::context::Context;
use crate::exit::Failure;
use crate::host::Host;
use crate::printer::Printer;

/// Converges the host to its configuration.
pub fn run(args: &ApplyArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let session = cx.begin(printer)?;
    let host = Host::configured(args.assertions, &cx.view)?;
    let request = Request {
        args: &args.changing,
        check_l1: false,
    };
    converge::run(Some(session), &host, request, cx, printer)
}
