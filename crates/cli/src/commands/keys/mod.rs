//! `aztec-kit keys`: validator keys of an operator.

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
    /// Whether the result is JSON anyway: a file that others read.
    pub fn is_for_machines(&self) -> bool {
        matches!(self.command, KeysCommand::StakerOutput(_))
    }
}

/// Does it. Whatever it fails on, no key is in its words: one may stand where a path is expected.
pub fn run(args: &KeysArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    dispatched(args, cx, printer).map_err(|mut failure| {
        let said = failure.fault.chain();
        let masked = urls::masked(&said);
        if masked != said {
            failure.fault = failure.fault.reworded(masked, urls::masked);
        }
        failure
    })
}

fn dispatched(args: &KeysArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    match &args.command {
        KeysCommand::New(args) => new::run(args, cx, printer),
        KeysCommand::Import(args) => import::run(args, cx, printer),
        KeysCommand::List(args) => list::run(args, &cx.view, printer),
        KeysCommand::Check(args) => check::run(args, &cx.view, printer),
        KeysCommand::StakerOutput(args) => staker_output::run(args, cx, printer),
        KeysCommand::Export(args) => export::run(args, cx, printer),
    }
}
