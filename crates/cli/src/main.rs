//! `aztec-kit`: the command line.

mod args;
mod commands;
mod console;
mod context;
mod documents;
mod exit;
mod host;
mod memory;
mod network;
mod printer;
mod progress;
mod render;
mod ssh_client;
mod terminal;
#[cfg(test)]
mod tests;
mod urls;
mod wanted;

use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use provision::Fault;

use crate::args::{Args, Command};
use crate::console::Streams;
use crate::context::Context;
use crate::exit::Failure;
use crate::printer::Printer;

fn main() -> ExitCode {
    memory::keep_off_disk();
    // The programs that are started make files as on a host that is at rest, whatever the caller's shell is set to.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<_> = words.collect();
    if urls::has_a_key(&words) {
        return ExitCode::from(refuse_a_key());
    }
    // clap prints usage errors itself and exits with 2, the code that this program gives them too.
    let args = Args::try_parse().unwrap_or_else(|error| urls::hidden_in(error, &words).exit());
    // One TLS provider for all libraries, chosen before any of them connects.
    l1::init_tls();
    let mut printer = Printer::new(args.command.json(), Rc::new(Streams));
    urls::warn_of(words, &mut printer);
    ExitCode::from(ended(&args.command, &Context::here(), printer))
}

/// What is on the command line is in the history of the shell, in `ps`, and in the log of sudo. It is not said once more.
fn refuse_a_key() -> u8 {
    let fault = Fault::new("an argument has the hexadecimal digits of a private key").fix(
        "Put the key into a file for yourself alone (mode 600), and name that file. A key that was on a command line can be \
         read by others on this host: if it is in use, make a new one. A directory of that name is ./NAME.",
    );
    let mut printer = Printer::new(false, Rc::new(Streams));
    let failure = Failure::usage(fault);
    printer.failure(&failure);
    failure.exit_code()
}

/// The code that a command ends with, once all is said.
fn ended(command: &Command, cx: &Context, mut printer: Printer) -> u8 {
    let code = run(command, cx, &mut printer).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.exit_code()
    });
    printer.ended(code)
}

fn run(command: &Command, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    let view = &cx.view;
    match command {
        Command::Setup(args) => commands::setup::run(args, cx, printer),
        Command::Bootstrap(args) => commands::bootstrap::run(args, cx, printer),
        Command::Plan(args) => commands::plan::run(args, view, printer),
        Command::Apply(args) => commands::apply::run(args, cx, printer),
        Command::Preflight(args) => commands::preflight::run(args, view, printer),
        Command::Smoke(args) => commands::smoke::run(args, view, printer),
        Command::Status(_) => commands::status::run(view, printer),
        Command::Confirm => commands::confirm::confirm(cx, printer),
        Command::TakeBack(args) => commands::confirm::take_back(args, cx, printer),
        Command::Start => commands::services::start(cx, printer),
        Command::Stop => commands::services::stop(cx, printer),
        Command::Logs(args) => commands::services::logs(args, view),
        Command::Explain(args) => commands::explain::run(args, view, printer),
        Command::Release(args) => commands::release::run(args, view, printer),
        Command::Keys(args) => commands::keys::run(args, cx, printer),
        Command::Alert(args) => commands::alert::run(args, view, printer),
        Command::Metrics => commands::metrics::run(view, printer),
        Command::Collect(args) => commands::collect::run(args),
        Command::Beacon(args) => commands::beacon::run(args),
        Command::Forget(args) => commands::forget::run(args, cx, printer),
    }
}
