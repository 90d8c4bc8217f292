//! The drift of the claims of a host, as changes of a plan; pure.

use provision::engine::{Change, Shown};

use super::seen::Seen;
use crate::layout;
use crate::signer::Handing;

/// The changes that claim, release and hand over the keys of `unit`.
pub(super) fn changes(seen: &Seen, unit: &str) -> Vec<Change> {
    let field = |what: &dyn std::fmt::Display, from: &str, to: &str| {
        Change::field(what.to_string(), Shown::text(from), Shown::text(to))
    };
    let mut changes = Vec::new();
    for attester in seen.unclaimed() {
        let claimed = seen
            .claims
            .iter()
            .any(|claim| claim.attester == attester && claim.released.is_none());
        let from = if claimed {
            "signs elsewhere"
        } else {
            "does not sign here"
        };
        changes.push(field(&attester, from, "signs here and nowhere else"));
    }
    for claim in seen.gone() {
        changes.push(field(&claim.attester, "signs here", "released"));
    }
    for claim in seen.vague() {
        changes.push(field(
            &claim.attester,
            "signs here",
            "signs here, on this machine with this disk",
        ));
    }
    if seen.misplaced() {
        let word = |known: bool, word| {
            if known {
                word
            } else {
                "any with this machine id"
            }
        };
        changes.push(field(
            &"machine",
            word(seen.noted.is_some(), "another one"),
            word(seen.here.hardware.is_some(), "this one alone"),
        ));
    }
    for handing in &seen.handing {
        changes.push(match handing {
            Handing::Copy { name, .. } => {
                let to = format!("copied for {unit}");
                field(name, "not copied", &to)
            }
            Handing::Withdraw { name, last, .. } => {
                let to = if *last {
                    format!(
                        "removed; the copy is moved to {}, because it may be the last one of a key",
                        layout::RETIRED
                    )
                } else {
                    "removed".into()
                };
                field(name, "an outdated copy", &to)
            }
            Handing::Clear { name, .. } => field(name, "left by a run that was killed", "removed"),
        });
    }
    changes
}
