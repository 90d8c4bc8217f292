//! `aztec-kit`: the command line.

mod args;
mod commands;
mod console;
mod context;
mod documents;
mod examples;
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

use clap::FromArgMatches;
use provision::Fault;

use crate::args::{Args, Command, Telling};
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
        return ExitCode::from(refuse_a_key(&words));
    }
    let matches = examples::command().try_get_matches_from(std::env::args_os());
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return ExitCode::from(misused(&urls::hidden_in(error, &words), &words)),
    };
    // One TLS provider for all libraries, chosen before any of them connects.
    l1::init_tls();
    let mut printer = Printer::new(args.json(), args.output.progress, Rc::new(Streams));
    urls::warn_of(words, &mut printer);
    ExitCode::from(ended(&args, &Context::here(), printer))
}

/// What is on the command line is in the history of the shell, in `ps`, and in the log of sudo. It is not said once more.
fn refuse_a_key(words: &[String]) -> u8 {
    let fault = Fault::new("an argument has the hexadecimal digits of a private key").fix(
        "Put the key into a file for yourself alone (mode 600), and name that file. A key that was on a command line can be \
         read by others on this host: if it is in use, make a new one. A directory of that name is ./NAME.",
    );
    let mut printer = early(words);
    let failure = Failure::usage(fault);
    printer.failure(&failure);
    printer.ended(failure.exit_code())
}

/// What clap has to say, which is also where the help comes from. Its exit codes are those of this program: 2 is bad usage.
fn misused(error: &clap::Error, words: &[String]) -> u8 {
    // Whoever does not hear this cannot be told so either.
    let _ = error.print();
    let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
    if !error.use_stderr() {
        return code;
    }
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let fault = Fault::new(first.strip_prefix("error: ").unwrap_or(first))
        .fix("`aztec-kit help` lists the verbs, and `--help` behind one its flags.");
    let mut printer = early(words);
    printer.document_of(&Failure::usage(fault));
    printer.ended(code)
}

/// A printer before the flags are known.
fn early(words: &[String]) -> Printer {
    let json = words.iter().any(|word| word == "--json");
    Printer::new(json, Telling::default(), Rc::new(Streams))
}

/// The code that a command ends with, once all is said.
fn ended(args: &Args, cx: &Context, mut printer: Printer) -> u8 {
    let code = run(args, cx, &mut printer).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.exit_code()
    });
    printer.ended(code)
}

fn run(args: &Args, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    if args.json() && !args.command.has_documents() {
        let fault = Fault::new("this verb has no JSON document").fix("Run it without --json.");
        return Err(Failure::usage(fault));
    }
    let view = &cx.view;
    match &args.command {
        Command::Setup(args) => commands::setup::run(args, cx, printer),
        Command::Bootstrap(args) => commands::bootstrap::run(args, cx, printer),
        Command::Plan(args) => commands::plan::run(args, view, printer),
        Command::Apply(args) => commands::apply::run(args, cx, printer),
        Command::Preflight(args) => commands::preflight::run(args, view, printer),
        Command::Smoke(args) => commands::smoke::run(args, view, printer),
        Command::Status => commands::status::run(view, printer),
        Command::Confirm => commands::confirm::confirm(cx, printer),
        Command::RollBack(args) => commands::confirm::roll_back(args, cx, printer),
        Command::Start => commands::services::start(cx, printer),
        Command::Stop => commands::services::stop(cx, printer),
        Command::Logs(args) => commands::logs::run(args, view, printer),
        Command::Explain(args) => commands::explain::run(args, view, printer),
        Command::Release(args) => commands::release::run(args, view, printer),
        Command::Keys(args) => commands::keys::run(args, cx, printer),
        Command::Alert(args) => commands::alert::run(args, view, printer),
        Command::Metrics => commands::metrics::run(view, printer),
        Command::Collect(args) => commands::collect::run(args),
        Command::Beacon(args) => commands::beacon::run(args),
        Command::Forget(args) => commands::forget::run(args, cx, printer),
        Command::Completions(args) => commands::completions::run(args, printer),
        Command::Man(args) => commands::man::run(args, printer),
    }
}
