//! `aztec-kit forget`

use provision::Fault;

use crate::args::ForgetArgs;
use crate::context::Context;
use crate::documents::Forgotten;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Stops managing a resource and leaves it as it is on the host.
pub fn run(args: &ForgetArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let mut session = cx.begin(printer)?;
    let receipt = session.receipt()?;
    let Some(entry) = receipt
        .entries
        .iter()
        .find(|entry| entry.id.to_string() == args.id)
    else {
        return Err(Fault::new(format!("aztec-kit does not manage {}", args.id))
            .fix("Run `aztec-kit plan --verbose` to see the ids of all resources.")
            .coded(exit::NOT_ON_RECORD)
            .into());
    };
    if receipt
        .unconfirmed
        .iter()
        .any(|change| change.id == entry.id)
    {
        let what = format!("a change of {} waits for confirmation", args.id);
        return Err(Fault::new(what)
            .fix("Run `aztec-kit confirm` first, or wait until the change is rolled back.")
            .coded(exit::UNCONFIRMED)
            .into());
    }
    session.forget(&entry.id)?;
    printer.text(&format!("forgotten: {}", args.id));
    printer.document(&Forgotten { id: &entry.id });
    Ok(exit::OK)
}
