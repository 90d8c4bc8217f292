//! Findings about the databases on a host.

use l1::Address;
use provision::Fault;
use provision::host::Probe;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::databases::{Databases, databases};
use crate::fit::{self, Fit};
use crate::settings::Settings;

/// Findings about the databases on this host: those of other releases, and those of another rollup than the one
/// that `fit` found.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn other_databases(
    settings: &Settings,
    probe: &dyn Probe,
    fit: Option<&Fit>,
) -> Result<Vec<Finding>, Fault> {
    let all = databases(settings, probe)?;
    let fits = fit.filter(|fit| fit.verdict == fit::Verdict::Fits);
    let followed = fits.and_then(|fit| fit.rollup);
    Ok(finding(&all)
        .into_iter()
        .chain(another_rollup(&all, followed))
        .collect())
}

/// Within a major release, a new rollup replaces the old one in the same directory: the node empties it.
fn another_rollup(all: &[Databases], rollup: Option<Address>) -> Option<Finding> {
    let used = all.iter().find(|databases| databases.in_use)?;
    let (theirs, ours) = (used.rollup?, rollup?);
    (theirs != ours).then(|| {
        let seen = format!(
            "the databases in {} are of rollup {theirs}, and the node follows rollup {ours}: it empties them when it starts, and syncs again",
            used.path.display()
        );
        Finding::warn(Topic::Databases, seen).fix("To keep them, set another data_dir first.")
    })
}

fn finding(all: &[Databases]) -> Option<Finding> {
    let (used, others): (Vec<_>, Vec<_>) = all.iter().partition(|databases| databases.in_use);
    if others.is_empty() {
        return None;
    }
    let others: Vec<_> = others.into_iter().map(Databases::shown).collect();
    let used = used
        .first()
        .map_or_else(String::new, |used| used.path.display().to_string());
    let seen = format!(
        "this release has its databases in {used}; those of other releases, with their signing records, stay until you remove them: {}",
        others.join(", ")
    );
    Some(Finding::pass(Topic::Databases, seen))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::Severity;

    const OLD: &str = "0x91fF8bbD8Ebb07893010D50A48A1609e5EBd8E34";

    fn settings(release: &str) -> Settings {
        Settings::parse(&format!(
            "network = \"mainnet\"\nrelease = \"{release}\"\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n"
        ))
        .unwrap()
    }

    #[test]
    fn a_new_major_has_a_directory_of_its_own_and_the_old_one_is_named() {
        let mut host = FakeHost::debian();
        for dir in [
            "/var/lib/aztec",
            "/var/lib/aztec/node",
            "/var/lib/aztec/node/archiver",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o750);
        }
        let noted = format!("{{\"schemaVersion\":9,\"rollupAddress\":\"{OLD}\"}}");
        host.plant(
            "/var/lib/aztec/node/archiver/db_version",
            FileType::File,
            noted.as_bytes(),
            0o640,
        );
        let five = databases(&settings("5.2.0"), &host).unwrap();
        assert_eq!(five.len(), 1);
        assert!(five[0].in_use && five[0].rollup == OLD.parse().ok());
        assert!(finding(&five).is_none());
        let six = databases(&settings("6.0.0"), &host).unwrap();
        assert_eq!(six[0].path, Path::new("/var/lib/aztec/v6"));
        assert!(six[0].in_use && six[0].rollup.is_none() && !six[1].in_use);
        let message = finding(&six).unwrap().text();
        assert!(
            message.contains("/var/lib/aztec/v6") && message.contains(OLD),
            "{message}"
        );
    }

    #[test]
    fn a_host_without_a_node_has_databases_too() {
        let mut host = FakeHost::debian();
        for dir in [
            "/var/lib/aztec",
            "/var/lib/aztec/prover-broker",
            "/var/lib/aztec/prover-node",
            "/var/lib/aztec/v6",
            "/var/lib/aztec/v+7",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o750);
        }
        let found = databases(&settings("6.0.0"), &host).unwrap();
        let found: Vec<_> = found.iter().map(|it| it.path.to_str().unwrap()).collect();
        assert_eq!(found, ["/var/lib/aztec/v6", "/var/lib/aztec"]);
    }

    #[test]
    fn databases_of_another_rollup_are_reported_before_the_node_empties_them() {
        let (mine, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let all = [Databases {
            path: "/var/lib/aztec".into(),
            rollup: Some(mine),
            in_use: true,
        }];
        assert!(another_rollup(&all, Some(mine)).is_none() && another_rollup(&all, None).is_none());
        let warning = another_rollup(&all, Some(other)).unwrap();
        assert_eq!(warning.severity, Severity::Warn);
        assert!(
            warning.text().contains("it empties them"),
            "{}",
            warning.text()
        );
    }
}
