//! `aztec-kit man`

use clap_mangen::Man;
use provision::Fault;

use crate::args::ManArgs;
use crate::examples;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Prints the man page of a command, as man(1) reads it.
pub fn run(args: &ManArgs, printer: &mut Printer) -> Result<u8, Failure> {
    let mut command = examples::command();
    // Subcommands get their full names.
    command.build();
    for name in &args.command {
        let sub = command.find_subcommand(name).cloned();
        command = sub.ok_or_else(|| {
            let what = format!("`{}` has no command `{name}`", command.get_name());
            Failure::usage(Fault::new(what).fix("Run `aztec-kit --help` to see the commands."))
        })?;
    }
    let mut page = Vec::new();
    let rendered = Man::new(command).render(&mut page);
    rendered.map_err(|error| Fault::new("failed to render the man page").because(error))?;
    printer.text(&String::from_utf8_lossy(&page));
    Ok(exit::OK)
}
