//! `LOG_LEVEL`, which a node reads first. It exits if it cannot.

/// `LogLevels` of foundation/dest/log/log-levels.js (4.1.2, 5.2.0).
pub(super) const LEVELS: [&str; 8] = [
    "silent", "fatal", "error", "warn", "info", "verbose", "debug", "trace",
];

/// Whether the node accepts it: a level, then levels of single modules, as in `info; debug:p2p,archiver`
/// (`parseLogLevelEnvVar` of foundation/dest/log/log-filters.js, the same in 4.1.2 and 5.2.0).
pub(super) fn is_log_level(value: &str) -> bool {
    let (level, filters) = value.split_once(';').unwrap_or((value, ""));
    let filter = |text: &str| {
        text.split_once(':').is_some_and(|(level, modules)| {
            let level = level.trim().to_lowercase();
            LEVELS.contains(&level.as_str()) && !modules.is_empty()
        })
    };
    LEVELS.contains(&level) && (filters.is_empty() || filters.split(';').all(filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results are those of the parser of 4.1.2.
    #[test]
    fn a_log_level_is_valid_if_the_release_accepts_it() {
        let cases = [
            ("info", true),
            ("trace", true),
            ("info;", true),
            ("info; debug:p2p", true),
            ("info; debug :p2p", true),
            ("info;DEBUG:p2p", true),
            ("info;debug:a:b", true),
            ("debug;warn:a,b;error:c", true),
            ("INFO", false),
            (" info", false),
            ("info ;debug:p2p", false),
            ("warning", false),
            ("verbos", false),
            ("off", false),
            ("3", false),
            ("“debug”", false),
            ("debug:p2p", false),
            ("info;p2p:debug", false),
            ("info;;debug:p2p", false),
            ("info;debug:p2p;", false),
            ("info;debug:", false),
            ("info;:p2p", false),
        ];
        for (value, expected) in cases {
            assert_eq!(is_log_level(value), expected, "{value}");
        }
    }
}
