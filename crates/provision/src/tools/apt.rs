//! What `apt-get --simulate` says it would do, see apt-get(8).

/// The packages that would be removed, in its order: lines such as `Remv npm [9.2.0~ds1-3]`.
pub fn removals(said: &str) -> Vec<String> {
    let names = said
        .lines()
        .filter_map(|line| line.strip_prefix("Remv ")?.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_removals_are_read() {
        let said = "Reading package lists...\nThe following packages will be REMOVED:\n  node-abbrev npm\n\
                    0 upgraded, 0 newly installed, 2 to remove and 0 not upgraded.\n\
                    Remv npm [9.2.0~ds1-3]\nRemv node-abbrev [1.1.1+~1.1.2-1] [node-nopt:amd64 ]\n\
                    Inst ca-certificates (20250419 Debian:13/stable [all])\n";
        assert_eq!(removals(said), ["npm", "node-abbrev"]);
    }
}
