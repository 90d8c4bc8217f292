//! `sysctl.d(5)`, and the same syntax in `/etc/ufw/sysctl.conf`.

/// Every setting of a file with its value, in order; names with dots. Globs are not expanded.
pub fn parse(text: &str) -> Vec<(String, String)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            // A `-` before the name means that a failure to set it is ignored.
            let name = name.trim().trim_start_matches('-');
            Some((name.replace('/', "."), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_ways_to_write_a_name() {
        let text = "# a = 1\n; b = 2\nvm.swappiness = 60\n-net/ipv4/tcp_syncookies=1\n\nglob-without-value\n";
        let pairs = [("vm.swappiness", "60"), ("net.ipv4.tcp_syncookies", "1")];
        let expected = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), expected);
    }
}
