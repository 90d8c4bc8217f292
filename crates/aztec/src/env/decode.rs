//! Whether systemd can read an environment file. It reads all of the file or nothing.

use super::file;

/// The result of systemd's reading of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// It reads this text.
    Read(String),
    /// It reads this text, but the file has a byte order mark, which becomes part of the first name. The flag tells whether
    /// the first line has a variable.
    Marked(String, bool),
    /// It reads nothing, and does not start a unit with this file: the line, and the reason.
    Refused(usize, &'static str),
}

/// Reads the bytes as systemd does: `read_full_file` accepts no NUL, and `check_utf8ness_and_warn` refuses a file with
/// a name or value that is not UTF-8 (systemd 252 and 257). In a comment, such bytes do no harm.
pub(crate) fn decode(bytes: &[u8]) -> Decoded {
    let line = |at: usize| {
        let before = bytes[..at].iter();
        before.filter(|byte| **byte == b'\n').count() + 1
    };
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Decoded::Refused(1, "the file is UTF-16");
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Decoded::Refused(line(at), "the line contains a NUL");
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
                return Decoded::Refused(entry.line, "the line is not UTF-8");
            }
            text
        }
    };
    match text.strip_prefix('\u{feff}') {
        None => Decoded::Read(text),
        Some(text) => {
            let first = text.lines().next().unwrap_or_default().trim_start();
            let variable = !first.is_empty() && !first.starts_with(['#', ';']);
            Decoded::Marked(text.to_owned(), variable)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_or_refused() {
        let text = |text: &str| Decoded::Read(text.into());
        let cases = [
            (b"A=1\n".as_slice(), text("A=1\n")),
            ("A=café\n".as_bytes(), text("A=café\n")),
            (b"# caf\xe9\nA=1\n", text("# caf\u{fffd}\nA=1\n")),
            (
                b"A=1\nB=caf\xe9\n",
                Decoded::Refused(2, "the line is not UTF-8"),
            ),
            (
                b"A=1\nB\xe9=1\n",
                Decoded::Refused(2, "the line is not UTF-8"),
            ),
            (
                b"A=1\nB=\0\n",
                Decoded::Refused(2, "the line contains a NUL"),
            ),
            (b"# \0\n", Decoded::Refused(1, "the line contains a NUL")),
            (
                b"\xff\xfeA\0=\0\x31\0",
                Decoded::Refused(1, "the file is UTF-16"),
            ),
            (b"\xef\xbb\xbfA=1\n", Decoded::Marked("A=1\n".into(), true)),
            (b"\xef\xbb\xbf# a\n", Decoded::Marked("# a\n".into(), false)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(bytes), expected, "{bytes:?}");
        }
    }
}
