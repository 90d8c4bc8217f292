//! `/etc/os-release`: os-release(5).

/// The distribution.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsRelease {
    /// `debian`, `ubuntu`, …
    pub id: String,
    /// `13`, `24.04`, …; empty on rolling releases.
    pub version_id: String,
    /// Its name for people.
    pub pretty_name: String,
}

/// Reads the three fields; a missing one is empty.
pub fn parse(text: &str) -> OsRelease {
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    };
    OsRelease {
        id: value("ID"),
        version_id: value("VERSION_ID"),
        pretty_name: value("PRETTY_NAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_bare_values() {
        let release =
            parse("PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_ID=\"13\"\nID=debian\n");
        assert_eq!(release.id, "debian");
        assert_eq!(release.version_id, "13");
        assert_eq!(release.pretty_name, "Debian GNU/Linux 13 (trixie)");
    }
}
