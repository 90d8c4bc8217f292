//! The only place where text is prepared for a terminal.
//!
//! Logs, endpoints, programs and file names contain foreign text. Characters in it that a terminal would interpret, or
//! that change the order of letters, are shown and not sent. Only the styles of aztec-kit become sequences.

use std::fmt::{self, Write};
use std::hash::BuildHasher;
use std::sync::LazyLock;

use anstyle::AnsiColor;

/// A style in a text: `{STRONG}…{STRONG:#}`, as data until the text is [`shown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Bold.
    Strong,
    /// Something was created, or is ok.
    Good,
    /// Something changes, or needs attention.
    Changed,
    /// Something is removed, or is broken.
    Bad,
    /// Less important.
    Dim,
}

impl Style {
    const ALL: [Self; 5] = [
        Self::Strong,
        Self::Good,
        Self::Changed,
        Self::Bad,
        Self::Dim,
    ];

    fn letter(self) -> char {
        match self {
            Self::Strong => 's',
            Self::Good => 'g',
            Self::Changed => 'c',
            Self::Bad => 'b',
            Self::Dim => 'd',
        }
    }

    fn ansi(self) -> anstyle::Style {
        match self {
            Self::Strong => anstyle::Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Dim => anstyle::Style::new().dimmed(),
        }
    }
}

/// The prefix of the letter of a style. It is random in each run, so foreign text cannot contain it.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let random = std::hash::RandomState::new().hash_one(());
    format!("\u{fdd0}{random:016x}")
});
/// The end of a style, instead of a letter.
const END: char = '.';

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = if f.alternate() { END } else { self.letter() };
        write!(f, "{}{letter}", *MARK)
    }
}

/// A text for a terminal: styles become sequences, and everything else becomes harmless.
pub fn shown(text: &str) -> String {
    let mut pieces = text.split(MARK.as_str());
    let mut shown = harmless(pieces.next().unwrap_or_default());
    for piece in pieces {
        let mut letters = piece.chars();
        let letter = letters.next();
        let style = Style::ALL
            .into_iter()
            .find(|style| Some(style.letter()) == letter);
        // Writing to a string cannot fail.
        let _ = match style {
            Some(style) => write!(shown, "{}", style.ansi().render()),
            None => write!(shown, "{}", anstyle::Reset.render()),
        };
        shown.push_str(&harmless(letters.as_str()));
    }
    shown
}

/// The same for a text without styles, on one line.
pub fn line(text: &str) -> String {
    harmless(&text.replace('\n', " "))
}

/// A JSON document with these characters as escapes. They occur only in strings, so the document keeps its meaning.
pub fn json(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for letter in document.chars() {
        if letter != '\n' && is_interpreted(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(letter);
        }
    }
    text
}

fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => harmless.push('\n'),
            '\t' => harmless.push_str("    "),
            // Unicode has a symbol for each of them.
            '\0'..' ' => harmless.extend(char::from_u32(0x2400 + u32::from(letter))),
            '\u{7f}' => harmless.push('\u{2421}'),
            _ if is_interpreted(letter) => harmless.extend(letter.escape_unicode()),
            _ => harmless.push(letter),
        }
    }
    harmless
}

/// Whether a terminal interprets this character instead of showing it: the control characters of ISO 6429, characters
/// that reorder or hide others (Unicode Standard Annex 9, and invisible format characters), line separators, and
/// noncharacters.
fn is_interpreted(letter: char) -> bool {
    matches!(letter,
        '\0'..' ' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_shown_and_not_interpreted() {
        for (text, expected) in [
            ("plain – ☕ 日本\nnext", "plain – ☕ 日本\nnext"),
            ("\u{1b}]0;title\u{7}", "␛]0;title␇"),
            // A filter that removes only one would leave a sequence.
            ("\u{1b}\u{1b}[[31m", "␛␛[[31m"),
            ("\u{9b}31mred", "\\u{9b}31mred"),
            ("good\rbad\u{8}\u{7f}\0", "good␍bad␈␡␀"),
            ("a\tb", "a    b"),
            ("exe\u{202e}txt.\u{2066}", "exe\\u{202e}txt.\\u{2066}"),
            (
                "a\u{200b}b\u{feff}\u{e0041}",
                "a\\u{200b}b\\u{feff}\\u{e0041}",
            ),
        ] {
            assert_eq!(shown(text), expected);
        }
        for number in 0..0x0011_0000 {
            let Some(letter) = char::from_u32(number) else {
                continue;
            };
            let shown = shown(&letter.to_string());
            assert!(
                shown
                    .chars()
                    .all(|letter| letter == '\n' || !is_interpreted(letter)),
                "{number:x}"
            );
        }
        assert_eq!(line("one\ntwo\u{1b}"), "one two␛");
    }

    #[test]
    fn only_styles_of_aztec_kit_become_sequences() {
        let (strong, bad) = (Style::Strong, Style::Bad);
        let text = format!("{strong}a{strong:#} {bad}\u{1b}[5m{bad:#}");
        assert_eq!(shown(&text), "\u{1b}[1ma\u{1b}[0m \u{1b}[31m␛[5m\u{1b}[0m");
        // A guess at the mark of this run is only text.
        let guess = "\u{fdd0}0123456789abcdefs";
        assert_eq!(shown(guess), "\\u{fdd0}0123456789abcdefs");
    }

    #[test]
    fn an_escaped_document_keeps_its_meaning() {
        let hostile = "a\u{1b}\u{9b}\u{202e}\u{e0041}\nb";
        let document = serde_json::to_string_pretty(&[hostile]).unwrap();
        let text = json(&document);
        assert!(
            text.chars()
                .all(|letter| letter == '\n' || !is_interpreted(letter))
        );
        let read: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, [hostile]);
    }
}
