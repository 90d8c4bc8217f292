//! The command line of a running sshd: sshd(8).

/// Options with a value.
const WITH_VALUE: &str = "bCcEfghkopu";
/// Options that affect the effective configuration, with and without a value.
const COUNT: &str = "cfhop46";

/// The options of a running sshd that are not in its configuration file, in the form for `sshd -T`: those that decide
/// ports and settings.
///
/// `cmdline` is `/proc/<pid>/cmdline`. sshd overwrites it with a title (sshd.c, `prepare_proctitle`), in which a value
/// with a blank looks like two.
pub fn options(cmdline: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(cmdline);
    let words: Vec<&str> = match text.strip_prefix("sshd: ") {
        Some(title) => {
            let title = title.split(" [listener]").next().unwrap_or_default();
            title.split([' ', '\0']).collect()
        }
        None => text.split('\0').collect(),
    };
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    // The program itself.
    words.next();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let Some(mut letters) = word.strip_prefix('-') else {
            break;
        };
        // `-Dp2222`: flags, then one option with its value.
        while let Some(letter) = letters.chars().next() {
            letters = &letters[letter.len_utf8()..];
            let counts = COUNT.contains(letter);
            if !WITH_VALUE.contains(letter) {
                found.extend(counts.then(|| format!("-{letter}")));
                continue;
            }
            let value = match letters {
                "" => words.next().unwrap_or_default(),
                rest => rest,
            };
            if counts {
                found.extend([format!("-{letter}"), value.to_owned()]);
            }
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::options;

    #[test]
    fn what_decides_is_kept() {
        // OpenSSH 9.2, Debian 12: the title, padded with zeros.
        let title = b"sshd: /usr/sbin/sshd -D -p 2222 -o PasswordAuthentication=yes [listener] 0 of 10-100 startups\0\0";
        let wanted = ["-p", "2222", "-o", "PasswordAuthentication=yes"];
        assert_eq!(options(title), wanted);
        let plain = b"/usr/sbin/sshd\0-Dep2222\0-E\0/var/log/x\0-oPasswordAuthentication=yes\0";
        assert_eq!(options(plain), wanted);
        let usual = b"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\0";
        assert_eq!(options(usual), [""; 0]);
        assert_eq!(options(b""), [""; 0]);
    }
}
