//! `sshd_config`, line by line: sshd_config(5). What sshd makes of it as a whole only `sshd -T` knows.

/// One directive of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Line, counted from 1.
    pub line: usize,
    /// Keyword in lower case: sshd does not care either.
    pub keyword: String,
    /// Its arguments without quotes.
    pub value: String,
}

/// Every directive in its order.
pub fn parse(text: &str) -> Vec<Directive> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(at, line)| {
            let line = line.trim();
            let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
            let (keyword, rest) = line.split_at(end);
            if keyword.starts_with('#') {
                return None;
            }
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
            Some(Directive {
                line: at + 1,
                keyword: keyword.to_ascii_lowercase(),
                value: words(rest).join(" "),
            })
        })
        .collect()
}

/// The arguments of a line: in quotes or not, up to a comment.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// Whether a pattern with `*` and `?` covers a name: glob(7) without brackets, and PATTERNS of ssh_config(5).
pub fn covers(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            let rest = letters.as_str();
            ends.into_iter().any(|at| covers(rest, &name[at..]))
        }
        Some(letter) => {
            let mut others = name.chars();
            let other = others.next();
            other.is_some_and(|other| letter == '?' || letter == other)
                && covers(letters.as_str(), others.as_str())
        }
    }
}

/// What `sshd -T` says of one keyword, in lower case; several lines of one keyword are its first.
pub fn effective<'a>(shown: &'a str, keyword: &str) -> Option<&'a str> {
    let mut lines = shown.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(name, _)| *name == keyword)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_sshd_reads() {
        let text = "# PermitRootLogin yes\n\tInclude /etc/ssh/sshd_config.d/*.conf\n\
                    PasswordAuthentication=no # not here\nMatch User \"one two\",three\n";
        let found = parse(text);
        let line = |line, keyword: &str, value: &str| Directive {
            line,
            keyword: keyword.into(),
            value: value.into(),
        };
        assert_eq!(
            found,
            [
                line(2, "include", "/etc/ssh/sshd_config.d/*.conf"),
                line(3, "passwordauthentication", "no"),
                line(4, "match", "User one two ,three"),
            ]
        );
    }

    #[test]
    fn patterns_cover_names() {
        for (pattern, name, covered) in [
            ("*.conf", "50-cloud-init.conf", true),
            ("*.conf", "50-cloud-init.conf.dpkg-old", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(covers(pattern, name), covered, "{pattern} {name}");
        }
    }

    #[test]
    fn finds_a_keyword_of_sshd_t() {
        let shown = "port 22\npermitrootlogin without-password\n";
        assert_eq!(
            effective(shown, "permitrootlogin"),
            Some("without-password")
        );
        assert_eq!(effective(shown, "macs"), None);
    }
}
