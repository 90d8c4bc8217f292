//! `aztec-kit logs`

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use provision::Fault;
use provision::tools::journal;

use super::services::chosen;
use crate::args::LogsArgs;
use crate::context::View;
use crate::documents::LogLine;
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Replaces this process with journalctl, or prints its entries for machines.
pub fn run(args: &LogsArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    printer.in_lines();
    let units = chosen(args.unit.as_ref(), view)?;
    let mut command = Command::new("journalctl");
    command.arg("--lines").arg(args.lines.to_string());
    if args.follow {
        command.arg("--follow");
    }
    for unit in units {
        command.arg("--unit").arg(unit);
    }
    if printer.json() {
        return Ok(in_documents(command, printer)?);
    }
    Err(failed(command.exec()).into())
}

fn failed(error: std::io::Error) -> Fault {
    Fault::new("failed to run journalctl").because(error)
}

/// Prints each line as a document, until there are no more or the reader is gone.
fn in_documents(mut command: Command, printer: &mut Printer) -> Result<u8, Fault> {
    command.args(["--output", "json"]).stdout(Stdio::piped());
    let mut running = command.spawn().map_err(failed)?;
    let printed = running.stdout.take().map(BufReader::new);
    for line in printed.into_iter().flat_map(BufReader::lines) {
        let entry = journal::entry(&line.map_err(failed)?)?;
        printer.document(&LogLine::from(&entry));
        if !printer.is_written() {
            // It may follow the journal forever. It may also have ended by itself, so a failed kill is fine.
            running.kill().ok();
            break;
        }
    }
    let status = running.wait().map_err(failed)?;
    Ok(match status.success() || !printer.is_written() {
        true => exit::OK,
        false => exit::FAILED,
    })
}
