//! `sshd_config`, line by line: sshd_config(5). Only `sshd -T` knows the effective configuration.

/// One directive of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Line, counted from 1.
    pub line: usize,
    /// Keyword in lower case, because sshd ignores case.
    pub keyword: String,
    /// Its arguments without quotes.
    pub value: String,
}

/// Every directive in order.
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

/// The arguments of a line, quoted or not, up to a comment.
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

/// Whether a pattern with `*` and `?` matches a name: glob(7) without brackets, and PATTERNS of ssh_config(5).
pub fn covers(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut to) = (0, 0);
    // The position after the last star, and how far it matched. What an earlier star matches is irrelevant by then.
    let mut star = None;
    while to < name.len() {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                at += 1;
                star = Some((at, to));
            }
            (Some(letter), _) if *letter == '?' || *letter == name[to] => {
                (at, to) = (at + 1, to + 1)
            }
            (_, Some((behind, taken))) => {
                (at, to) = (behind, taken + 1);
                star = Some((behind, to));
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// The value of a keyword (in lower case) in the output of `sshd -T`; the first one of several.
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
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?*", "é", true),
        ] {
            assert_eq!(covers(pattern, name), covered, "{pattern} {name}");
        }
    }

    /// It would take years to try each star at each place.
    #[test]
    fn a_pattern_of_many_stars_is_answered() {
        let (pattern, name) = ("a*".repeat(60) + "b", "a".repeat(200));
        assert!(!covers(&pattern, &name));
        assert!(covers(&pattern, &(name + "b")));
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
