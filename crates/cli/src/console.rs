//! Where text goes, and where answers come from.

use std::io::{self, IsTerminal, Write};

/// What a printer writes to and asks.
pub trait Console {
    /// A line, or several, of the result.
    fn result(&self, text: &str) -> io::Result<()>;
    /// A line, or several, of anything else.
    fn say(&self, text: &str);
    /// Asks, and gives the line that is answered.
    fn ask(&self, question: &str) -> io::Result<String>;
    /// Whether somebody is there to answer.
    fn is_attended(&self) -> bool;
    /// Whether what is said can be changed after it was said.
    fn is_live(&self) -> bool;
}

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

    fn is_attended(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn is_live(&self) -> bool {
        io::stderr().is_terminal()
    }
}
