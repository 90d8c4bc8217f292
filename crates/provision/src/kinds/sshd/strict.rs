//! Comparison of strictness: a host with a stricter value keeps it.

use crate::tools::sshd_config::effective;

/// Words, the strictest first.
const RANKS: &[(&str, &[&str])] = &[
    (
        "permitrootlogin",
        &["no", "forced-commands-only", "without-password", "yes"],
    ),
    ("allowtcpforwarding", &["no", "local", "yes", "all"]),
    (
        "loglevel",
        &[
            "debug3", "debug2", "debug1", "debug", "verbose", "info", "error", "fatal", "quiet",
        ],
    ),
];
/// Numbers and times of which a smaller one is stricter, and whether 0 means no limit: sshd_config(5).
const LIMITS: &[(&str, bool)] = &[
    ("maxauthtries", false),
    ("maxsessions", false),
    ("logingracetime", true),
    ("clientaliveinterval", true),
    ("clientalivecountmax", true),
];
/// Lists of algorithms.
const LISTS: &[&str] = &["kexalgorithms", "macs", "ciphers"];

/// The stricter of two values of a keyword in lower case. If they cannot be compared, that of aztec-kit (`ours`),
/// or what both allow.
pub(super) fn stricter(keyword: &str, theirs: &str, ours: &str) -> String {
    let word = theirs.to_ascii_lowercase();
    let found = if let Some((_, ranks)) = RANKS.iter().find(|(name, _)| *name == keyword) {
        let rank = |value: &str| ranks.iter().position(|word| *word == normal(value));
        match (rank(&word), rank(&ours.to_ascii_lowercase())) {
            (Some(theirs), Some(ours)) if theirs < ours => Some(word),
            // One allows local forwarding only, and the other remote forwarding only.
            (None, _) if (word.as_str(), ours) == ("remote", "local") => Some("no".into()),
            _ => None,
        }
    } else if let Some((_, zero)) = LIMITS.iter().find(|(name, _)| *name == keyword) {
        let limit = |value: &str| seconds(value).filter(|number| *number != 0 || !zero);
        match (limit(&word), limit(ours)) {
            (Some(theirs), Some(ours)) if theirs < ours => Some(theirs.to_string()),
            _ => None,
        }
    } else if keyword == "maxstartups" {
        startups(&word).zip(startups(ours)).map(|(theirs, ours)| {
            let [start, rate, full] = [
                theirs[0].min(ours[0]),
                theirs[1].max(ours[1]),
                theirs[2].min(ours[2]),
            ];
            format!("{start}:{rate}:{full}")
        })
    } else if LISTS.contains(&keyword) {
        list(theirs, ours)
    } else {
        None
    };
    found.unwrap_or_else(|| ours.to_owned())
}

/// Whether a value is as strict as that of aztec-kit.
pub(super) fn is_as_strict(keyword: &str, value: &str, ours: &str) -> bool {
    let value = value.to_ascii_lowercase();
    if normal(&value) == normal(ours) {
        return true;
    }
    let stricter = stricter(keyword, &value, ours);
    let is = match LIMITS.iter().any(|(name, _)| *name == keyword) {
        true => seconds(&value).map(|number| number.to_string()),
        false => Some(value.clone()),
    };
    is.is_some_and(|is| normal(&is) == normal(&stricter))
}

