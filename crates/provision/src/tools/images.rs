//! `docker image ls` and `podman image ls`.

/// What both are asked to print: one image per line.
pub const FORMAT: &str = "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}";

/// One name of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Repository, without the names that the engines put before it.
    pub repository: String,
    /// Tag; nothing for an image that lost its name to a newer one.
    pub tag: Option<String>,
    /// Digest that the registry knows it by; nothing when it was loaded from an archive.
    pub digest: Option<String>,
    /// Digest of its configuration, and so of all that is in it: the same in both engines.
    pub id: String,
}

/// What Podman puts before a name: the public registry, or where older releases put what was loaded
/// from an archive.
const PREFIXES: &[&str] = &["docker.io/", "localhost/"];

/// Every image in the output; lines of another shape are skipped.
pub fn parse(text: &str) -> Vec<Row> {
    let some = |word: &str| (word != "<none>").then(|| word.to_owned());
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (repository, tag) = (words.next()?, words.next()?);
            let (digest, id) = (words.next()?, words.next()?);
            let short = PREFIXES
                .iter()
                .find_map(|prefix| repository.strip_prefix(prefix));
            Some(Row {
                repository: short.unwrap_or(repository).to_owned(),
                tag: some(tag),
                digest: some(digest),
                id: id.to_owned(),
            })
        })
        .collect()
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
            let rows = parse(&line);
            assert_eq!(rows.len(), 1, "{line}");
            assert_eq!(rows[0].repository, "aztecprotocol/aztec");
            assert_eq!(rows[0].tag.as_deref(), Some("4.1.2"));
            assert_eq!(rows[0].digest.as_deref(), known);
            assert_eq!(rows[0].id, id);
        }
        assert_eq!(parse("<none> <none> <none> sha256:1\n")[0].tag, None);
        // Somebody else's image of the same name is not the official one.
        assert_eq!(
            parse("mirror.example/aztecprotocol/aztec 4.1.2 <none> sha256:1\n")[0].repository,
            "mirror.example/aztecprotocol/aztec"
        );
        assert!(parse("\nWARNING: x\n").is_empty());
    }
}
