use std::collections::BTreeMap;

use super::*;
use crate::signer::evidence::View;

const NOW: i64 = 1_800_000_000;
const SLOT: u64 = 10_000;
const ROLLUP: Address = Address::repeat_byte(9);

fn attester() -> Address {
    Address::repeat_byte(7)
}

fn here() -> Place {
    Place {
        host: "a".repeat(32),
        unit: "aztec-sequencer.service".into(),
        data: "/var/lib/aztec/node".into(),
        hardware: Some("4c4c4544-0001".into()),
        disk: Some("1234".repeat(8)),
    }
}

fn claim(place: Place, released: Option<i64>) -> Claim {
    Claim {
        attester: attester(),
        place,
        since: NOW - 7200,
        because: "a test".into(),
        released,
        released_slot: None,
    }
}

/// Mainnet's figures: slots of 72 s, epochs of 32 slots.
fn chain(standing: AttesterStatus) -> Chain {
    Chain {
        rollup: ROLLUP,
        slot: SLOT,
        slot_seconds: 72,
        epoch_slots: 32,
        standing: BTreeMap::from([(attester(), standing)]),
    }
}

/// A node that watched so many slots, and the duties that it saw, each with its distance from the current slot.
fn view(watched: u64, duties: &[(u64, Duty)]) -> View {
    let last = SLOT - 2;
    let history = duties
        .iter()
        .map(|(ago, duty)| (SLOT - ago, *duty))
        .collect();
    View {
        initial: Some(last - watched),
        last: Some(last),
        history: BTreeMap::from([(attester(), history)]),
    }
}

fn evidence(view: Result<View, String>) -> Evidence {
    Evidence {
        chain: Ok(chain(AttesterStatus::Validating)),
        view,
    }
}

/// The verdict in a word and its text.
fn judged(
    claims: &[Claim],
    programs: &[Program],
    only_signer: bool,
    evidence: &Evidence,
) -> (&'static str, String) {
    let here = here();
    let verdict = judge(&Case {
        attester: attester(),
        here: &here,
        claims: claims.iter().collect(),
        signed_for: &BTreeMap::from([
            ("/srv/before".into(), Address::repeat_byte(8)),
            ("/srv/same".into(), ROLLUP),
        ]),
        programs,
        only_signer,
        evidence,
        now: NOW,
    });
    match verdict {
        Verdict::Held => ("held", String::new()),
        Verdict::Free {
            because,
            certain: true,
        } => ("free", because),
        Verdict::Free { because, .. } => ("likely", because),
        Verdict::Refused { what, fix } => ("refused", format!("{what}. {fix}")),
    }
}

fn seen(view: View) -> (&'static str, String) {
    judged(&[], &[], false, &evidence(Ok(view)))
}

fn duties(from: u64, count: u64, duty: Duty) -> Vec<(u64, Duty)> {
    (0..count).map(|i| (from - i, duty)).collect()
}

#[test]
fn an_attester_that_signs_here_already_is_held() {
    let nothing = evidence(Err("nobody was asked".into()));
    let program = Program {
        pid: 9,
        place: "/docker".into(),
    };
    assert_eq!(
        judged(&[claim(here(), None)], &[program], false, &nothing).0,
        "held"
    );
}

#[test]
fn an_attester_that_is_not_registered_is_free() {
    let evidence = Evidence {
        chain: Ok(chain(AttesterStatus::None)),
        view: Err("none answers".into()),
    };
    let (word, text) = judged(&[], &[], false, &evidence);
    assert_eq!(word, "free");
    assert!(text.contains("not registered"), "{text}");
}

