//! The language of documents and comments: words and phrases that are not plain, with what to write instead.

/// A phrase in lower case, and what to write.
const PHRASES: &[(&str, &str)] = &[
    ("all the same", "anyway"),
    ("and its like", "and similar"),
    ("anew", "again"),
    ("as said", "(nothing)"),
    ("be it", "(nothing)"),
    ("besides", "in addition to"),
    ("but for", "except for"),
    ("comes of it", "results"),
    ("gave back", "reverted"),
    ("give back", "revert"),
    ("given back", "reverted"),
    ("gives back", "reverts"),
    ("goes on", "continues"),
    ("go on", "continue"),
    ("went on", "continued"),
    ("hands back", "returns"),
    ("if need be", "if necessary"),
    ("let go of", "forget"),
    ("lets go of", "forgets"),
    ("look after", "manage"),
    ("looks after", "manages"),
    ("looked after", "managed"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("mends", "fixes"),
    ("no business", "does not belong"),
    ("no longer wanted", "leftover"),
    ("no more wanted", "leftover"),
    ("of ours", "of aztec-kit"),
    ("sees to it", "makes sure"),
    ("take back", "roll back"),
    ("taken back", "rolled back"),
    ("takes back", "rolls back"),
    ("took back", "rolled back"),
    ("that is none", "that is not one"),
    ("told apart", "distinguished"),
    ("what differs", "drift"),
    ("what is asked", "(a noun)"),
    ("what is said", "(a noun)"),
    ("what is told", "(a noun)"),
    ("what is wanted", "the configuration"),
    ("what was asked", "(a noun)"),
    ("what was said", "(a noun)"),
    ("what was told", "(a noun)"),
    ("what was wanted", "the configuration"),
    ("wrest", "take over"),
];

/// The faults of a file: of a document, or of the comments of a source. The glossary is not checked, because it names the
/// words that it replaces.
pub fn faults_of(name: &str, text: &str) -> Vec<String> {
    if name.ends_with(".rs") {
        return faults(&comments(text));
    }
    match name.ends_with(".md") && name != "docs/glossary.md" {
        true => faults(text),
        false => Vec::new(),
    }
}

/// The text of the comments of a source, each on its line. Comments that follow code on a line are not read.
fn comments(source: &str) -> String {
    let comment = |line: &str| -> Option<String> {
        let rest = line.trim_start().strip_prefix("//")?;
        Some(rest.trim_start_matches(['/', '!']).trim().to_owned())
    };
    let lines = source.lines().map(|line| comment(line).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The phrases of a document to replace, each with its line. Code blocks, and words between backticks, are not read.
fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fenced = false;
    // A phrase may go over the end of a line.
    let mut before = String::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            before.clear();
            continue;
        }
        if fenced {
            continue;
        }
        let prose = prose(line).to_lowercase();
        let both = format!("{before} {}", prose.trim());
        for (phrase, instead) in PHRASES {
            if has(&both, phrase) && !has(&before, phrase) {
                let number = number + 1;
                faults.push(format!("line {number}: `{phrase}`: write `{instead}`"));
            }
        }
        before = prose.trim().to_owned();
    }
    faults
}

/// A line without what is between backticks.
fn prose(line: &str) -> String {
    let parts = line.split('`').step_by(2);
    parts.collect::<Vec<_>>().join("`")
}

/// Whether a text has these words, and not as a part of longer ones.
fn has(text: &str, phrase: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_with_its_line_and_code_is_not_read() {
        let found =
            faults("All closed but\nfor SSH.\n`mend` and a-mend\n```\nmend\n```\nMend it.\n");
        assert_eq!(
            found,
            [
                "line 2: `but for`: write `except for`",
                "line 7: `mend`: write `fix`"
            ]
        );
    }

    #[test]
    fn only_the_comments_of_a_source_are_read() {
        let source = "//! Mend it.\nlet mend = \"mend\";\n    // All closed but\n    // for SSH.\n";
        assert_eq!(
            faults_of("a.rs", source),
            [
                "line 1: `mend`: write `fix`",
                "line 4: `but for`: write `except for`"
            ]
        );
        assert!(faults_of("a.toml", "mend").is_empty());
        assert!(faults_of("docs/glossary.md", "mend").is_empty());
    }

    #[test]
    fn each_phrase_stands_alone_and_in_lower_case() {
        for (at, (phrase, instead)) in PHRASES.iter().enumerate() {
            assert_eq!(phrase.to_lowercase(), *phrase);
            assert!(!has(instead, phrase), "{phrase}");
            let twice = PHRASES[at + 1..].iter().any(|(other, _)| other == phrase);
            assert!(!twice, "{phrase}");
        }
    }
}
