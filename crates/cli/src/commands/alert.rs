//! `aztec-kit alert`

use aztec::alert::Arrival;

use crate::args::{AlertArgs, AlertCommand};
use crate::context::View;
use crate::documents::Alerted;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;

/// Sends an alert that means nothing to every receiver; 0 only when all of them took it.
pub fn run(args: &AlertArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let AlertCommand::Test = args.command;
    let deliveries = view.network.alert(&host::settings(view)?);
    let deliveries = deliveries.map_err(Failure::usage)?;
    if printer.json() {
        printer.document(&Alerted {
            deliveries: &deliveries,
        });
    } else {
        for delivery in &deliveries {
            let said = match delivery.result {
                Arrival::Taken => "took it",
                Arrival::Failed => {
                    "refused it, or cannot be reached; `journalctl -u prometheus-alertmanager` tells why"
                }
                Arrival::Silent => "got nothing in time",
            };
            printer.text(&format!("{}: {said}", delivery.receiver));
        }
    }
    let all = deliveries
        .iter()
        .all(|delivery| delivery.result == Arrival::Taken);
    Ok(if all { exit::OK } else { exit::FAILED })
}
