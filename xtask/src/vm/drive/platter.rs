//! The content of the disk: the image, the blocks that were flushed since, and the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// A block is written completely or not at all: a sector of current disks, and a block of ext4.
pub(super) const BLOCK: usize = 4096;

#[derive(Debug)]
pub(super) struct Platter {
    image: File,
    size: u64,
    /// The flushed blocks, each at its offset, in a file without a name.
    kept: File,
    /// The numbers of the flushed blocks.
    flushed: BTreeSet<u64>,
    /// The blocks that were written since the last flush.
    cache: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

impl Platter {
    /// A disk with the content of `image`, which stays as it is. Flushed blocks go to `kept`, an empty file.
    pub fn new(image: File, kept: File) -> io::Result<Platter> {
        Ok(Platter {
            size: image.metadata()?.len(),
            image,
            kept,
            flushed: BTreeSet::new(),
            cache: BTreeMap::new(),
        })
    }

    /// The size of the disk in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn block(&self, at: u64) -> io::Result<Box<[u8; BLOCK]>> {
        if let Some(bytes) = self.cache.get(&at) {
            return Ok(bytes.clone());
        }
        let file = match self.flushed.contains(&at) {
            true => &self.kept,
            false => &self.image,
        };
        let mut bytes = Box::new([0; BLOCK]);
        file.read_exact_at(&mut bytes[..], at * BLOCK as u64)?;
        Ok(bytes)
    }

    pub fn read(&self, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let mut read = Vec::with_capacity(length as usize);
        for (at, from, to) in pieces(offset, length as usize) {
            read.extend_from_slice(&self.block(at)?[from..to]);
        }
        Ok(read)
    }

    pub fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut left = data;
        for (at, from, to) in pieces(offset, data.len()) {
            let (now, later) = left.split_at(to - from);
            let mut bytes = match to - from {
                BLOCK => Box::new([0; BLOCK]),
                _ => self.block(at)?,
            };
            bytes[from..to].copy_from_slice(now);
            self.cache.insert(at, bytes);
            left = later;
        }
        Ok(())
    }

    /// Makes a range of the cache durable.
    pub fn write_through(&mut self, offset: u64, length: usize) -> io::Result<()> {
        for (at, ..) in pieces(offset, length) {
            if let Some(bytes) = self.cache.remove(&at) {
                self.keep(at, &bytes)?;
            }
        }
        Ok(())
    }

    /// Makes the whole cache durable.
    pub fn flush(&mut self) -> io::Result<()> {
        for (at, bytes) in std::mem::take(&mut self.cache) {
            self.keep(at, &bytes)?;
        }
        Ok(())
    }

    /// Drops the cache, except for the blocks of which `reached` says that they are durable. Returns the number of lost
    /// blocks.
    pub fn forget(&mut self, reached: &mut dyn FnMut() -> bool) -> io::Result<usize> {
        let mut lost = 0;
        for (block, bytes) in std::mem::take(&mut self.cache) {
            if reached() {
                self.keep(block, &bytes)?;
            } else {
                lost += 1;
            }
        }
        Ok(lost)
    }

    fn keep(&mut self, at: u64, bytes: &[u8; BLOCK]) -> io::Result<()> {
        self.kept.write_all_at(bytes, at * BLOCK as u64)?;
        self.flushed.insert(at);
        Ok(())
    }
}

/// The blocks of a range: the number of each, and the begin and end of the range within it.
pub(super) fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let size = BLOCK as u64;
    let end = offset + length as u64;
    let all = offset / size..end.div_ceil(size);
    all.map(move |at| {
        let begin = at * size;
        let within = |place: u64| usize::try_from(place - begin).unwrap_or(BLOCK);
        (at, within(offset.max(begin)), within(end.min(begin + size)))
    })
}
