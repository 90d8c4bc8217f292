//! `aztec-kit completions`

use clap_complete::Shell as Kind;

use crate::args::{CompletionsArgs, Shell};
use crate::examples;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Prints the script that completes the commands and flags of aztec-kit in a shell.
pub fn run(args: &CompletionsArgs, printer: &mut Printer) -> Result<u8, Failure> {
    let mut command = examples::command();
    let name = command.get_name().to_owned();
    let kind = match args.shell {
        Shell::Bash => Kind::Bash,
        Shell::Zsh => Kind::Zsh,
        Shell::Fish => Kind::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(kind, &mut command, name, &mut script);
    printer.text(&String::from_utf8_lossy(&script));
    Ok(exit::OK)
}
