//! A text with secret parts, and the form of it that may be shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::tools::redact::{self, HIDDEN};

/// A text that knows which of its parts are secret. Neither `Debug` nor the journal contains them.
#[derive(Clone, Default)]
pub struct Text {
    content: Zeroizing<String>,
    shown: String,
    secrets: Vec<SecretString>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", self.shown)
    }
}

/// A text that anyone may read.
impl<T: Into<String>> From<T> for Text {
    fn from(public: T) -> Self {
        let shown = public.into();
        Self {
            content: Zeroizing::new(shown.clone()),
            shown,
            secrets: Vec::new(),
        }
    }
}

/// The shortest part of a secret that is searched for in the output of a program. Shorter parts occur in every text.
const SHORTEST_PART: usize = 4;

impl Text {
    /// Renders a text with secrets. `render` calls its argument for each secret, and is called twice: once it gets the
    /// secrets themselves, once their replacements.
    pub fn rendered(render: impl Fn(&mut dyn FnMut(&SecretString) -> String) -> String) -> Self {
        let mut secrets = Vec::new();
        let content = render(&mut |secret| {
            secrets.push(secret.clone());
            secret.expose_secret().to_owned()
        });
        Self {
            content: Zeroizing::new(content),
            shown: render(&mut |_| HIDDEN.into()),
            secrets,
        }
    }

    /// Appends a public text.
    pub fn push(&mut self, public: &str) {
        self.push_as(public, public);
    }

    /// Appends a secret, and the text that is shown instead.
    pub fn push_as(&mut self, secret: &str, shown: &str) {
        if secret != shown {
            self.secrets.push(secret.into());
        }
        self.content.push_str(secret);
        self.shown.push_str(shown);
    }

    /// The text with its secrets. It is never for output or for the journal.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// The text that may be shown. If a part is secret, values of settings with secret names are redacted too.
    pub fn shown(&self) -> String {
        if self.is_public() {
            self.shown.clone()
        } else {
            redact::secrets(&self.shown)
        }
    }

    /// Whether the text has no secret part.
    pub fn is_public(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The output of a program that has read this text, with every part of a secret redacted.
    pub fn scrubbed(&self, output: &str) -> String {
        if self.is_public() {
            return output.to_owned();
        }
        let repeated = |text: &str| {
            let mut secrets = self.secrets.iter();
            secrets.any(|secret| secret.expose_secret().contains(text))
        };
        let ends: Vec<usize> = output.char_indices().map(|(at, _)| at).collect();
        let end = |at: usize| ends.get(at).copied().unwrap_or(output.len());
        let part = |from: usize, to: usize| output.get(end(from)..end(to)).unwrap_or_default();
        let mut shown = String::with_capacity(output.len());
        let mut at = 0;
        while at < ends.len() {
            let mut to = at + SHORTEST_PART;
            if to > ends.len() || !repeated(part(at, to)) {
                shown.push_str(part(at, at + 1));
                at += 1;
                continue;
            }
            while to < ends.len() && repeated(part(at, to + 1)) {
                to += 1;
            }
            if !shown.ends_with(HIDDEN) {
                shown.push_str(HIDDEN);
            }
            at = to;
        }
        redact::secrets(&shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_and_not_shown() {
        let mut text = Text::from("A=1\nB=");
        text.push_as("S3CRET", HIDDEN);
        text.push("\n");
        assert_eq!(text.content(), "A=1\nB=S3CRET\n");
        assert_eq!(text.shown(), "A=1\nB=…\n");
        let secret = SecretString::from("S3CRET");
        let rendered = Text::rendered(|secret_of| format!("x: {}\n", secret_of(&secret)));
        assert_eq!(
            (rendered.content(), rendered.shown().as_str()),
            ("x: S3CRET\n", "x: …\n")
        );
        for text in [text, rendered] {
            assert!(!format!("{text:?}").contains("S3CRET"));
            assert!(!text.is_public());
        }
    }

    #[test]
    fn what_is_named_like_a_secret_is_hidden_by_its_name_too() {
        let mut text = Text::from("api_key = \"S3CRET\"\nname = ");
        text.push_as("\"x\"", "\"…\"");
        assert_eq!(text.shown(), "api_key = \"…\"\nname = \"…\"");
    }

    /// amtool shows the first letters of a value that it cannot read.
    #[test]
    fn a_program_that_repeats_a_secret_or_a_part_of_it_is_cut() {
        let mut text = Text::from("url: ");
        text.push_as("https://h.example/T0KEN-1234567890", HIDDEN);
        for (output, expected) in [
            ("line 3: T0KEN-1234...", "line 3: …..."),
            (
                "cannot unmarshal `T0KEN-1` into int",
                "cannot unmarshal `…` into int",
            ),
            ("line 3: no", "line 3: no"),
            ("T0K", "T0K"),
            ("", ""),
        ] {
            assert_eq!(text.scrubbed(output), expected);
        }
        assert_eq!(Text::from("a").scrubbed("anything"), "anything");
    }
}
