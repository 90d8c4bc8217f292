//! `docker image ls` and `podman image ls`.

use crate::Fault;

/// The output format for both engines: one image per line.
pub const FORMAT: &str = "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}";

/// A name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Repository, without the prefix of the engines.
    pub repository: String,
    /// Tag; nothing for an image whose name a newer one took.
    pub tag: Option<String>,
    /// Its digest in the registry; nothing when it was loaded from an archive.
    pub digest: Option<String>,
    /// Digest of its configuration, which covers its whole content: the same in both engines.
    pub id: String,
}

/// The prefixes of Podman: the public registry, or the one that older releases use for images from an archive.
const PREFIXES: &[&str] = &["docker.io/", "localhost/"];

/// Every image in the output.
///
/// # Errors
///
/// When a line has another form, because the images are not known then.
pub fn parse(text: &str) -> Result<Vec<Row>, Fault> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            row(line)
                .ok_or_else(|| Fault::new(format!("a list of images has an invalid line: {line}")))
        })
        .collect()
}

fn row(line: &str) -> Option<Row> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [repository, tag, digest, id] = words[..] else {
        return None;
    };
    if !id.starts_with("sha256:") {
        return None;
    }
    let some = |word: &str| (word != "<none>").then(|| word.to_owned());
    let short = PREFIXES
        .iter()
        .find_map(|prefix| repository.strip_prefix(prefix));
    Some(Row {
        repository: short.unwrap_or(repository).to_owned(),
        tag: some(tag),
        digest: some(digest),
        id: id.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_both_engines_print() {
        // Docker 26.1.5 after `docker load`, Podman 5.4.2 and 4.3.1 after `podman load` of the same archive.
        let id = "sha256:430696c3a5710082826e3af2106c26e51862f395377b541ff4d7adf317901dd3";
        let digest = "sha256:a21f7957ab382b4cdf1a58c61941aba3005dcad86fc1647994ffd7e69322c461";
        for (line, known) in [
            (format!("aztecprotocol/aztec 4.1.2 <none> {id}\n"), None),
            (
                format!("docker.io/aztecprotocol/aztec 4.1.2 {digest} {id}\n"),
                Some(digest),
            ),
            (
                format!("localhost/aztecprotocol/aztec 4.1.2 {digest} {id}\n"),
                Some(digest),
            ),
        ] {
            let rows = parse(&line).expect("an image");
            assert_eq!(rows.len(), 1, "{line}");
            assert_eq!(rows[0].repository, "aztecprotocol/aztec");
            assert_eq!(rows[0].tag.as_deref(), Some("4.1.2"));
            assert_eq!(rows[0].digest.as_deref(), known);
            assert_eq!(rows[0].id, id);
        }
        let one = |line: &str| parse(line).expect("an image").remove(0);
        assert_eq!(one("<none> <none> <none> sha256:1\n").tag, None);
        // An image of another repository with the same name is not the official one.
        assert_eq!(
            one("mirror.example/aztecprotocol/aztec 4.1.2 <none> sha256:1\n").repository,
            "mirror.example/aztecprotocol/aztec"
        );
        assert!(parse("\n").expect("a list").is_empty());
        for other in [
            "WARNING: x\n",
            "a b <none> sha2\n",
            "Error: no such thing here\n",
        ] {
            assert!(parse(other).is_err(), "{other}");
        }
    }
}
