//! `aztec-kit metrics`

use crate::context::View;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;

/// Prints the metrics that Aztec does not push.
pub fn run(view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let text = view.network.metrics(&host::settings(view)?, view.probe())?;
    printer.text(text.trim_end());
    Ok(exit::OK)
}
