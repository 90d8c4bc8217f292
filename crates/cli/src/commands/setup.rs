//! `aztec-kit setup`

use super::converge::{self, Ask};
use crate::args::SetupArgs;
use crate::context::Context;
use crate::exit::Failure;
use crate::host::Host;
use crate::printer::Printer;

/// Writes the requested settings into the configuration and converges the host to it.
pub fn run(args: &SetupArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let begin = || cx.begin(printer);
    let session = (!args.dry_run).then(begin).transpose()?;
    let host = Host::requested(
        &args.config.requested(cx.view.ssh_client)?,
        args.assertions,
        &cx.view,
    )?;
    let ask = match args.changing.yes {
        true => Ask::Agreed,
        false => Ask::Operator,
    };
    converge::run(session, &host, ask, &args.changing, cx, printer)
}
