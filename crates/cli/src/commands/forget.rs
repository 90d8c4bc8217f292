//! `aztec-kit forget`

use provision::Fault;

use crate::args::ForgetArgs;
use crate::context::Context;
use crate::documents::Forgotten;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Takes a resource off the record; the host itself is not touched.
pub fn run(args: &ForgetArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let mut session = cx.begin(printer)?;
    let receipt = session.receipt()?;
    let Some(entry) = receipt
        .entries
        .iter()
        .find(|entry| entry.id.to_string() == args.id)
    else {
        return Err(Fault::new(format!("{} is not on record", args.id))
            .fix("`aztec-kit plan --verbose` shows all ids.")
            .coded(exit::NOT_ON_RECORD)
            .into());
    };
    if receipt
        .unconfirmed
        .iter()
        .any(|change| change.id == entry.id)
    {
        let what = format!("a change of {} waits for its confirmation", args.id);
        return Err(Fault::new(what)
            .fix("Run `aztec-kit confirm` first, or wait until it is taken back.")
            .coded(exit::UNCONFIRMED)
            .into());
    }
    session.forget(&entry.id)?;
    printer.text(&format!("forgotten: {}", args.id));
    printer.document(&Forgotten { id: &entry.id });
    Ok(exit::OK)
}
