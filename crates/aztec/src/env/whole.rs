//! An environment file as a whole: systemd takes all of it, or none.

use super::file;

/// What systemd does with the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// It reads them.
    Read(String),
    /// It reads them, and a byte order mark is part of the first name: whether there is a variable in that line.
    Marked(String, bool),
    /// It takes nothing, and starts no unit that reads the file: the line, and why.
    Refused(usize, &'static str),
}

/// Judges the bytes as systemd does: `read_full_file` takes no NUL, and `check_utf8ness_and_warn` refuses a file with
/// a name or value that is not UTF-8 (systemd 252 and 257); in a comment it does no harm.
pub(crate) fn whole(bytes: &[u8]) -> Whole {
    let line = |at: usize| {
        let before = bytes[..at].iter();
        before.filter(|byte| **byte == b'\n').count() + 1
    };
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Whole::Refused(1, "the file is UTF-16");
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Whole::Refused(line(at), "the line contains a NUL");
    }
    let text = match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let broken = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
            let mut entries = file::entries(&text).into_iter();
            let broken = entries.find(|entry| {
                let value = entry.value.as_deref();
                value.is_some_and(|value| broken(value) || broken(&entry.name))
            });
            if let Some(entry) = broken {
                return Whole::Refused(entry.line, "the line is not UTF-8");
            }
            text
        }
    };
    match text.strip_prefix('\u{feff}') {
        None => Whole::Read(text),
        Some(text) => {
            let first = text.lines().next().unwrap_or_default().trim_start();
            let variable = !first.is_empty() && !first.starts_with(['#', ';']);
            Whole::Marked(text.to_owned(), variable)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_or_not() {
        let text = |text: &str| Whole::Read(text.into());
        let cases = [
            (b"A=1\n".as_slice(), text("A=1\n")),
            ("A=café\n".as_bytes(), text("A=café\n")),
            (b"# caf\xe9\nA=1\n", text("# caf\u{fffd}\nA=1\n")),
            (
                b"A=1\nB=caf\xe9\n",
                Whole::Refused(2, "the line is not UTF-8"),
            ),
            (
                b"A=1\nB\xe9=1\n",
                Whole::Refused(2, "the line is not UTF-8"),
            ),
            (b"A=1\nB=\0\n", Whole::Refused(2, "the line contains a NUL")),
            (b"# \0\n", Whole::Refused(1, "the line contains a NUL")),
            (
                b"\xff\xfeA\0=\0\x31\0",
                Whole::Refused(1, "the file is UTF-16"),
            ),
            (b"\xef\xbb\xbfA=1\n", Whole::Marked("A=1\n".into(), true)),
            (b"\xef\xbb\xbf# a\n", Whole::Marked("# a\n".into(), false)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(whole(bytes), expected, "{bytes:?}");
        }
    }
}
