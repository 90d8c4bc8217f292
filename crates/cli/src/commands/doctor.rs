//! `aztec-kit doctor`

use aztec::checks::{Verb, bundle, diagnose};

use crate::args::{Assertions, DoctorArgs};
use crate::context::View;
use crate::exit::{self, Failure};
use crate::host::Host;
use crate::printer::Printer;
use crate::render;

/// Runs every check, and shows the causes of what is wrong, each with its consequences.
pub fn run(args: &DoctorArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let host = Host::configured(Assertions::default(), view)?;
    let cx = host.looked_at(Verb::Doctor).knowing(host.fit().cloned());
    let diagnosis = diagnose(&cx, view.network.checks(&cx));
    if args.bundle {
        printer.for_machines();
        printer.document(&bundle(&cx, &diagnosis));
    } else if printer.json() {
        printer.document(&diagnosis);
    } else {
        printer.text(&render::diagnosis(&diagnosis));
    }
    Ok(if diagnosis.severity.is_fit() {
        exit::OK
    } else {
        exit::FAILED
    })
}
