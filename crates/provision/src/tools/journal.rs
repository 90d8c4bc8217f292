//! The journal of units in the output of `journalctl --output=short-unix` and `--output=json`: journalctl(1).

use serde_json::Value;

use crate::Fault;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The time, microseconds since the epoch.
    pub at_us: i64,
    /// The message, without colours.
    pub text: String,
}

/// A message with its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The time, microseconds since the epoch.
    pub at_us: i64,
    /// The unit that wrote it, or that it is about.
    pub unit: Option<String>,
    /// As in syslog, 0 to 7.
    pub priority: Option<u8>,
    /// The message, without colours.
    pub message: String,
}

/// One line of `journalctl --output=json`: systemd.journal-fields(7), and "Journal JSON Format" of systemd.
///
/// # Errors
///
/// When it is not such a line.
pub fn entry(line: &str) -> Result<Entry, Fault> {
    let failed = || Fault::new("a line of the journal has an unknown form");
    let fields: Value = serde_json::from_str(line).map_err(|error| failed().because(error))?;
    // A field that a program set twice is a list of both. The first one is the message.
    let word = |name: &str| match &fields[name] {
        Value::Array(all) => all.first().and_then(Value::as_str),
        one => one.as_str(),
    };
    let at_us = word("__REALTIME_TIMESTAMP").and_then(|text| text.parse().ok());
    Ok(Entry {
        at_us: at_us.ok_or_else(failed)?,
        // systemd reports about a unit from its own unit.
        unit: word("UNIT").or(word("_SYSTEMD_UNIT")).map(str::to_owned),
        priority: word("PRIORITY").and_then(|text| text.parse().ok()),
        message: match word("MESSAGE") {
            Some(text) => plain(text),
            None => plain(&String::from_utf8_lossy(&bytes(&fields["MESSAGE"]))),
        },
    })
}

/// A message that is not text is a list of bytes, and one that is too long is null.
fn bytes(message: &Value) -> Vec<u8> {
    let all = message.as_array().into_iter().flatten();
    let bytes = all.filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
    bytes.collect()
}

/// Every line, the oldest first. A continuation line has the time of its message.
///
/// # Errors
///
/// When it begins with a line that is not from a journal.
pub fn parse(printed: &str) -> Result<Vec<Line>, Fault> {
    let mut lines: Vec<Line> = Vec::new();
    for line in printed.lines() {
        let (at_us, text) = match stamped(line) {
            Some((at_us, text)) => (at_us, text),
            // Remarks of journalctl itself (`-- Boot … --`) before the first message are skipped.
            None => match lines.last() {
                Some(last) => (last.at_us, line.trim_start()),
                None if line.starts_with("-- ") || line.is_empty() => continue,
                None => {
                    return Err(Fault::new(format!(
                        "a journal begins with an invalid line: {line}"
                    )));
                }
            },
        };
        let text = plain(text);
        lines.push(Line { at_us, text });
    }
    Ok(lines)
}

/// `1732610000.123456 node[77]: text`
fn stamped(line: &str) -> Option<(i64, &str)> {
    let (stamp, rest) = line.split_once(' ')?;
    let (seconds, micros) = stamp.split_once('.')?;
    if micros.len() != 6 {
        return None;
    }
    let (seconds, micros): (i64, i64) = (seconds.parse().ok()?, micros.parse().ok()?);
    let at_us = seconds.checked_mul(1_000_000)?.checked_add(micros)?;
    let (_who, text) = rest.split_once(": ")?;
    Some((at_us, text))
}

/// The text without the sequences that colour it: ECMA-48, `ESC [ … m`.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.push_str(digits.strip_prefix('m').unwrap_or(digits));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_time_and_no_colour() {
        let printed = "-- Boot 0123456789abcdef --\n\
            1795420011.000250 node[812]: \u{1b}[32mINFO\u{1b}[39m: p2p \u{1b}[1;36mready: yes\u{1b}[0m\n\
            1795420012.500000 systemd[1]: aztec-node.service: Main process exited, code=dumped, status=4/ILL\n\
            \x20                  second line of it\n";
        let lines = parse(printed).expect("a journal");
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (line.at_us, line.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (1_795_420_011_000_250, "INFO: p2p ready: yes"),
                (
                    1_795_420_012_500_000,
                    "aztec-node.service: Main process exited, code=dumped, status=4/ILL"
                ),
                (1_795_420_012_500_000, "second line of it"),
            ]
        );
    }

    #[test]
    fn an_entry_has_its_unit_and_what_was_said() {
        let of = |more: &str| {
            let line =
                format!(r#"{{"__REALTIME_TIMESTAMP":"1795420011000250","PRIORITY":"6",{more}}}"#);
            entry(&line).map(|it| (it.unit.unwrap_or_default(), it.message))
        };
        let said = |unit: &str, text: &str| (unit.to_owned(), text.to_owned());
        let node = r#""_SYSTEMD_UNIT":"aztec-node.service""#;
        let found = of(&format!(r#"{node},"MESSAGE":"ready: yes""#)).expect("an entry");
        assert_eq!(found, said("aztec-node.service", "ready: yes"));
        // A message with colours is a list of bytes.
        let found = of(&format!(r#"{node},"MESSAGE":[27,91,51,50,109,111,107]"#)).expect("bytes");
        assert_eq!(found, said("aztec-node.service", "ok"));
        // journalctl leaves out a line that is too long.
        let scope = r#""_SYSTEMD_UNIT":"init.scope","UNIT":"aztec-l1.service","MESSAGE":null"#;
        assert_eq!(of(scope).expect("systemd"), said("aztec-l1.service", ""));
        for none in [
            "-- No entries --",
            "{}",
            "[]",
            r#"{"MESSAGE":"without a time"}"#,
        ] {
            assert!(entry(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_journal_without_entries_has_no_lines() {
        for none in ["-- No entries --\n", ""] {
            assert!(parse(none).expect("a journal").is_empty());
        }
        assert!(parse("Segmentation fault\n").is_err());
    }

    #[test]
    fn a_time_that_no_clock_has_is_no_time() {
        assert!(parse("9420012097152.500000 a: b\n").is_err());
        let lines = parse("1.000250 a: b\n9420012097152.500000 a: c\n").expect("a journal");
        assert_eq!(lines[1].at_us, 1_000_250);
        assert_eq!(lines[1].text, "9420012097152.500000 a: c");
    }
}
