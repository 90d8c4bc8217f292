//! `aztec-kit apply`

use super::converge::{self, Ask};
use crate::args::ApplyArgs;
use crate::exit::Failure;
use crate::host::{self, Host};
use crate::printer::Printer;

/// Makes the host what its configuration says.
pub fn run(args: &ApplyArgs, printer: &mut Printer) -> Result<u8, Failure> {
    let session = host::begin(printer)?;
    let host = Host::configured(args.vouched)?;
    let ask = if args.changing.yes {
        Ask::Agreed
    } else {
        Ask::Operator
    };
    converge::run(Some(session), &host, ask, &args.changing, printer)
}
