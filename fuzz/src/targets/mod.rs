//! The list: a parser, the file that it is in, inputs to begin with besides those of its tests, and what must hold.

mod aztec;
mod files;
mod journal;
mod keys;
mod programs;
mod services;

use std::borrow::Cow;

/// One parser of foreign text.
#[derive(Debug)]
pub struct Target {
    /// Room and source, as it is named on the command line.
    pub name: &'static str,
    /// The file that has the parser, from the root of the project.
    pub reads: &'static str,
    /// The text of that file: the strings in its tests are seeds.
    pub source: &'static str,
    /// More seeds.
    pub seeds: &'static [&'static [u8]],
    /// Panics when something does not hold for these bytes.
    pub hold: fn(&[u8]),
}

/// Every target, in the order of the files that they read.
pub fn targets() -> Vec<&'static Target> {
    let all = [
        programs::TARGETS,
        files::TARGETS,
        journal::TARGETS,
        aztec::TARGETS,
        keys::TARGETS,
        services::TARGETS,
    ];
    let mut all: Vec<_> = all.into_iter().flatten().collect();
    all.sort_by_key(|target| (target.reads, target.name));
    all
}

/// `target!(name, file from the root, what must hold, more seeds…)`
macro_rules! target {
    ($name:literal, $reads:literal, $hold:expr $(, $seed:expr)* $(,)?) => {
        $crate::targets::Target {
            name: $name,
            reads: $reads,
            source: include_str!(concat!("../../../", $reads)),
            seeds: &[$($seed),*],
            hold: $hold,
        }
    };
}
use target;

/// What a plan, an error or a document must never have in it; the mutator puts it into inputs.
const PLANTED: &str = "hunter2hunter2";

/// As the host hands out what is not UTF-8.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// What comes before the first and what after it.
fn halves(bytes: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let at = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let (one, two) = bytes.split_at(at);
    (text(one), text(two.get(1..).unwrap_or_default()))
}

/// The beginning of an answer up to an end of a line: what ends within a line is refused before it is parsed.
fn cut(whole: &str) -> &str {
    let ends: Vec<_> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
    match ends.len() {
        0 => "",
        count => &whole[..ends[whole.len() % count]],
    }
}
