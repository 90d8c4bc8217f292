//! The strings in the tests of a source file. Inputs are made from them.

/// The value of every string in the tests of a source, or in all of it if it has no tests.
pub fn of_tests(source: &str) -> Vec<Vec<u8>> {
    let tests = source
        .find("#[cfg(test)]")
        .map_or(source, |at| &source[at..]);
    let mut found = Vec::new();
    let mut letters = tests.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        match letter {
            '/' if letters.peek() == Some(&'/') => {
                letters.by_ref().find(|letter| *letter == '\n');
            }
            '\'' => {
                // A character literal may be a quote. A lifetime has no closing quote.
                if letters.next() == Some('\\') {
                    letters.next();
                }
                letters.next_if_eq(&'\'');
            }
            'r' if !before.is_alphanumeric() && matches!(letters.peek(), Some('"' | '#')) => {
                found.extend(raw(&mut letters));
            }
            '"' => found.push(escaped(&mut letters)),
            _ => {}
        }
        before = letter;
    }
    found.retain(|text| !text.is_empty());
    found.sort();
    found.dedup();
    found
}

type Letters<'s> = std::iter::Peekable<std::str::Chars<'s>>;

fn raw(letters: &mut Letters<'_>) -> Option<Vec<u8>> {
    let mut hashes = String::new();
    while letters.next_if_eq(&'#').is_some() {
        hashes.push('#');
    }
    letters.next_if_eq(&'"')?;
    let end = format!("\"{hashes}");
    let mut text = String::new();
    for letter in letters {
        text.push(letter);
        if let Some(content) = text.strip_suffix(&end) {
            return Some(content.into());
        }
    }
    None
}

fn escaped(letters: &mut Letters<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    let push = |text: &mut Vec<u8>, letter: char| {
        text.extend(letter.encode_utf8(&mut [0; 4]).bytes());
    };
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('n') => text.push(b'\n'),
                Some('r') => text.push(b'\r'),
                Some('t') => text.push(b'\t'),
                Some('0') => text.push(0),
                Some('x') => {
                    let digits: String = letters.by_ref().take(2).collect();
                    text.extend(u8::from_str_radix(&digits, 16));
                }
                Some('u') => {
                    let digits: String = letters.by_ref().take_while(|it| *it != '}').collect();
                    let code = u32::from_str_radix(digits.trim_start_matches('{'), 16);
                    let letter = code.ok().and_then(char::from_u32);
                    push(&mut text, letter.unwrap_or_default());
                }
                // A line continuation.
                Some('\n') => while letters.next_if(|it| it.is_whitespace()).is_some() {},
                Some(other) => push(&mut text, other),
                None => {}
            },
            other => push(&mut text, other),
        }
    }
    text
}
