//! What stands behind the `=` of a setting, in systemd's syntax.

use std::fmt::{self, Display, Write};
use std::path::Path;

/// What begins a line that goes on from the one before.
const GOES_ON: &str = " \\\n    ";

/// The value of a setting. Whatever it was made of, it neither ends its line nor joins the next one to it.
///
/// A constructor is named for what systemd will take the value for. Text of this program is in systemd's syntax already;
/// for any other text there is no conversion without a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Systemd's own syntax: specifiers, variables and quotes mean what they mean to it.
    pub fn raw(text: impl Display) -> Self {
        Self(closed(text.to_string()))
    }

    /// A whole value that systemd takes as it is, but for specifiers: a description, or one path.
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

    /// A shell script of ours, as one word of a command line: each `$` is the shell's, and each `%` a specifier.
    pub fn script(text: impl Display) -> Self {
        Self(quoted(&text.to_string().replace('$', "$$")))
    }

    /// The same with one of the marks before it that say how a command line runs: systemd.service(5).
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
        Self::joined(values, GOES_ON)
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

/// As it stands in a unit.
impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text with the escape of C in the place of each control character, which no unit can have in it. Systemd undoes it in
/// command lines and in variables; elsewhere it is another text, and what had such a name is not found.
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

/// On one line, which ends here: a backslash at its end would join the next one to it, and two do not.
fn closed(text: String) -> String {
    let mut text = printable(&text);
    let slashes = text.len() - text.trim_end_matches('\\').len();
    if slashes % 2 == 1 {
        text.push('\\');
    }
    text
}

/// What stands in a word without quotes, besides letters and digits. Not `;` and `#`, which at the beginning of a word or of
/// a line mean something else.
const PLAIN: &str = "/-_.,:=@+%${}[]^";

/// A word in quotes, where it needs them: in those that do not occur in it, if there are any.
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
