//! The parts of a URL that may be keys, and text without them.

use url::Url;

/// The most characters of foreign text that are shown.
const LONGEST: usize = 200;

/// The characters of foreign text that are read.
const READ: usize = 4096;

/// From this length on, a part is cut out even within a longer word.
const LONG: usize = 8;

/// Everything in a URL that may be a key: user, password, segments of the path, and query; and the key of an endpoint.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    pub(crate) fn of(url: &Url) -> Self {
        let mut parts = Vec::new();
        let mut add = |part: &str| {
            let decoded = percent_decoded(part);
            parts.extend([part.to_owned(), decoded]);
        };
        add(url.username());
        url.password().into_iter().for_each(&mut add);
        add(url.path().trim_matches('/'));
        url.path().split('/').for_each(&mut add);
        if let Some(query) = url.query() {
            add(query);
            for pair in query.split('&') {
                let (_, value) = pair.split_once('=').unwrap_or(("", pair));
                add(value);
            }
        }
        let mut secrets = Self(parts);
        secrets.tidy();
        secrets
    }

    /// Adds a key that is not part of the URL.
    pub(crate) fn add(&mut self, key: &str) {
        self.0.extend([key.to_owned(), percent_decoded(key)]);
        self.tidy();
    }

    /// The longest first, because one may contain another.
    fn tidy(&mut self) {
        self.0.retain(|part| !part.is_empty());
        self.0.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        self.0.dedup();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Foreign text that can be shown: one line of at most 200 characters, without control characters and without any of
    /// these parts.
    pub(crate) fn cut_from(&self, text: &str) -> String {
        // Only the beginning is read. A part may cross its end, so the last characters are not shown.
        let longest = self.0.first().map_or(0, |part| part.chars().count());
        let mut beginning: String = text.chars().take(READ + longest).collect();
        let rest = text.len() - beginning.len();
        for part in &self.0 {
            beginning = without(&beginning, part);
        }
        let hidden = if rest > 0 { longest } else { 0 };
        let shown = beginning.chars().count().saturating_sub(hidden);
        let line = beginning.chars().take(shown).map(|character| {
            let shown = !character.is_control() && !is_invisible(character);
            if shown { character } else { ' ' }
        });
        let line: String = line.collect();
        let words: Vec<_> = line.split_whitespace().collect();
        let line = words.join(" ");
        match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }
}

/// Characters that change the order of the text or are not seen.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text with each occurrence of a part replaced. A short part counts only as a word of its own: `eth` is a path of some
/// providers, and stays in `eth_chainId`.
fn without(text: &str, part: &str) -> String {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(part) {
        let (before, found) = rest.split_at(at);
        let (found, after) = found.split_at(part.len());
        let alone = !before.chars().next_back().is_some_and(is_word)
            && !after.chars().next().is_some_and(is_word);
        out.push_str(before);
        out.push_str(match part.len() >= LONG || alone {
            true => "…",
            false => found,
        });
        rest = after;
    }
    out + rest
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits: Option<[u8; 2]> = (byte == b'%')
            .then(|| rest.clone().take(2).collect::<Vec<_>>().try_into().ok())
            .flatten();
        match digits.and_then(|digits| const_hex::decode(digits).ok()) {
            Some(decoded) => {
                bytes.extend(decoded);
                rest.nth(1);
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(url: &str, text: &str) -> String {
        Secrets::of(&url.parse().unwrap()).cut_from(text)
    }

    #[test]
    fn the_parts_of_a_url_are_cut_out() {
        let url = "https://user:pass%21word@h.example/v3/SECRETKEY?token=TOKEN9&x";
        for text in [
            "key not allowed: POST /v3/SECRETKEY is over its plan",
            "SECRETKEYS",
            "user and pass!word",
            "pass%21word",
            "token=TOKEN9&x",
            "TOKEN9 is unknown",
        ] {
            let cut = cut(url, text);
            for secret in ["SECRETKEY", "user", "pass", "TOKEN9"] {
                assert!(!cut.contains(secret), "{cut}");
            }
        }
        assert_eq!(
            cut(
                "https://h.example/eth",
                "eth_chainId is not in the plan of eth"
            ),
            "eth_chainId is not in the plan of …"
        );
    }

    #[test]
    fn foreign_text_is_one_short_line() {
        let text = format!("a\u{1b}[2K\nb\u{202e}{}", "c".repeat(3_000_000));
        let cut = cut("https://h.example/", &text);
        assert!(cut.starts_with("a [2K b c"), "{cut}");
        assert_eq!(cut.chars().count(), LONGEST + 1);
        // A key on the limit is not shown in part.
        let text = format!("{}SECRETKEY", "c".repeat(LONGEST - 4));
        let cut =
            super::Secrets::of(&"https://h.example/SECRETKEY".parse().unwrap()).cut_from(&text);
        assert!(!cut.contains("SECR"), "{cut}");
    }
}
