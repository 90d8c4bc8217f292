//! URLs that contain keys. They come from a file or standard input, because everybody on the host can read a command line.

mod words;

use std::io::Read;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use provision::Fault;
use provision::tools::redact::HIDDEN;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::printer::Printer;
use crate::styles::CHANGED;
pub use words::{has_a_key, masked};
use words::{in_text, may_be_secret, may_contain_a_key};

/// Upper limit for a list of endpoints, in bytes.
const LIMIT: u64 = 64 << 10;

/// The URLs of a flag. Each word is a URL, or `@FILE` or `-` (standard input) with URLs separated by line breaks or
/// commas. Lines that begin with `#` are comments.
///
/// # Errors
///
/// When a file or standard input cannot be read, or contains no URL.
pub fn given(flag: &str, words: &[String]) -> Result<Vec<SecretString>, Failure> {
    let mut urls = Vec::new();
    for word in words.iter().filter(|word| !word.is_empty()) {
        let (from, text) = match word.strip_prefix('@') {
            Some(path) => (path.to_owned(), read(std::fs::File::open(path))),
            None if word == "-" => (
                "standard input".to_owned(),
                read(Ok(std::io::stdin().lock())),
            ),
            None => {
                urls.push(word.as_str().into());
                continue;
            }
        };
        let fix = format!("Write one URL per line into a file, and pass it with --{flag} @FILE.");
        let text = text.map_err(|error| {
            let what = format!("--{flag}: failed to read {from}");
            Failure::usage(Fault::new(what).fix(&fix).because(error))
        })?;
        let found = in_text(&text);
        if found.is_empty() {
            let what = format!("--{flag}: {from} contains no URL");
            return Err(Failure::usage(Fault::new(what).fix(fix)));
        }
        urls.extend(found);
    }
    Ok(urls)
}

fn read(source: std::io::Result<impl Read>) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source?.take(LIMIT).read_to_string(&mut text)?;
    Ok(text)
}

/// Warns when a word of the command line is a URL that may contain a key.
pub fn warn_of(words: impl IntoIterator<Item = String>, printer: &mut Printer) {
    if words.into_iter().any(|word| may_contain_a_key(&word)) {
        printer.say(&format!(
            "{CHANGED}warn{CHANGED:#}  a URL with a path, a query or a password is on the command line. Everybody on this \
             host can read it there, and sudo logs it. Write it into a file that only root can read and pass @FILE \
             instead, or write it into {}.",
            aztec::CONFIG
        ));
    }
}

/// An error about a command line, without the secrets in it. In the `keys` verbs, an unexpected word may be a secret too.
pub fn hidden_in(mut error: clap::Error, words: &[String]) -> clap::Error {
    let of_keys = words.get(1).is_some_and(|verb| verb == "keys");
    let nowhere = matches!(
        error.kind(),
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues
    );
    let secrets = error.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => {
            let given = match kind {
                ContextKind::InvalidValue => true,
                ContextKind::InvalidArg => error.kind() == ErrorKind::UnknownArgument,
                _ => false,
            };
            let misplaced = given && of_keys && nowhere && !text.starts_with("--");
            (misplaced || (given && may_be_secret(text)) || text.contains("://")).then_some(kind)
        }
        _ => None,
    });
    for kind in secrets.collect::<Vec<_>>() {
        error.insert(kind, ContextValue::String(HIDDEN.into()));
    }
    error
}
