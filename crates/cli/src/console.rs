//! Where text goes, and where answers come from.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};

use zeroize::Zeroizing;

/// What a printer writes to and asks.
pub trait Console {
    /// A line, or several, of the result.
    fn result(&self, text: &str) -> io::Result<()>;
    /// A line, or several, of anything else.
    fn say(&self, text: &str);
    /// Asks, and gives the line that is answered.
    fn ask(&self, question: &str) -> io::Result<String>;
    /// A secret that is typed and not echoed, or all that was piped in, and at most one byte more than this.
    fn secret(&self, what: &str, limit: usize) -> io::Result<Zeroizing<String>>;
    /// Whether a secret would be typed.
    fn is_typed(&self) -> bool;
    /// The terminal itself, wherever all else goes, and whether it has a screen of its own to show something on.
    fn terminal(&self) -> Option<(Box<dyn Tty>, bool)>;
    /// Whether somebody is there to answer.
    fn is_attended(&self) -> bool;
    /// Whether what is said can be changed after it was said.
    fn is_live(&self) -> bool;
}

/// What is read from and written to.
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
        // Whoever does not hear this cannot be told so either.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    fn ask(&self, question: &str) -> io::Result<String> {
        // As above.
        let _ = write!(anstream::stderr(), "{question}");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer)
    }

    fn secret(&self, what: &str, limit: usize) -> io::Result<Zeroizing<String>> {
        if self.is_typed() {
            return rpassword::prompt_password(format!("{what}: ")).map(Zeroizing::new);
        }
        // Room up front, so that no copy stays behind when the text grows.
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
