//! Compares the facts that aztec-kit carries about a release with the packages of that release.
//!
//! Most packages of 5.2.0 were never published. The published ones are enough to compare names, types, presets, metrics and
//! log lines. A release takes part if its packages are pinned: by the lock file that it is installed from, or by one in
//! `tests/data/published/<version>`, from which nothing is ever installed.
//!
//! It fetches packages, about 5 MB the first time, so `cargo xtask test` runs it and `cargo test` does not:
//! `cargo xtask test --machine published`, or with `AZTEC_KIT_PACKAGES` as a directory that keeps the tarballs
//! `cargo test --package aztec --test published`.

#![expect(
    clippy::unwrap_used,
    reason = "a comparison that cannot continue panics"
)]

mod data;
mod env;
mod js;
mod monitoring;
mod packages;
mod words;

use data::Release;
use packages::Packages;

/// The differences, one line each.
#[derive(Debug, Default)]
pub struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// Adds the differences between two lists that must be equal.
    fn same<'a>(
        &mut self,
        what: &str,
        ours: impl IntoIterator<Item = &'a str>,
        theirs: impl IntoIterator<Item = &'a str>,
    ) {
        use std::collections::BTreeSet;
        let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) =
            (ours.into_iter().collect(), theirs.into_iter().collect());
        for one in ours.difference(&theirs) {
            self.add(format!("{what}: {one} is none"));
        }
        for one in theirs.difference(&ours) {
            self.add(format!("{what}: {one} is missing"));
        }
    }
}

#[test]
fn the_carried_facts_of_a_release_match_its_packages() {
    let mut compared = Vec::new();
    let mut wrong = Vec::new();
    for release in Release::all() {
        let packages = Packages::of(&release);
        let mut complaints = Complaints::default();
        let (metrics, labels) =
            monitoring::names_of_questions(&release, &packages, &mut complaints);
        let counts = [
            ("names", env::names(&release, &packages, &mut complaints)),
            (
                "settings",
                env::settings(&release, &packages, &mut complaints),
            ),
            (
                "presets",
                env::presets(&release, &packages, &mut complaints),
            ),
            (
                "networks",
                env::networks(&release, &packages, &mut complaints),
            ),
            ("metrics", metrics),
            ("labels", labels),
            (
                "entries",
                words::errors(&release, &packages, &mut complaints),
            ),
            (
                "methods",
                words::methods(&release, &packages, &mut complaints),
            ),
        ];
        println!("{}: {counts:?}", release.version);
        // A comparison without any value has not understood the packages.
        for (what, count) in counts {
            if count == 0 {
                complaints.add(format!("no {what} were compared"));
            }
        }
        wrong.extend(
            complaints
                .0
                .into_iter()
                .map(|line| format!("{}: {line}", release.version)),
        );
        compared.push(packages);
    }
    let mut complaints = Complaints::default();
    println!("{} words", words::each(&compared, &mut complaints));
    wrong.extend(complaints.0);
    assert_eq!(
        wrong,
        [""; 0],
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared.len() >= 2, "only {} were compared", compared.len());
}