/// `90`, `2m`, `1h30m`: TIME FORMATS of sshd_config(5).
fn seconds(text: &str) -> Option<u64> {
    let (mut sum, mut number) = (0u64, None::<u64>);
    for letter in text.chars() {
        if let Some(digit) = letter.to_digit(10) {
            let before = number.unwrap_or(0).checked_mul(10)?;
            number = Some(before.checked_add(digit.into())?);
            continue;
        }
        let unit: u64 = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    sum.checked_add(number.unwrap_or(0))
        .filter(|_| !text.is_empty())
}

/// `10:30:60`, or one number: no more connections beyond it.
fn startups(text: &str) -> Option<[u64; 3]> {
    let numbers = text
        .split(':')
        .map(str::parse)
        .collect::<Result<Vec<_>, _>>();
    match numbers.ok()?[..] {
        [all] => Some([all, 100, all]),
        [start, rate, full] => Some([start, rate, full]),
        _ => None,
    }
}

/// The rest of an explicit list without the algorithms that `ours` removes, or the union of both removals. `ours`
/// begins with `-`.
fn list(theirs: &str, ours: &str) -> Option<String> {
    let out: Vec<_> = ours.strip_prefix('-')?.split(',').collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "@.,_*?-".contains(c);
    if theirs.is_empty() || !theirs.chars().all(plain) {
        return None;
    }
    if let Some(more) = theirs.strip_prefix('-') {
        let more = more.split(',').filter(|name| !out.contains(name));
        let all: Vec<_> = out.iter().copied().chain(more).collect();
        return Some(format!("-{}", all.join(",")));
    }
    let kept: Vec<_> = theirs
        .split(',')
        .filter(|name| !out.contains(name))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Algorithms in the lists of `sshd -T` that the desired lists do not have, by keyword in lower case.
pub(super) fn withdrawn(desired: &[(String, String)], shown: &str) -> Vec<(String, Vec<String>)> {
    let lists = desired
        .iter()
        .filter(|(keyword, _)| LISTS.contains(&keyword.as_str()));
    let lists = lists.map(|(keyword, value)| {
        let goes = |name: &&str| match value.strip_prefix('-') {
            Some(out) => out.split(',').any(|out| out == *name),
            None => value.split(',').all(|kept| kept != *name),
        };
        let offered = effective(shown, keyword).unwrap_or_default();
        let gone = offered.split(',').filter(|name| !name.is_empty());
        let gone: Vec<_> = gone.filter(goes).map(str::to_owned).collect();
        (keyword.clone(), gone)
    });
    lists.filter(|(_, gone)| !gone.is_empty()).collect()
}

/// One spelling for values with the same meaning; `sshd -T` has its own.
pub(super) fn normal(value: &str) -> &str {
    match value {
        "prohibit-password" => "without-password",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_what_is_offered_and_no_longer_wanted() {
        let shown = "port 22\nkexalgorithms a,b,c\nmacs x,y\n";
        let gone = |wanted: &[(&str, &str)]| {
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(keyword, value)| ((*keyword).to_owned(), (*value).to_owned()))
                .collect();
            let gone = withdrawn(&wanted, shown).into_iter();
            let gone = gone.map(|(keyword, names)| format!("{keyword} {}", names.join(" ")));
            gone.collect::<Vec<_>>().join("; ")
        };
        assert_eq!(
            gone(&[("kexalgorithms", "-b,z"), ("macs", "y")]),
            "kexalgorithms b; macs x"
        );
        // The first is live already, and the second is not a list of algorithms.
        assert_eq!(gone(&[("kexalgorithms", "-z"), ("macs", "x,y")]), "");
        assert_eq!(gone(&[("port", "-22"), ("ciphers", "-q")]), "");
    }

    #[test]
    fn what_is_stricter_stays() {
        for (keyword, theirs, ours, stays) in [
            (
                "permitrootlogin",
                "forced-commands-only",
                "prohibit-password",
                "forced-commands-only",
            ),
            ("permitrootlogin", "No", "prohibit-password", "no"),
            (
                "permitrootlogin",
                "yes",
                "prohibit-password",
                "prohibit-password",
            ),
            ("allowtcpforwarding", "no", "local", "no"),
            ("allowtcpforwarding", "remote", "local", "no"),
            ("allowtcpforwarding", "all", "local", "local"),
            ("loglevel", "DEBUG", "VERBOSE", "debug"),
            ("loglevel", "INFO", "VERBOSE", "VERBOSE"),
            ("maxauthtries", "1", "3", "1"),
            ("maxauthtries", "6", "3", "3"),
            ("logingracetime", "20s", "30", "20"),
            ("logingracetime", "2m", "30", "30"),
            ("logingracetime", "0", "30", "30"),
            ("clientaliveinterval", "1m", "300", "60"),
            ("clientalivecountmax", "0", "2", "2"),
            ("maxsessions", "0", "4", "0"),
            ("maxstartups", "5", "10:30:60", "5:100:5"),
            ("maxstartups", "20:50:30", "10:30:60", "10:50:30"),
            ("macs", "a,weak,b", "-weak,old", "a,b"),
            ("macs", "weak", "-weak,old", "-weak,old"),
            ("macs", "-c", "-weak,old", "-weak,old,c"),
            ("macs", "+old", "-weak,old", "-weak,old"),
            ("x11forwarding", "yes", "no", "no"),
            ("pubkeyauthentication", "no", "yes", "yes"),
        ] {
            assert_eq!(stricter(keyword, theirs, ours), stays, "{keyword} {theirs}");
        }
        assert!(is_as_strict("maxauthtries", "2", "3") && !is_as_strict("maxauthtries", "4", "3"));
        assert!(is_as_strict("logingracetime", "10s", "30"));
        assert!(is_as_strict(
            "permitrootlogin",
            "without-password",
            "prohibit-password"
        ));
        assert!(!is_as_strict("passwordauthentication", "yes", "no"));
    }
}
