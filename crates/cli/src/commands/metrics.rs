//! `aztec-kit metrics`

use aztec::checks;
use provision::host::RealHost;

use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;

/// Prints what Aztec does not push.
pub fn run(printer: &mut Printer) -> Result<u8, Failure> {
    let text = checks::metrics(&host::settings()?, &RealHost)?;
    printer.text(text.trim_end());
    Ok(exit::OK)
}
