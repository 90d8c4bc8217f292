//! `aztec-kit alert`

use aztec::alert::Arrival;

use crate::args::{AlertArgs, AlertCommand};
use crate::context::View;
use crate::documents::Alerted;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;

/// Sends a test alert to every receiver. Returns 0 only if all of them accepted it.
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
            let outcome = match delivery.result {
                Arrival::Taken => "accepted it",
                Arrival::Failed => {
                    "refused it, or could not be reached; `journalctl -u prometheus-alertmanager` shows the reason"
                }
                Arrival::Silent => "did not get it in time",
            };
            printer.text(&format!("{}: {outcome}", delivery.receiver));
        }
    }
    let all = deliveries
        .iter()
        .all(|delivery| delivery.result == Arrival::Taken);
    Ok(if all { exit::OK } else { exit::FAILED })
}
