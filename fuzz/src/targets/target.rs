//! The type of a target, and helpers of all targets.

use std::borrow::Cow;

/// One parser of foreign text.
#[derive(Debug)]
pub struct Target {
    /// Area and source, as the command line names it.
    pub name: &'static str,
    /// The file of the parser, from the root of the project.
    pub reads: &'static str,
    /// The text of that file. The strings in its tests are seeds.
    pub source: &'static str,
    /// More seeds.
    pub seeds: &'static [&'static [u8]],
    /// Panics if the property does not hold for these bytes.
    pub hold: fn(&[u8]),
}

/// `target!(name, file from the root, what must hold, more seeds…)`
macro_rules! target {
    ($name:literal, $reads:literal, $hold:expr $(, $seed:expr)* $(,)?) => {
        $crate::targets::target::Target {
            name: $name,
            reads: $reads,
            source: include_str!(concat!("../../../", $reads)),
            seeds: &[$($seed),*],
            hold: $hold,
        }
    };
}
pub(super) use target;

/// A secret that no plan, error or document may contain. The mutator inserts it into inputs.
pub(super) const PLANTED: &str = "hunter2hunter2";

/// Text as the host returns it, also from bytes that are not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The parts before and after the first zero byte.
pub(super) fn halves(bytes: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let at = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let (one, two) = bytes.split_at(at);
    (text(one), text(two.get(1..).unwrap_or_default()))
}

/// The beginning of an answer up to a line break: an answer that ends within a line is refused before it is parsed.
pub(super) fn cut(text: &str) -> &str {
    let ends: Vec<_> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    match ends.len() {
        0 => "",
        count => &text[..ends[text.len() % count]],
    }
}
