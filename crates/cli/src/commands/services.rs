//! `aztec-kit start` and `stop`

use std::time::Duration;

use aztec::{HostFacts, Units};
use provision::Fault;
use provision::engine::Session;
use provision::host::Invocation;

use crate::context::{Context, View};
use crate::documents::ServiceCommand;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;

/// A node may take minutes to close its databases.
const TIMEOUT: Duration = Duration::from_secs(600);

pub(super) fn units(view: &View) -> Result<Units, Failure> {
    let facts = HostFacts::gather(view.probe())?;
    Ok(Units::of(&host::settings(view)?, &facts))
}

/// Starts the services of all roles of this host.
pub fn start(cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let session = cx.begin(printer)?;
    host::disks(&session.receipt()?, &cx.view)?;
    host::warn_unfit(&host::settings(&cx.view)?, &cx.view, printer);
    invoke("start", units(&cx.view)?.work, session, printer)
}

/// Stops the services of all roles of this host, the node before its L1.
pub fn stop(cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let session = cx.begin(printer)?;
    let mut units = units(&cx.view)?.work;
    units.reverse();
    invoke("stop", units, session, printer)
}

fn invoke(
    verb: &str,
    units: Vec<String>,
    mut session: Session,
    printer: &mut Printer,
) -> Result<u8, Failure> {
    for unit in &units {
        let order = Invocation::new(["systemctl", verb, unit]).timeout(TIMEOUT);
        session.order(&format!("last {verb}"), unit.clone(), &order)?;
        printer.text(&format!("{verb}: {unit}"));
    }
    printer.document(&ServiceCommand {
        verb,
        units: &units,
    });
    if verb == "stop" {
        printer.say("`aztec-kit start` or the next `apply` starts them again");
    }
    Ok(exit::OK)
}

/// The named unit, or every unit of this host.
pub(super) fn chosen(unit: Option<&String>, view: &View) -> Result<Vec<String>, Failure> {
    let units = match unit {
        Some(unit) => vec![unit.clone()],
        None => units(view)?.all(),
    };
    if units.is_empty() {
        // journalctl without a unit would show everything.
        let fault =
            Fault::new("this host has no services, because it has neither a role nor monitoring");
        return Err(Failure::usage(fault.fix("Name a unit as an argument.")));
    }
    Ok(units)
}
