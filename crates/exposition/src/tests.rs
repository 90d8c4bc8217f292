//! A reader that accepts nothing but the format reads the written lines.

use super::{Kind, head, sample};

/// Parts of texts that could be read as more than a label.
const PARTS: &[&str] = &[
    "\\",
    "\n",
    "\"",
    "\r",
    "\0",
    "\u{1b}[2J",
    "\u{85}",
    "{",
    "}",
    ",",
    "=",
    " ",
    "# TYPE a gauge\n",
    "a 1\n",
    "x",
    "é",
    "\\n",
    "\"} 1\n",
];

/// A sample as it was read: name, labels, value.
type Read = (String, Vec<(String, String)>, f64);

/// A name of letters, digits and `_` at the beginning of a text, and the rest.
fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    assert!(!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()));
    (name, rest)
}

/// A text in quotes at the beginning of another one, without its escapes, and the rest.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.strip_prefix('"').unwrap().char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '"' => return (value, &text[at + 2..]),
            '\\' => value.push(match letters.next().unwrap().1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                other => panic!("\\{other} is no escape"),
            }),
            c => value.push(c),
        }
    }
    panic!("{text}: no end")
}

fn read(line: &str) -> Read {
    let (name_of, rest) = name(line);
    let mut rest = rest.strip_prefix('{').unwrap();
    let mut labels = Vec::new();
    while !rest.starts_with('}') {
        let (label, after) = name(rest.strip_prefix(',').unwrap_or(rest));
        let (value, after) = quoted(after.strip_prefix('=').unwrap());
        labels.push((label.to_owned(), value));
        rest = after;
    }
    let value = rest.strip_prefix("} ").unwrap().parse().unwrap();
    (name_of.to_owned(), labels, value)
}

#[test]
fn whatever_a_label_says_its_sample_is_one_line_and_says_it() {
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut text = || -> String {
            let parts = 0..dice.usize(0..6);
            parts.map(|_| PARTS[dice.usize(0..PARTS.len())]).collect()
        };
        let labels = [("a", text()), ("b_1", text())];
        let line = sample("name_total", &labels, 0.5);
        let (body, end) = line.split_at(line.len() - 1);
        assert!(end == "\n" && !body.contains(char::is_control), "{line:?}");
        // A control character is replaced, but a line break is kept.
        let plain = |text: &str| text.replace(|c: char| c.is_control() && c != '\n', " ");
        let wanted = labels.map(|(label, value)| (label.to_owned(), plain(&value)));
        let (name, said, value) = read(body);
        assert_eq!((name.as_str(), &said[..]), ("name_total", &wanted[..]));
        assert!((value - 0.5).abs() < f64::EPSILON);
        let help = text();
        let head = head("a", &help, Kind::Counter);
        let lines: Vec<_> = head.split('\n').collect();
        assert_eq!(lines.len(), 3, "{head:?}");
        assert!(lines[0].starts_with("# HELP a ") && !lines[0].contains(char::is_control));
        assert_eq!(lines[1..], ["# TYPE a counter", ""]);
    }
}

#[test]
fn numbers_are_those_that_prometheus_reads() {
    for (value, said) in [
        (0.0, "0"),
        (-1.5, "-1.5"),
        (1e9, "1000000000"),
        (f64::INFINITY, "inf"),
        (f64::NAN, "NaN"),
    ] {
        let none: [(&str, &str); 0] = [];
        assert_eq!(sample("a", &none, value), format!("a{{}} {said}\n"));
    }
}
