//! Reads an environment file the way systemd does.
//!
//! systemd.exec(5), `EnvironmentFile=`, and `parse_env_file_internal` in systemd 254 or newer, where it is laxer
//! than the manual: text may follow a closed quote, and only `"`, `` ` ``, `$` and `\` are escaped within one.

/// A line that is neither blank nor a comment, with its continuation lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its first line, from 1.
    pub line: usize,
    /// The text before the first `=`.
    pub name: String,
    /// Its value; `None` without a `=`.
    pub value: Option<String>,
    /// Whether its quotes are closed.
    pub closed: bool,
}

impl Entry {
    /// Whether systemd accepts the name. Otherwise it skips the line.
    pub fn is_valid(&self) -> bool {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        self.value.is_some()
            && self.name.chars().all(word)
            && self.name.starts_with(|c: char| !c.is_ascii_digit())
    }
}

/// `WHITESPACE` of systemd. A lone carriage return ends a line as well (`NEWLINE`).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[derive(Clone, Copy)]
enum State {
    Before,
    Name,
    Comment,
    Value,
    Bare,
    Single,
    Double,
}

/// Every entry, in order.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    let mut reader = Reader::default();
    let mut state = State::Before;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        state = match (state, c) {
            (State::Before, c) if is_space(c) => State::Before,
            (State::Before | State::Comment, '\n' | '\r') => State::Before,
            (State::Before, '#' | ';') => State::Comment,
            (State::Before, c) => {
                reader.start(c);
                State::Name
            }
            (State::Comment, _) => State::Comment,
            (State::Name, '=') => {
                reader.value = Some(String::new());
                State::Value
            }
            (State::Name | State::Value | State::Bare, '\n' | '\r') => {
                reader.end(matches!(state, State::Bare), true);
                State::Before
            }
            (State::Name, c) => {
                reader.name.push(c);
                State::Name
            }
            (State::Value, '\'') => State::Single,
            (State::Value, '"') => State::Double,
            (State::Single, '\'') | (State::Double, '"') => State::Value,
            (State::Value, c) if is_space(c) => State::Value,
            (State::Value | State::Bare, '\\') => {
                reader.escaped(&mut chars, |_| true);
                State::Bare
            }
            (State::Double, '\\') => {
                reader.escaped(&mut chars, |c| "\"\\`$".contains(c));
                State::Double
            }
            (State::Value | State::Bare, c) => {
                reader.push(c);
                State::Bare
            }
            (State::Single | State::Double, c) => {
                reader.push(c);
                state
            }
        };
        // Two bytes that end one line.
        let ends = c == '\n' || c == '\r' && chars.peek() != Some(&'\n');
        reader.line += usize::from(ends);
    }
    match state {
        State::Before | State::Comment => {}
        State::Single | State::Double => reader.end(false, false),
        State::Name | State::Value | State::Bare => {
            reader.end(matches!(state, State::Bare), true);
        }
    }
    reader.entries
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    /// Line breaks so far.
    line: usize,
    started: usize,
    name: String,
    value: Option<String>,
}

impl Reader {
    fn start(&mut self, c: char) {
        self.started = self.line + 1;
        self.name = c.into();
        self.value = None;
    }

    fn push(&mut self, c: char) {
        if let Some(value) = &mut self.value {
            value.push(c);
        }
    }

    /// Reads the character after a backslash. A line break is dropped together with the backslash. A character that needs
    /// no escape keeps it.
    fn escaped(
        &mut self,
        chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
        needs: impl Fn(char) -> bool,
    ) {
        match chars.next() {
            Some('\n' | '\r') => self.line += 1,
            Some(c) => {
                if !needs(c) {
                    self.push('\\');
                }
                self.push(c);
            }
            None => {}
        }
    }

    fn end(&mut self, trim: bool, closed: bool) {
        let value = self.value.take().map(|value| {
            if trim {
                value.trim_end_matches(is_space).to_owned()
            } else {
                value
            }
        });
        self.entries.push(Entry {
            line: self.started,
            name: std::mem::take(&mut self.name)
                .trim_end_matches(is_space)
                .to_owned(),
            value,
            closed,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn reads_what_systemd_reads() {
        let text = "# comment\n; comment \\\nA=1\n\n  B = two words  \nC=\"a b\"\\\n  # no comment\nD='it\\s'\n\
                    E=\"q\\\"\\x\"\nF=\nno assignment\nexport G=1\nH=a\\\nb\nI=\"open\nJ=1\n";
        let read: Vec<_> = entries(text)
            .into_iter()
            .map(|entry| {
                let valid = entry.is_valid();
                (entry.line, entry.name, entry.value, valid, entry.closed)
            })
            .collect();
        let expected = [
            (3, "A", Some("1"), true, true),
            (5, "B", Some("two words"), true, true),
            (6, "C", Some("a b  # no comment"), true, true),
            (8, "D", Some("it\\s"), true, true),
            (9, "E", Some("q\"\\x"), true, true),
            (10, "F", Some(""), true, true),
            (11, "no assignment", None, false, true),
            (12, "export G", Some("1"), false, true),
            (13, "H", Some("ab"), true, true),
            (15, "I", Some("open\nJ=1\n"), true, false),
        ]
        .map(|(line, name, value, valid, closed)| {
            (
                line,
                name.to_owned(),
                value.map(str::to_owned),
                valid,
                closed,
            )
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn a_line_ends_as_it_does_for_systemd() {
        let text = "A=1\rB=2\r\nC=3 \r\n#c\rD=4\u{a0}\n\u{a0}E=5\n";
        let read: Vec<_> = entries(text)
            .into_iter()
            .map(|entry| (entry.line, entry.name, entry.value.unwrap()))
            .collect();
        let expected = [
            (1, "A", "1"),
            (2, "B", "2"),
            (3, "C", "3"),
            (5, "D", "4\u{a0}"),
            (6, "\u{a0}E", "5"),
        ]
        .map(|(line, name, value)| (line, name.to_owned(), value.to_owned()));
        assert_eq!(read, expected);
    }

    #[test]
    fn written_values_are_read_back() {
        let values = ["a b", "q\"'\\`$x", "plain", "end\\", "semi; # colon"];
        let variables = values.map(|value| (format!("V{}", value.len()), value.to_owned()));
        let typed = variables
            .clone()
            .map(|(name, value)| (name, Value::secret(value)));
        let text = super::super::render("Test", &typed.into());
        let mut read: Vec<_> = entries(text.content())
            .into_iter()
            .map(|entry| (entry.name, entry.value.unwrap()))
            .collect();
        read.sort();
        let mut expected = variables.to_vec();
        expected.sort();
        assert_eq!(read, expected);
    }
}
