//! `aztec-kit keys`: the validator keys of an operator.

mod ask;
mod check;
mod export;
mod flags;
mod import;
mod list;
mod new;
mod parallel;
mod place;
mod secrets;
mod staker_output;

use clap::{Args as ClapArgs, Subcommand};

use crate::context::Context;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::urls;

/// Flags of `keys`.
#[derive(Debug, ClapArgs)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Create keys from a new mnemonic, which is shown once and on the terminal only
    New(new::NewArgs),
    /// Import keys from a mnemonic, a keystore or key files
    Import(import::ImportArgs),
    /// List addresses and public keys; shows no secret
    List(list::ListArgs),
    /// Check keystore files, permissions and duplicates; changes nothing
    Check(check::CheckArgs),
    /// Write the file that registers attesters (public keys and proofs of possession)
    StakerOutput(staker_output::StakerOutputArgs),
    /// Export an encrypted backup
    Export(export::ExportArgs),
}

impl KeysArgs {
    /// Whether the result is always JSON, as a file for other programs.
    pub fn is_for_machines(&self) -> bool {
        matches!(self.command, KeysCommand::StakerOutput(_))
    }
}

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
