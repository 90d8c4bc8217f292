//! The value of a setting, in systemd's syntax.

use std::fmt::{self, Display, Write};
use std::path::Path;

/// The start of a continuation line.
const CONTINUATION: &str = " \\\n    ";

/// The value of a setting. Whatever text it was made of, it neither ends its line nor joins the next one to it.
///
/// A constructor is named after the way in which systemd reads the value. Text of aztec-kit is in systemd's syntax
/// already. Other text is never converted without such a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Systemd's own syntax: specifiers, variables and quotes have their meaning.
    pub fn raw(text: impl Display) -> Self {
        Self(closed(text.to_string()))
    }

    /// A whole value that systemd reads literally, except for specifiers: a description, or one path.
    pub fn text(text: impl Display) -> Self {
        Self::raw(text.to_string().replace('%', "%%"))
    }

    /// [`Value::text`] of a path.
    pub fn path(path: &Path) -> Self {
        Self::text(path.display())
    }

    /// One word of a list, such as a path in `ReadWritePaths=`, or the value of a variable.
    pub fn word(text: impl Display) -> Self {
        Self(quoted(&text.to_string().replace('%', "%%")))
    }

    /// One word of a command line.
    pub fn argument(text: impl Display) -> Self {
        Self(quoted(
            &text.to_string().replace('%', "%%").replace('$', "$$"),
        ))
    }

    /// A shell script of aztec-kit as one word of a command line: each `$` is the shell's, and each `%` a specifier.
    pub fn script(text: impl Display) -> Self {
        Self(quoted(&text.to_string().replace('$', "$$")))
    }

    /// The same with a prefix that decides how a command line runs: systemd.service(5).
    #[must_use]
    pub fn marked(&self, mark: &'static str) -> Self {
        Self(format!("{mark}{}", self.0))
    }

    /// Several values with a blank between them.
    pub fn words(values: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(values, " ")
    }

    /// Several values, each on a line of its own.
    pub fn lines(values: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(values, CONTINUATION)
    }

    fn joined(values: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| value.0).collect();
        Self(values.join(between))
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::raw(text)
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self(number.to_string())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self(number.to_string())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

/// The text in a unit.
impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Replaces each control character, which a unit cannot contain, by its C escape. systemd decodes it in command lines
/// and in variables. Elsewhere the text differs, and a path with such a name is not found.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '\n' => printable.write_str("\\n"),
            '\r' => printable.write_str("\\r"),
            '\t' => printable.write_str("\\t"),
            c if c.is_ascii_control() => write!(printable, "\\x{:02x}", u32::from(c)),
            c => printable.write_char(c),
        };
    }
    printable
}

/// Ends the line: a backslash at its end would join the next line to it, and two do not.
fn closed(text: String) -> String {
    let mut text = printable(&text);
    let slashes = text.len() - text.trim_end_matches('\\').len();
    if slashes % 2 == 1 {
        text.push('\\');
    }
    text
}

/// The characters that a word without quotes may contain, in addition to letters and digits. `;` and `#` have another
/// meaning at the start of a word or of a line.
const PLAIN: &str = "/-_.,:=@+%${}[]^";

/// Quotes a word if necessary, with quotes that do not occur in it if possible.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let quote = match word.contains('\'') && !word.contains('"') {
        true => '"',
        false => '\'',
    };
    let inner = word.replace('\\', "\\\\");
    let inner = inner.replace(quote, &format!("\\{quote}"));
    format!("{quote}{}{quote}", printable(&inner))
}
