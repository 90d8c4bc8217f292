//! The format of a record on disk: a line with its checksum and its length, so that a torn or damaged record is
//! detected.
//!
//! `CHECKSUM LENGTH JSON`: the CRC-32C of the JSON in eight hex digits, its length in bytes, the JSON itself. A line
//! that begins with a brace is JSON without a frame, as in format 1.

use crc::{CRC_32_ISCSI, Crc, Table};
use serde::de::IgnoredAny;

static SUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The digits of a checksum.
const DIGITS: usize = 8;
/// The maximum length of the part before the JSON: checksum, length (any `usize`), and a blank after each.
const HEAD: usize = DIGITS + 1 + 20 + 1;

/// The line of a record, including its end.
pub(crate) fn framed(json: &[u8]) -> Vec<u8> {
    let mut line = format!("{:08x} {} ", SUM.checksum(json), json.len()).into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

/// The records of a file.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    /// The JSON of each.
    pub records: Vec<&'a [u8]>,
    /// The bytes up to the end of the last record. The rest was being written when its writer died. It does not count,
    /// because nothing is done before its record is durable.
    pub whole: usize,
}

/// A line that is not a record, followed by records. A writer that died cannot have left it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The line number, from 1.
    pub line: usize,
}

/// Reads a file. A torn last line, or one of which only some blocks reached the disk, is ignored.
///
/// # Errors
///
/// When a line before the last one is damaged.
pub(crate) fn records(bytes: &[u8]) -> Result<Records<'_>, Damage> {
    let mut found = Records {
        records: Vec::new(),
        whole: 0,
    };
    let mut damage = None;
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if let Some(damage) = damage {
            return Err(damage);
        }
        match record(line) {
            Some(record) => {
                found.records.push(record);
                found.whole += line.len();
            }
            // It is longer than its frame says: it was complete once and has been altered.
            None if overlong(line) => return Err(Damage { line: at + 1 }),
            None => damage = Some(Damage { line: at + 1 }),
        }
    }
    Ok(found)
}

fn record(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    if line.first() == Some(&b'{') {
        let json = serde_json::from_slice::<IgnoredAny>(line);
        return json.is_ok().then_some(line);
    }
    unframed(line).or_else(|| {
        // Another writer died in the middle of this line, and the next one appended its record without noticing.
        let mut starts = 1..line.len();
        starts.find_map(|at| {
            let (before, line) = line.split_at_checked(at)?;
            unframed(line).filter(|_| torn(before))
        })
    })
}

/// The JSON of an intact line.
fn unframed(line: &[u8]) -> Option<&[u8]> {
    let head = head(line)?;
    (head.length == head.json.len() && head.sum == SUM.checksum(head.json)).then_some(head.json)
}

/// Whether these bytes are only the start of a line.
fn torn(bytes: &[u8]) -> bool {
    match head(bytes) {
        Some(head) => head.json.len() < head.length,
        None => bytes.len() <= HEAD,
    }
}

/// Whether a line, including its end, is longer than its writer can have written it.
fn overlong(line: &[u8]) -> bool {
    head(line).is_some_and(|head| head.json.len() > head.length + 1)
}

/// The fields of a line.
struct Head<'a> {
    sum: u32,
    length: usize,
    json: &'a [u8],
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    let (sum, rest) = line.split_at_checked(DIGITS)?;
    let rest = rest.strip_prefix(b" ")?;
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let (length, json) = rest.split_at_checked(end)?;
    Some(Head {
        sum: u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?,
        length: std::str::from_utf8(length).ok()?.parse().ok()?,
        json: json.strip_prefix(b" ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(texts: &[&str]) -> Vec<u8> {
        texts
            .iter()
            .flat_map(|text| framed(text.as_bytes()))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = file(&[r#"{"a":1}"#, r#"{"b":"é 😀"}"#]);
        let found = records(&bytes).map(|found| (found.records.len(), found.whole));
        assert_eq!(found, Ok((2, bytes.len())));
    }

    #[test]
    fn a_block_that_never_reached_the_disk_is_a_torn_tail() {
        let first = file(&[r#"{"a":1}"#]);
        let mut bytes = first.clone();
        bytes.extend(file(&[&format!("{{\"b\":\"{}\"}}", "x".repeat(9000))]));
        for block in [4096, 8192] {
            let mut bytes = bytes.clone();
            let end = bytes.len().min(block + 4096);
            bytes[block..end].fill(0);
            let found = records(&bytes).map(|found| found.whole);
            assert_eq!(found, Ok(first.len()), "block at {block}");
        }
    }

    #[test]
    fn every_byte_that_is_another_one_is_seen() {
        let bytes = file(&[r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#]);
        let second = file(&[r#"{"a":1}"#]).len()..file(&[r#"{"a":1}"#, r#"{"b":2}"#]).len();
        for at in second {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            let found = records(&bytes).map(|found| found.records.len());
            assert_eq!(found, Err(Damage { line: 2 }), "byte {at}");
        }
    }

    #[test]
    fn a_record_behind_a_torn_one_counts() {
        let torn = file(&[r#"{"a":1}"#]);
        for end in 1..torn.len() - 1 {
            let mut bytes = torn[..end].to_vec();
            bytes.extend(file(&[r#"{"b":2}"#, r#"{"c":3}"#]));
            let found = records(&bytes).map(|found| found.records.len());
            assert_eq!(found, Ok(2), "torn at {end}");
        }
    }
}
