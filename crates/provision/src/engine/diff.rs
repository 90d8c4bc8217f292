//! Typed drift between the observed and the desired state.

use std::fmt::Write;
use std::ops::Range;

use serde::Serialize;
use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::{ChangeTag, DiffOp, group_diff_ops};

/// One side of a change, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The value is absent.
    Nothing,
    /// A value that anyone may read.
    Text(String),
    /// A value that is never shown.
    Secret,
}

impl Shown {
    /// A value that anyone may read.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("(none)"),
            Self::Text(text) => f.write_str(text),
            Self::Secret => f.write_str("(secret)"),
        }
    }
}

/// One field that has drifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// A value changes.
    Field {
        /// The name of the field.
        field: String,
        /// The observed value.
        from: Shown,
        /// The desired value.
        to: Shown,
    },
    /// The text of a file changes.
    Content {
        /// Unified diff, without file headers.
        patch: String,
    },
}

impl Change {
    /// A change of one value.
    pub fn field(field: impl Into<String>, from: Shown, to: Shown) -> Self {
        Self::Field {
            field: field.into(),
            from,
            to,
        }
    }

    /// A change of the text of a file.
    pub fn content(from: &str, to: &str) -> Self {
        Self::Content {
            patch: patch(from, to),
        }
    }
}

/// The number of context lines around a change.
const AROUND: usize = 2;

/// A unified diff without file headers, as `similar::TextDiff` makes it. `TextDiff` is not used, because it compiles and
/// links every algorithm for every form of text: a fifteenth of the binary, and six seconds of its build.
fn patch(from: &str, to: &str) -> String {
    let [from, to] = [from, to].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let (from, to) = (from.as_slice(), to.as_slice());
    let mut hook = Compact::new(Replace::new(Capture::new()), from, to);
    // Capturing a change cannot fail.
    let Ok(()) = myers::diff(&mut hook, from, 0..from.len(), to, 0..to.len());
    let changes = hook.into_inner().into_inner().into_ops();
    let mut patch = String::new();
    for hunk in group_diff_ops(changes, AROUND) {
        let [from_range, to_range] =
            [DiffOp::old_range, DiffOp::new_range].map(|of| range(hunk.iter().map(of)));
        // Writing to a string cannot fail.
        let _ = writeln!(patch, "@@ -{from_range} +{to_range} @@");
        for line in hunk.iter().flat_map(|change| change.iter_changes(from, to)) {
            patch.push(match line.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            });
            patch.push_str(line.value());
            if !line.value().ends_with('\n') {
                patch.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    patch
}

/// The lines of one side of a hunk, as its header has them: the first line, numbered from 1, and the number of lines. An
/// empty range has the number of the line before it, and a single line has no number of lines.
fn range(changes: impl Iterator<Item = Range<usize>>) -> String {
    let joined = changes.reduce(|all, next| all.start..next.end);
    let Range { start, end } = joined.unwrap_or_default();
    match end.saturating_sub(start) {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        lines => format!("{},{lines}", start + 1),
    }
}

/// The drift of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diff {
    /// In sync, with the reason.
    InSync(String),
    /// All drift, not just the first difference.
    Change(Vec<Change>),
    /// Not known yet, because it depends on something that does not exist; the reason.
    Unknown(String),
}

impl Diff {
    /// Returns [`Diff::InSync`] when there are no changes.
    pub fn of(changes: Vec<Change>, in_sync: impl FnOnce() -> String) -> Self {
        if changes.is_empty() {
            Self::InSync(in_sync())
        } else {
            Self::Change(changes)
        }
    }
}

#[cfg(test)]
mod tests {
    use similar::TextDiff;

    use super::*;

    /// Every pair of texts of up to four lines of three kinds, with and without a line break at the end.
    #[test]
    fn a_patch_is_what_the_whole_crate_makes_of_it() {
        let mut texts = vec![String::new()];
        for at in 0.. {
            let Some(text) = texts.get(at).filter(|text| text.lines().count() < 4) else {
                break;
            };
            let longer = ["a\n", "b\n", "long\n"].map(|line| format!("{text}{line}"));
            texts.extend(longer);
        }
        let open: Vec<_> = texts.iter().map(|text| text.trim_end().into()).collect();
        texts.extend(open);
        for from in &texts {
            for to in &texts {
                let whole = TextDiff::from_lines(from, to);
                let wanted = whole.unified_diff().context_radius(AROUND).to_string();
                assert_eq!(patch(from, to), wanted, "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn far_changes_are_apart() {
        let text = |middle: &str, end: &str| format!("1\n2\n3\n{middle}\n5\n6\n7\n8\n9\n{end}\n");
        let (from, to) = (text("4", "x"), text("four", "y"));
        let whole = TextDiff::from_lines(&from, &to);
        let wanted = whole.unified_diff().context_radius(AROUND).to_string();
        assert_eq!(patch(&from, &to), wanted);
        assert_eq!(wanted.matches("@@ -").count(), 2);
    }
}
