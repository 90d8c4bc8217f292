//! Output and input of aztec-kit.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};

use zeroize::Zeroizing;

/// The output and the input of a printer.
pub trait Console {
    /// Writes one or more lines of the result.
    fn result(&self, text: &str) -> io::Result<()>;
    /// Writes one or more lines of anything else.
    fn say(&self, text: &str);
    /// Asks a question and returns the line of the answer.
    fn ask(&self, question: &str) -> io::Result<String>;
    /// Reads a secret: typed without echo, or all of the piped input. Returns at most one byte more than `limit`.
    fn secret(&self, what: &str, limit: usize) -> io::Result<Zeroizing<String>>;
    /// Whether somebody would type a secret, because standard input is a terminal.
    fn is_typed(&self) -> bool;
    /// The controlling terminal, even if the standard streams are redirected, and whether it has an alternate screen.
    fn terminal(&self) -> Option<(Box<dyn Tty>, bool)>;
    /// Whether somebody can answer a question.
    fn is_attended(&self) -> bool;
    /// Whether a line can be overwritten after it was written, as a spinner needs.
    fn is_live(&self) -> bool;
}

/// A terminal that can be read and written.
pub trait Tty: Read + Write {}

impl<T: Read + Write> Tty for T {}

/// The standard streams of this process. Sequences appear only on terminals (and never with `NO_COLOR`).
#[derive(Debug)]
pub struct Streams;

impl Console for Streams {
    fn result(&self, text: &str) -> io::Result<()> {
        let mut out = anstream::stdout();
        writeln!(out, "{text}")?;
        out.flush()
    }

    fn say(&self, text: &str) {
        // If standard error is closed, nobody can read the message.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    fn ask(&self, question: &str) -> io::Result<String> {
        // As in `say`.
        let _ = write!(anstream::stderr(), "{question}");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer)
    }

    fn secret(&self, what: &str, limit: usize) -> io::Result<Zeroizing<String>> {
        if self.is_typed() {
            return rpassword::prompt_password(format!("{what}: ")).map(Zeroizing::new);
        }
        // The buffer is allocated once, so a growing text leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(limit + 1));
        let mut input = io::stdin().lock().take(limit as u64 + 1);
        input.read_to_string(&mut text)?;
        Ok(text)
    }

    fn is_typed(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn terminal(&self) -> Option<(Box<dyn Tty>, bool)> {
        let mut options = OpenOptions::new();
        let tty = options.read(true).write(true).open("/dev/tty").ok()?;
        let plain = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Some((Box::new(tty), !plain))
    }

    fn is_attended(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn is_live(&self) -> bool {
        io::stderr().is_terminal()
    }
}
