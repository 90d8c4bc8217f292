//! What may be shown of the current text of a file.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// A text and its shown form, without secrets.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub content: &'a str,
    pub shown: &'a str,
}

impl View<'_> {
    /// The lines that a foreign text shares with this one, in their shown form, and the number of other lines.
    ///
    /// Two texts must not look the same, because a plan is compared with the changes that are made later. A digest of
    /// the text alone would let a reader of the plan test guesses of a password, so it includes the time of the last
    /// write.
    pub(super) fn of_foreign(self, bytes: &[u8], modified_us: i64) -> String {
        let known = self.known_lines();
        let version = version(bytes, modified_us);
        let others = |count: usize| match count {
            0 => String::new(),
            1 => format!("… a line that aztec-kit did not write (version {version})\n"),
            _ => format!("… {count} lines that aztec-kit did not write (version {version})\n"),
        };
        let (mut view, mut count) = (String::new(), 0);
        for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            match known.get(line) {
                None => count += 1,
                Some(line) => {
                    view += &others(std::mem::take(&mut count));
                    view += line;
                }
            }
        }
        view + &others(count)
    }

    /// The lines of the text, each with its shown form.
    fn known_lines(&self) -> BTreeMap<&str, &str> {
        let (lines, shown): (Vec<&str>, Vec<&str>) = (
            self.content.split_inclusive('\n').collect(),
            self.shown.split_inclusive('\n').collect(),
        );
        if lines.len() == shown.len() {
            return lines.into_iter().zip(shown).collect();
        }
        // A secret has more than one line. Only lines without secrets are known then.
        let both = lines.into_iter().filter(|line| shown.contains(line));
        both.map(|line| (line, line)).collect()
    }
}

fn version(bytes: &[u8], modified_us: i64) -> String {
    let digest = Sha256::new()
        .chain_update(modified_us.to_be_bytes())
        .chain_update(bytes)
        .finalize();
    let mut version = const_hex::encode(digest);
    version.truncate(12);
    version
}
