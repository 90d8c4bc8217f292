//! Inputs for a target: its seeds with a few changes, each a function of one number.

use fastrand::Rng;

use crate::{Target, literals};

/// The length of the longest input: a run should take microseconds.
const LONGEST: usize = 16 << 10;
/// A shorter seed is a word that is inserted into others too.
const WORD: usize = 24;
/// Words that break parsers of any kind.
const WORDS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\"",
    b"'",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"<",
    b"=",
    b":",
    b",",
    b"#",
    b"%",
    b"*",
    b"-",
    b"--",
    b"/",
    b"../",
    b"://",
    b"@",
    b"\x1b[31m",
    b"\xff",
    b"\xef\xbf\xbd",
    b"\xe2\x80\xae",
    b"0",
    b"-1",
    b"1",
    b"4294967295",
    b"9223372036854775807",
    b"18446744073709551616",
    b"1e400",
    b"NaN",
    b"0x",
    b"null",
    b"true",
    b"\\u0000",
    b"hunter2hunter2",
];

/// Makes inputs for a target.
#[derive(Debug)]
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Begins with the seeds of a target.
    pub fn new(target: &Target) -> Self {
        let mut seeds: Vec<_> = target.seeds.iter().map(|seed| seed.to_vec()).collect();
        seeds.extend(literals::of_tests(target.source));
        let words = seeds.iter().filter(|seed| seed.len() <= WORD);
        let words = words.cloned().chain(WORDS.iter().map(|it| it.to_vec()));
        Self {
            words: words.collect(),
            seeds,
        }
    }

    /// The seeds, which are mutated.
    pub fn seeds(&self) -> &[Vec<u8>] {
        &self.seeds
    }

    /// The words, which are inserted.
    pub fn words(&self) -> &[Vec<u8>] {
        &self.words
    }

    /// The input with this number.
    pub fn input(&self, number: u64) -> Vec<u8> {
        let mut rng = Rng::with_seed(number);
        let mut input = rng.choice(&self.seeds).cloned().unwrap_or_default();
        for _ in 0..1 << rng.u32(0..5) {
            self.change(&mut input, &mut rng);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let at = rng.usize(0..=input.len());
        let word = rng.choice(&self.words).map_or(&[][..], Vec::as_slice);
        // A part is short most often.
        let longest = 1 << rng.u32(0..8);
        let end = (at + rng.usize(0..=longest)).min(input.len());
        match rng.u32(0..10) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << rng.u8(0..8);
                }
            }
            1 => input.insert(at, rng.u8(..)),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                let to = rng.usize(0..=input.len());
                input.splice(to..to, part);
            }
            4 => drop(input.splice(at..at, word.iter().copied())),
            5 => drop(input.splice(at..end, word.iter().copied())),
            6 => input.truncate(at),
            7 => {
                if let Some(other) = rng.choice(&self.seeds) {
                    let from = rng.usize(0..=other.len());
                    input.splice(at..end, other[from..].iter().copied());
                }
            }
            8 => lines(input, rng),
            _ => renumber(input, at, rng),
        }
    }
}

/// Removes a line, repeats it, or swaps it with another.
fn lines(input: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<_> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.is_empty() {
        return;
    }
    let (one, two) = (rng.usize(0..lines.len()), rng.usize(0..lines.len()));
    match rng.u32(0..3) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(two, lines[one]),
        _ => lines.swap(one, two),
    }
    *input = lines.concat();
}

/// Replaces the next number by another.
fn renumber(input: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let Some(start) = (at..input.len()).find(|at| input[*at].is_ascii_digit()) else {
        return;
    };
    let rest = input[start..].iter();
    let end = start + rest.take_while(|byte| byte.is_ascii_digit()).count();
    let number = match rng.u32(0..4) {
        0 => u64::MAX >> rng.u32(0..64),
        1 => 1 << rng.u32(0..64),
        2 => rng.u64(0..100),
        _ => rng.u64(..),
    };
    input.splice(start..end, number.to_string().into_bytes());
}