#[test]
fn a_recent_signature_refuses_with_its_slot_and_its_age() {
    let mut history = duties(60, 20, Duty::Signed);
    history.extend(duties(9, 3, Duty::Missed));
    let (word, text) = seen(view(100, &history));
    assert_eq!(word, "refused");
    for part in [
        "slot 9959",
        "49 min ago",
        "Something else signs",
        "--only-signer",
        "8 duties",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn silence_counts_if_there_were_duties() {
    let mut history = duties(60, 20, Duty::Signed);
    history.extend(duties(20, 8, Duty::Missed));
    assert_eq!(seen(view(100, &history)).0, "free");
    assert_eq!(seen(view(100, &duties(20, 8, Duty::Missed))).0, "free");
    let (word, text) = seen(view(100, &[]));
    assert_eq!(word, "likely");
    assert!(
        text.contains("100 slots") && text.contains("not certain"),
        "{text}"
    );
    assert_eq!(seen(view(100, &duties(20, 7, Duty::Missed))).0, "likely");
    // A signature from long ago, and no duty since then: nothing shows that the other signer stopped.
    assert_eq!(seen(view(500, &duties(400, 1, Duty::Signed))).0, "refused");
}

#[test]
fn a_registered_attester_needs_a_view_and_the_refusal_tells_how_to_get_one() {
    let (word, text) = judged(&[], &[], false, &evidence(Err("none answers".into())));
    assert_eq!(word, "refused");
    for part in [
        "the node of this host",
        "none answers",
        "without the sequencer first",
        "64 slots (77 min)",
        "--only-signer",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (word, text) = seen(view(40, &[]));
    assert_eq!(word, "refused");
    assert!(
        text.contains("40 of 64 slots") && text.contains("in 29 min"),
        "{text}"
    );
    let stuck = View {
        last: Some(SLOT - 100),
        initial: Some(SLOT - 900),
        ..View::default()
    };
    let (word, text) = seen(stuck);
    assert_eq!(word, "refused");
    assert!(
        text.contains("saw slot 9900 last, and the chain is at slot 10000"),
        "{text}"
    );
    assert_eq!(seen(View::default()).0, "refused");
}

#[test]
fn an_unknown_chain_gives_no_permission() {
    let evidence = Evidence {
        chain: Err("no endpoint answers".into()),
        view: Err("it was not asked".into()),
    };
    let (word, text) = judged(&[], &[], false, &evidence);
    assert_eq!(word, "refused");
    assert!(text.contains("no endpoint answers"), "{text}");
}

#[test]
fn the_copy_of_a_disk_is_noticed() {
    let other = Place {
        host: "b".repeat(32),
        ..here()
    };
    let free = evidence(Ok(view(100, &duties(20, 8, Duty::Missed))));
    let (word, text) = judged(&[claim(other.clone(), None)], &[], false, &free);
    assert_eq!(word, "refused");
    assert!(
        text.contains("bbbbbbbb…") && text.contains("2 h ago") && text.contains("--only-signer"),
        "{text}"
    );
    // A released claim does not count.
    assert_eq!(
        judged(&[claim(other, Some(NOW - 60))], &[], false, &free).0,
        "free"
    );
}

#[test]
fn another_unit_or_data_directory_of_this_host_is_refused() {
    let free = evidence(Ok(view(100, &duties(20, 8, Duty::Missed))));
    let elsewhere = Place {
        data: "/mnt/node".into(),
        ..here()
    };
    let (word, text) = judged(&[claim(elsewhere, None)], &[], false, &free);
    assert_eq!(word, "refused");
    assert!(
        text.contains("/mnt/node") && text.contains("signing protection"),
        "{text}"
    );
    let program = Program {
        pid: 9,
        place: "/system.slice/docker-5d1f.scope".into(),
    };
    let (word, text) = judged(&[], &[program], false, &free);
    assert_eq!(word, "refused");
    assert!(
        text.contains("process 9") && text.contains("docker-5d1f"),
        "{text}"
    );
}

#[test]
fn own_signatures_before_a_release_are_not_of_another_signer() {
    // Released ten slots ago. Earlier signatures were made here.
    let released = [claim(here(), Some(NOW - 720))];
    let ours = evidence(Ok(view(100, &duties(30, 20, Duty::Signed))));
    assert_eq!(judged(&released, &[], false, &ours).0, "likely");
    let later = evidence(Ok(view(100, &duties(30, 26, Duty::Signed))));
    let (word, text) = judged(&released, &[], false, &later);
    assert_eq!(word, "refused");
    assert!(text.contains("slot 9995"), "{text}");
}

#[test]
fn the_operators_statement_overrides_everything_and_is_recorded() {
    let other = Place {
        host: "b".repeat(32),
        ..here()
    };
    let program = Program {
        pid: 9,
        place: "/docker".into(),
    };
    let signs = evidence(Ok(view(100, &duties(20, 18, Duty::Signed))));
    let (word, text) = judged(&[claim(other, None)], &[program], true, &signs);
    assert_eq!(
        (word, text.as_str()),
        ("free", "the operator says that nothing else signs with it")
    );
}

#[test]
fn an_attester_that_signed_here_for_another_rollup_may_sign_for_this_one() {
    let before = |data: &str| Place {
        data: data.into(),
        ..here()
    };
    let verdict = |place| {
        judged(
            &[claim(place, None)],
            &[],
            false,
            &evidence(Err("it follows another rollup".into())),
        )
    };
    // Another host may have begun with the new rollup. Only a node that has watched it can tell.
    let (word, why) = verdict(before("/srv/before"));
    assert_eq!(word, "refused", "{why}");
    assert!(why.contains("the node of this host cannot tell"), "{why}");
    let watched = evidence(Ok(view(64, &[])));
    let claims = [claim(before("/srv/before"), None)];
    assert_eq!(judged(&claims, &[], false, &watched).0, "likely");
    let unregistered = Evidence {
        chain: Ok(chain(AttesterStatus::None)),
        view: Err(String::new()),
    };
    assert_eq!(judged(&claims, &[], false, &unregistered).0, "free");
    // The signing records are of this rollup, or of an unknown one.
    for data in ["/srv/same", "/srv/unknown"] {
        assert_eq!(verdict(before(data)).0, "refused", "{data}");
    }
    let other = Place {
        host: "b".repeat(32),
        ..before("/srv/before")
    };
    assert_eq!(verdict(other).0, "refused");
}

#[test]
fn a_new_rollup_does_not_excuse_another_signer_or_a_silent_chain() {
    let before = claim(
        Place {
            data: "/srv/before".into(),
            ..here()
        },
        None,
    );
    let nothing = evidence(Err(String::new()));
    let program = Program {
        pid: 9,
        place: "/docker".into(),
    };
    let (word, why) = judged(std::slice::from_ref(&before), &[program], false, &nothing);
    assert_eq!(word, "refused", "{why}");
    assert!(why.contains("another sequencer runs"), "{why}");

    // A silent L1 does not make the databases of another release those of this one.
    let silent = Evidence {
        chain: Err("nobody answers".into()),
        ..evidence(Err(String::new()))
    };
    let (word, why) = judged(std::slice::from_ref(&before), &[], false, &silent);
    assert_eq!(word, "refused", "{why}");
    assert!(
        why.contains("nobody answers") && !why.contains("move its data"),
        "{why}"
    );

    let copied = claim(
        Place {
            host: "b".repeat(32),
            ..here()
        },
        None,
    );
    let (word, why) = judged(&[before, copied], &[], false, &nothing);
    assert_eq!(word, "refused", "{why}");
    assert!(why.contains("copy of that host"), "{why}");
}

#[test]
fn a_clone_with_the_same_machine_id_is_recognised_by_its_hardware() {
    let free = evidence(Ok(view(100, &duties(20, 8, Duty::Missed))));
    for hardware in ["4c4c4544-0002", ""] {
        let other = Place {
            hardware: Some(format!("{hardware}ffffffff")),
            ..here()
        };
        let (word, text) = judged(&[claim(other, None)], &[], false, &free);
        assert_eq!(word, "refused");
        assert!(
            text.contains("clone of it") && text.contains("--only-signer"),
            "{text}"
        );
    }
    // A claim of an earlier version has no hardware.
    let before = Place {
        hardware: None,
        disk: None,
        ..here()
    };
    assert_eq!(judged(&[claim(before, None)], &[], false, &free).0, "held");
}

#[test]
fn the_same_place_on_another_disk_is_another_place() {
    let free = evidence(Ok(view(100, &duties(20, 8, Duty::Missed))));
    let other = Place {
        disk: Some("f".repeat(32)),
        ..here()
    };
    let (word, text) = judged(&[claim(other, None)], &[], false, &free);
    assert_eq!(word, "refused");
    assert!(
        text.contains("another disk") && text.contains("/var/lib/aztec/node"),
        "{text}"
    );
}

#[test]
fn a_clock_that_was_ahead_does_not_hide_another_signer() {
    let others = evidence(Ok(view(100, &duties(30, 26, Duty::Signed))));
    let ahead = claim(here(), Some(NOW + 7200));
    let (word, text) = judged(std::slice::from_ref(&ahead), &[], false, &others);
    assert_eq!(word, "refused");
    assert!(
        text.contains("in the future") && text.contains("timedatectl"),
        "{text}"
    );
    // The slot of the L1 counts, whatever the clock was.
    let at = |slot, rollup| Claim {
        released_slot: Some(Slot { rollup, slot }),
        ..ahead.clone()
    };
    let judged = |claim: Claim| judged(&[claim], &[], false, &others);
    let (word, text) = judged(at(SLOT - 10, ROLLUP));
    assert!(
        word == "refused" && text.contains("signed in slot 9995"),
        "{text}"
    );
    assert_eq!(judged(at(SLOT - 5, ROLLUP)).0, "likely");
    // Signatures for another rollup do not count for this one, and a slot in the future is refused.
    assert!(
        judged(at(SLOT - 5, Address::repeat_byte(8)))
            .1
            .contains("signed in slot")
    );
    assert!(judged(at(SLOT + 5, ROLLUP)).1.contains("is wrong"));
}
