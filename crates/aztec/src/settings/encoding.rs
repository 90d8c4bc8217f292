//! The character encoding of `kit.toml`.

use provision::Fault;

/// Refuses a file that is not UTF-8. Text of the host is read with a replacement character for each invalid byte, and
/// writing it back would replace these bytes.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    let place = |at: usize| format!("line {}", text[..at].matches('\n').count() + 1);
    if let Some(at) = text.find('\0') {
        let what = format!(
            "kit.toml: {}: the file is UTF-16 and not UTF-8, or contains a NUL",
            place(at)
        );
        return Err(Fault::new(what).fix("Save the file as UTF-8; nothing was changed."));
    }
    if let Some(at) = text.find(char::REPLACEMENT_CHARACTER) {
        let what = format!("kit.toml: {}: the file is not UTF-8", place(at));
        return Err(Fault::new(what).fix("Save the file as UTF-8; nothing was changed."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_encoding_is_named_with_its_line() {
        let utf16: Vec<u8> = "a = 1\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let marked = [b"\xff\xfe".as_slice(), &utf16].concat();
        for (bytes, expected) in [
            (
                b"a = 1\n# caf\xe9\n".as_slice(),
                Some("line 2: the file is not UTF-8"),
            ),
            (&utf16, Some("UTF-16")),
            (&marked, Some("UTF-16")),
            (b"\xef\xbb\xbfa = 1\r\n", None),
            ("# café …\n".as_bytes(), None),
        ] {
            let message = check(&String::from_utf8_lossy(bytes)).err();
            let message = message.map(|fault| fault.chain());
            match expected {
                None => assert_eq!(message, None),
                Some(expected) => assert!(message.unwrap().contains(expected), "{expected}"),
            }
        }
    }
}
