//! Secrets are read from standard input or the terminal and shown on the terminal. They are never arguments or output.

use std::io::{self, BufRead, BufReader, Write};

use keys::Mnemonic;
use provision::Fault;
use zeroize::Zeroizing;

use crate::console::{Console, Tty};
use crate::exit::Failure;

/// Upper limit for a secret, in bytes.
const LIMIT: usize = 4096;
/// How often a word may be entered.
const TRIES: usize = 3;
/// The alternate screen, which leaves nothing in the scrollback.
const OPEN_SCREEN: &str = "\x1b[?1049h\x1b[2J\x1b[H";
const CLOSE_SCREEN: &str = "\x1b[2J\x1b[?1049l";

/// A secret from standard input. On a terminal, the operator is asked for it and it is not echoed.
pub fn secret(what: &str, console: &dyn Console) -> Result<Zeroizing<String>, Failure> {
    let text = secret_or_none(what, console)?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(missing(what));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// The same, but the secret may be empty. Only the last line break is removed.
pub fn secret_or_none(what: &str, console: &dyn Console) -> Result<Zeroizing<String>, Failure> {
    let text = console.secret(what, LIMIT).map_err(|error| {
        Failure::usage(Fault::new(format!("failed to read the {what}")).because(error))
    })?;
    if text.len() > LIMIT {
        return Err(missing(what));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Zeroizing::new(line.to_owned()))
}

fn missing(what: &str) -> Failure {
    Failure::usage(
        Fault::new(format!("standard input contains no {what}")).fix(format!(
            "Pipe the {what} in, or run the command on a terminal."
        )),
    )
}

/// A new password. On a terminal it must be entered twice.
pub fn new_password(console: &dyn Console) -> Result<Zeroizing<String>, Failure> {
    let password = secret("password", console)?;
    if console.is_typed() && *secret("password again", console)? != *password {
        return Err(Failure::usage(
            Fault::new("the passwords differ")
                .fix("Run the command again, and enter the same password twice."),
        ));
    }
    Ok(password)
}

/// The controlling terminal, even if standard output and error are redirected.
pub struct Terminal {
    reader: BufReader<Box<dyn Tty>>,
    own_screen: bool,
}

impl Terminal {
    /// The terminal of this process, if it has one.
    pub fn open(console: &dyn Console) -> Option<Self> {
        let (tty, own_screen) = console.terminal()?;
        Some(Self {
            reader: BufReader::new(tty),
            own_screen,
        })
    }

    /// Shows a mnemonic until Enter is pressed, then asks for two of its words.
    pub fn entrust(&mut self, mnemonic: &Mnemonic) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::usage(
                Fault::new("the terminal was closed")
                    .fix(
                        "Run the command again on a terminal that stays open. Nothing was written.",
                    )
                    .because(error),
            )
        };
        let phrase = mnemonic.phrase();
        let words: Vec<&str> = phrase.split(' ').collect();
        let shown = self.show(&words);
        // The words are removed from the screen in any case.
        let hidden = self.screen(CLOSE_SCREEN);
        shown.and(hidden).map_err(failed)?;
        let (first, second) = two(words.len())?;
        for index in [first, second] {
            if !self.knows(index, words[index]).map_err(failed)? {
                return Err(Failure::usage(
                    Fault::new(format!(
                        "the answer is not word {} of the mnemonic",
                        index + 1
                    ))
                    .fix(
                        "Nothing was written. Run the command again; it creates another mnemonic.",
                    ),
                ));
            }
        }
        Ok(())
    }

    fn show(&mut self, words: &[&str]) -> io::Result<()> {
        self.screen(OPEN_SCREEN)?;
        self.say(
            "These words restore every key. They are shown only once and stored nowhere:\n\n",
        )?;
        for (index, word) in words.iter().enumerate() {
            let end = if index % 4 == 3 { "\n" } else { "" };
            self.say(&format!("  {:>2} {word:<10}{end}", index + 1))?;
        }
        self.say("\nWrite them down on paper, in this order. Then press Enter. ")?;
        self.line().map(drop)
    }

    fn knows(&mut self, index: usize, word: &str) -> io::Result<bool> {
        for _ in 0..TRIES {
            self.say(&format!("Word {}: ", index + 1))?;
            if self.line()?.trim().eq_ignore_ascii_case(word) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn screen(&mut self, sequence: &str) -> io::Result<()> {
        if self.own_screen {
            self.say(sequence)
        } else {
            Ok(())
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        let tty = self.reader.get_mut();
        tty.write_all(text.as_bytes()).and_then(|()| tty.flush())
    }

    fn line(&mut self) -> io::Result<Zeroizing<String>> {
        let mut line = Zeroizing::new(String::with_capacity(64));
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }
}

/// Two different random numbers below `count`.
fn two(count: usize) -> Result<(usize, usize), Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Fault::new("failed to get random bytes from the system").because(error.to_string())
    })?;
    let pick = |half: &[u8]| {
        half.iter()
            .fold(0, |sum, byte| sum * 256 + usize::from(*byte))
    };
    let first = pick(&bytes[..4]) % count;
    let second = (first + 1 + pick(&bytes[4..]) % (count - 1)) % count;
    Ok((first, second))
}
