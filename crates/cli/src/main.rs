//! `aztec-kit`: the command line.

mod args;
mod commands;
mod config_flags;
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
mod styles;
mod terminal;
#[cfg(test)]
mod tests;
mod urls;

use std::process::ExitCode;
use std::rc::Rc;

use clap::FromArgMatches;
use provision::Fault;

use crate::args::{Args, Command};
use crate::console::Streams;
use crate::context::Context;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::progress::ProgressFormat;

fn main() -> ExitCode {
    memory::keep_off_disk();
    // Child processes create files with the default mode, whatever the umask of the caller is.
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
    // All libraries share one TLS provider. It must be chosen before the first connection.
    l1::init_tls();
    let mut printer = Printer::new(args.json(), args.output.progress, Rc::new(Streams));
    urls::warn_of(words, &mut printer);
    ExitCode::from(ended(&args, &Context::here(), printer))
}

/// Refuses a private key on the command line. It is already in the shell history, in `ps` and in the log of sudo, so the
/// error does not repeat it.
fn refuse_a_key(words: &[String]) -> u8 {
    let fault = Fault::new("an argument has the hexadecimal digits of a private key").fix(
        "Write the key into a file that only you can read (mode 600), and name that file. Others on this host may have read \
         the key from the command line: if it is in use, replace it. If you mean a directory of that name, write ./NAME.",
    );
    let mut printer = early(words);
    let failure = Failure::usage(fault);
    printer.failure(&failure);
    printer.ended(failure.exit_code())
}

/// Prints a message of clap: an error or the help. Its exit codes match those of aztec-kit: 2 is bad usage.
fn misused(error: &clap::Error, words: &[String]) -> u8 {
    // If standard error is closed, nobody can read the message.
    let _ = error.print();
    let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
    if !error.use_stderr() {
        return code;
    }
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let fault = Fault::new(first.strip_prefix("error: ").unwrap_or(first)).fix(
        "Run `aztec-kit help` for the verbs, or `aztec-kit VERB --help` for the flags of a verb.",
    );
    let mut printer = early(words);
    printer.document_of(&Failure::usage(fault));
    printer.ended(code)
}

/// A printer for errors before the flags are parsed.
fn early(words: &[String]) -> Printer {
    let json = words.iter().any(|word| word == "--json");
    Printer::new(json, ProgressFormat::default(), Rc::new(Streams))
}

/// Runs a command, prints its failure if there is one, and returns the exit code.
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
        Command::Doctor(args) => commands::doctor::run(args, view, printer),
        Command::Checks(args) => commands::checks::run(&args.command, printer),
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
