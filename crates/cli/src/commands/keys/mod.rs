//! `aztec-kit keys`: the validator keys of an operator.

mod ask;
mod check;
mod export;
mod import;
mod list;
mod new;
mod parallel;
mod place;
mod secrets;
mod staker_output;

use crate::args::keys::{KeysArgs, KeysCommand};
use crate::context::Context;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::urls;

/// Runs a verb. Its errors never contain a key, even if a key was given instead of a path.
pub fn run(args: &KeysArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    dispatch(args, cx, printer).map_err(|mut failure| {
        let chain = failure.fault.chain();
        let masked = urls::masked(&chain);
        if masked != chain {
            failure.fault = failure.fault.reworded(masked, urls::masked);
        }
        failure
    })
}

fn dispatch(args: &KeysArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    match &args.command {
        KeysCommand::New(args) => new::run(args, cx, printer),
        KeysCommand::Import(args) => import::run(args, cx, printer),
        KeysCommand::List(args) => list::run(args, &cx.view, printer),
        KeysCommand::Check(args) => check::run(args, &cx.view, printer),
        KeysCommand::StakerOutput(args) => staker_output::run(args, cx, printer),
        KeysCommand::Export(args) => export::run(args, cx, printer),
    }
}
