//! The blobs that a consensus endpoint really serves.

use super::{block::Block, questions::BlobsApi};
use crate::{
    answer,
    beacon::Api,
    error::Result,
    failure::{Failure, Status},
    retry::patiently,
};

/// Bytes of an answer. 128 blobs in hexadecimal have 33 MB. The answer is counted piece by piece and not kept.
const LONGEST: usize = 64 << 20;

/// Bytes of the answer that are kept, for the words of a refusal.
const BEGINNING: usize = 4 << 10;

/// The characters of a blob: two for each of 131 072 bytes, and `0x`.
const CHARACTERS: usize = 2 + 2 * 131_072;

/// The blobs of one block.
#[derive(Debug)]
pub struct ServedBlobs {
    /// The block.
    pub block: Block,
    /// Its slot.
    pub slot: u64,
    /// The number of blobs that the endpoint served, which should be that of the block. An answer can be empty and well
    /// (sigp/lighthouse#5807, status-im/nimbus-eth2#8918).
    pub served: Result<u64>,
}

/// Asks for the blobs of a slot, and counts them.
pub(super) async fn served(api: &Api, way: BlobsApi, slot: u64) -> Result<u64> {
    let path = way.path(slot);
    let count = async || count(api, &path).await;
    let count = patiently(api.patience, api.limits, count).await;
    count.map_err(|failure| api.failed(&path, &failure))
}

async fn count(api: &Api, path: &str) -> Result<u64, Failure> {
    let mut opened = api.open(path).await?;
    let (mut count, mut beginning) = (BlobCount::default(), Vec::new());
    let read = |piece: &[u8]| {
        count.read(piece);
        let room = BEGINNING.saturating_sub(beginning.len()).min(piece.len());
        beginning.extend(piece.iter().take(room));
    };
    opened.each_chunk(LONGEST, read).await?;
    match opened.status {
        200..300 if answer::is_page(&beginning) => Err(Failure::Page),
        200..300 => Ok(count.blobs),
        code => Err(Failure::Status(Status {
            code,
            retry_after: opened.retry_after(),
            message: answer::words(&beginning),
        })),
    }
}

/// Counts the blobs in a JSON document, of which it gets one piece after the other: the strings that are as long as a blob.
/// Both APIs have each blob in one string, and no other string is as long.
#[derive(Debug, Default)]
pub(crate) struct BlobCount {
    /// The number of blobs.
    pub blobs: u64,
    in_string: bool,
    escaped: bool,
    length: usize,
}

impl BlobCount {
    /// Reads the next piece.
    pub(crate) fn read(&mut self, piece: &[u8]) {
        for byte in piece {
            match (self.in_string, byte) {
                (false, b'"') => (self.in_string, self.length) = (true, 0),
                (false, _) => {}
                (true, _) if self.escaped => {
                    self.escaped = false;
                    self.length += 1;
                }
                (true, b'\\') => self.escaped = true,
                (true, b'"') => {
                    self.in_string = false;
                    self.blobs += u64::from(self.length == CHARACTERS);
                }
                (true, _) => self.length += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_counted_in_both_shapes_and_in_any_pieces() {
        let blob = format!("\"0x{}\"", "0".repeat(CHARACTERS - 2));
        let sidecar = format!("{{\"index\":\"0\",\"blob\":{blob},\"kzg_proof\":\"0x00\"}}");
        for (document, blobs) in [
            (format!("{{\"data\":[{blob},{blob}]}}"), 2),
            (format!("{{\"data\":[{sidecar}]}}"), 1),
            ("{\"data\":[]}".to_owned(), 0),
            ("{\"a\":\"\\\"\",\"data\":[\"0x00\"]}".to_owned(), 0),
        ] {
            for size in [1, 7, 4096, document.len()] {
                let mut count = BlobCount::default();
                document
                    .as_bytes()
                    .chunks(size)
                    .for_each(|piece| count.read(piece));
                assert_eq!(count.blobs, blobs);
            }
        }
    }
}
