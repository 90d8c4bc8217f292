//! A value of any text is written as one line, and systemd reads the same text.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::collections::BTreeMap;

use super::verify::complaints;
use super::{Section, UnitFile, Value};

/// Parts of texts that systemd could read as more than a value.
const PARTS: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\0",
    "\u{1b}",
    "\\",
    "\\\\",
    "\\\n",
    " ",
    "  ",
    "'",
    "\"",
    "%",
    "%n",
    "%%",
    "$",
    "$$",
    "${A}",
    ";",
    "#",
    "=",
    "[Service]",
    "\n[Service]\n",
    "\nExecStart=/bin/x",
    "\nUser=root\n",
    "a",
    "b-c",
    "/d/e",
    "é",
    "\u{2028}",
    "@",
    "-",
    "+",
    "!",
    ":",
    "|",
    "x",
];

/// Texts of up to eight parts, the same ones in each run.
fn texts() -> impl Iterator<Item = String> {
    let mut dice = fastrand::Rng::with_seed(7);
    (0..20_000).map(move |_| {
        let parts = dice.choice([0, 1, 2, 3, 5, 8]).unwrap();
        (0..parts).map(|_| *dice.choice(PARTS).unwrap()).collect()
    })
}

/// Every way to make a value from a text.
fn values(text: &str) -> [Value; 9] {
    let all = [
        Value::raw(text),
        Value::text(text),
        Value::word(text),
        Value::argument(text),
        Value::script(text),
    ];
    let [raw, _, word, argument, _] = all.clone();
    let [one, two, three, four, five] = all;
    let words = Value::words([raw.clone(), word.clone(), argument.clone()]);
    let marked = raw.marked("-+");
    [
        one,
        two,
        three,
        four,
        five,
        words,
        marked,
        Value::words([]),
        Value::raw(format!("{raw}{word}{argument}")),
    ]
}

/// The lines that systemd reads: a line continues after a backslash at its end that does not belong to another one
/// (conf-parser.c of systemd 252).
fn read(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for line in text.split('\n') {
        let slashes = line.len() - line.trim_end_matches('\\').len();
        lines.last_mut().unwrap().push_str(line);
        if slashes % 2 == 0 {
            lines.push(String::new());
        }
    }
    lines
}

/// The words of a value, as systemd splits them (extract-word.c of systemd 252). Specifiers and variables are not
/// resolved, except for doubled ones.
fn taken_apart(value: &str, doubled: &[&str]) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = value.chars();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, '\\') => {
                let escaped = match letters.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'x' => {
                        let code: String = letters.by_ref().take(2).collect();
                        char::from(u8::from_str_radix(&code, 16).unwrap())
                    }
                    other => other,
                };
                word.get_or_insert_default().push(escaped);
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    for word in &mut words {
        for twice in doubled {
            *word = word.replace(twice, &twice[..1]);
        }
    }
    words
}

#[test]
fn no_value_ends_its_line_or_begins_a_setting() {
    for text in texts() {
        for value in values(&text) {
            let unit = UnitFile::new()
                .comment(value.clone())
                .section(Section::unit().set("Description", value.clone()))
                .section(
                    Section::service()
                        .set("ExecStart", value.clone())
                        .environment("A", &value)
                        .credential("b", &value)
                        .set("Last", "1"),
                )
                .at_boot()
                .to_string();
            let lines = read(&unit);
            let names: Vec<_> = lines
                .iter()
                .map(|line| line.split(['=', ' ']).next().unwrap())
                .collect();
            assert_eq!(
                names,
                [
                    "#",
                    "[Unit]",
                    "Description",
                    "",
                    "[Service]",
                    "ExecStart",
                    "Environment",
                    "LoadCredential",
                    "Last",
                    "",
                    "[Install]",
                    "WantedBy",
                    "",
                    ""
                ],
                "{text:?}: {unit}"
            );
            assert!(!unit.contains(['\r', '\t', '\0', '\u{1b}']), "{unit:?}");
        }
    }
}

#[test]
fn a_word_is_one_word_and_says_what_was_meant() {
    for text in texts() {
        let one = [text.clone()];
        let word = Value::word(&text).to_string();
        assert_eq!(taken_apart(&word, &["%%"]), one, "{word}");
        let argument = Value::argument(&text).to_string();
        assert_eq!(taken_apart(&argument, &["%%", "$$"]), one, "{argument}");
        let script = Value::script(&text).to_string();
        assert_eq!(taken_apart(&script, &["$$"]), one, "{script}");
        // Without quotes they would end the command, or begin a comment.
        assert!(!argument.starts_with([';', '#']), "{argument}");
    }
}

#[test]
fn what_needs_no_quotes_gets_none() {
    for plain in ["/var/lib/aztec", "--port=1", "a@b", "a_b.c:1,2"] {
        assert_eq!(Value::argument(plain).to_string(), plain);
    }
    assert_eq!(Value::argument("100% $x").to_string(), "'100%% $$x'");
    assert_eq!(Value::script("echo 'a' %m").to_string(), "\"echo 'a' %m\"");
    assert_eq!(Value::word("").to_string(), "''");
    assert_eq!(
        Value::lines(["a".into(), "b".into()]).to_string(),
        "a \\\n    b"
    );
}

/// systemd reads it as this reader does, including escapes.
#[test]
fn systemd_takes_what_is_escaped() {
    let dir = tempfile::tempdir().unwrap();
    let texts = texts().filter(|text| !text.contains('\0')).take(300);
    let service = texts.enumerate().fold(
        Section::service().set("Type", "oneshot"),
        |service, (at, text)| {
            let command = ["/bin/echo".into(), Value::argument(&text)];
            service
                .list("ExecStart", command)
                .environment(format!("A{at}"), &Value::word(&text))
        },
    );
    let unit = UnitFile::ours()
        .section(Section::unit().set("Description", Value::text("100 % \\")))
        .section(service);
    let texts = BTreeMap::from([("/etc/systemd/system/x.service".into(), unit.to_string())]);
    if let Some(said) = complaints(dir.path(), &texts) {
        assert_eq!(said, "");
    }
}

#[test]
fn what_systemd_does_not_know_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let unit = UnitFile::new().section(
        Section::service()
            .set("ExecStart", "/bin/true")
            .set("ExecStrat", "/bin/true"),
    );
    let texts = BTreeMap::from([("/etc/systemd/system/x.service".into(), unit.to_string())]);
    if let Some(said) = complaints(dir.path(), &texts) {
        assert!(said.contains("ExecStrat"), "{said}");
    }
}
