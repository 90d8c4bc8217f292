//! `aztec-kit setup`

use super::converge::{self, Ask};
use crate::args::SetupArgs;
use crate::exit::Failure;
use crate::host::{self, Host};
use crate::printer::Printer;

/// Writes what is asked into the configuration and makes the host so.
pub fn run(args: &SetupArgs, printer: &mut Printer) -> Result<u8, Failure> {
    let lock = (!args.dry_run).then(|| host::lock(printer)).transpose()?;
    let host = Host::asked(&args.wanted.asked()?, args.vouched)?;
    let ask = match (args.dry_run, args.changing.yes) {
        (true, _) => Ask::Never,
        (false, true) => Ask::Agreed,
        (false, false) => Ask::Operator,
    };
    converge::run(lock, &host, ask, &args.changing, printer)
}
