//! `aztec-kit forget`

use provision::Fault;

use crate::args::ForgetArgs;
use crate::context::Context;
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
        return Err(Failure::usage(
            Fault::new(format!("{} is not on record", args.id))
                .fix("`aztec-kit plan --verbose` shows all ids."),
        ));
    };
    if receipt
        .unconfirmed
        .iter()
        .any(|change| change.id == entry.id)
    {
        return Err(Failure::usage(
            Fault::new(format!(
                "a change of {} waits for its confirmation",
                args.id
            ))
            .fix("Run `aztec-kit confirm` first, or wait until it is taken back."),
        ));
    }
    session.forget(&entry.id)?;
    printer.text(&format!("forgotten: {}", args.id));
    Ok(exit::OK)
}
