//! What documents point to: files of this repository, by a link or by their name.

use std::path::{Path, PathBuf};

/// The folders of sources. A name that begins with one of them is that of a file here.
const SOURCES: [&str; 3] = ["crates/", "fuzz/", "xtask/"];

/// The files that a document names and that are not there, each with its line.
pub fn faults(name: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    if !name.ends_with(".md") {
        return Vec::new();
    }
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let linked = links(line).map(|link| folder.join(link));
        let named = names(line).map(PathBuf::from);
        for path in linked.chain(named).filter(|path| !exists(path)) {
            let number = number + 1;
            faults.push(format!(
                "line {number}: `{}` does not exist",
                path.display()
            ));
        }
    }
    faults
}

/// The targets of links to files.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', '#', ' ']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

/// The sources between backticks. A pattern is not a name.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let sources = quoted.filter(|it| SOURCES.iter().any(|folder| it.starts_with(folder)));
    sources.filter(|it| !it.contains(['<', '*', '{', ' ', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_found_with_its_line() {
        let exists = |path: &Path| {
            ["docs/../README.md", "docs/a.md"]
                .iter()
                .any(|it| path == *it)
        };
        let text = "[a](a.md) [b](b.md#x) [site](https://a.example/c.md)\n\
            [top](../README.md) [here](#x)\n`crates/l1/src/gone.rs` and `crates/<name>/src`, `cargo test`";
        assert_eq!(
            faults("docs/x.md", text, exists),
            [
                "line 1: `docs/b.md` does not exist",
                "line 3: `crates/l1/src/gone.rs` does not exist"
            ]
        );
        assert!(faults("docs/x.rs", text, exists).is_empty());
    }
}
