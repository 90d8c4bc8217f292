//! What `apt-get --simulate` says it would do, see apt-get(8).

use crate::Fault;

/// The packages that would be removed, in its order: lines such as `Remv npm [9.2.0~ds1-3]`.
///
/// # Errors
///
/// When they are not as many as its summary says.
pub fn removals(said: &str) -> Result<Vec<String>, Fault> {
    let names = said
        .lines()
        .filter_map(|line| line.strip_prefix("Remv ")?.split_whitespace().next());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if said.lines().find_map(summary) != Some(names.len()) {
        return Err(Fault::new(format!(
            "apt-get named {} packages to remove, and its summary does not say so",
            names.len()
        ))
        .fix("Run `apt-get --simulate autoremove` and look at what it says."));
    }
    Ok(names)
}

/// `0 upgraded, 0 newly installed, 2 to remove and 0 not upgraded.`
fn summary(line: &str) -> Option<usize> {
    let (before, _) = line.split_once(" to remove and ")?;
    before.rsplit(' ').next()?.parse().ok()
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
        assert_eq!(removals(said).expect("an answer"), ["npm", "node-abbrev"]);
        let (half, _) = said.split_once("Remv node").expect("two");
        assert!(removals(half).is_err() && removals("").is_err());
        let none =
            "0 upgraded, 0 newly installed, 1 reinstalled, 0 to remove and 3 not upgraded.\n";
        assert!(removals(none).expect("an answer").is_empty());
    }
}
