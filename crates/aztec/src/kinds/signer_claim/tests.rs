use std::sync::atomic::AtomicBool;

use keys::keystore::{Validator, render};
use keys::{Mnemonic, derive_attester};
use provision::engine::{
    Apply, Consent, Graph, Journal, MemoryJournal, Outcome, Plan, Quiet, Stop,
};
use provision::host::FileType;
use provision::host::fake::FakeHost;

use std::path::Path;

use super::*;
use crate::kinds::Kind as Resource;

const KEYS: &str = "/etc/aztec/keystore";
const HERE: &str = "0123456789abcdef0123456789abcdef";
const THERE: &str = "fedcba9876543210fedcba9876543210";

const DMI: &str = "/sys/class/dmi/id";
const MARK: &str = "/var/lib/aztec/.aztec-kit-disk";

struct Tried {
    host: FakeHost,
    journal: MemoryJournal,
}

fn graph(only_signer: bool) -> Graph<Resource> {
    let mut graph = Graph::default();
    let mut guard = Guard::default();
    guard.only_signer = only_signer;
    let claim = SignerClaim {
        keystore: KEYS.into(),
        unit: "aztec-sequencer.service".into(),
        data: "/var/lib/aztec/node".into(),
        disk: Some("/var/lib/aztec".into()),
        guard,
    };
    graph.add(claim, []);
    graph
}

impl Tried {
    fn new() -> Self {
        let mut host = FakeHost::debian();
        for dir in [
            "/etc/aztec",
            KEYS,
            "/var/lib/aztec-kit",
            "/var/lib/aztec",
            "/sys",
            DMI,
        ] {
            host.plant(dir, FileType::Directory, b"", 0o700);
        }
        let mut tried = Self {
            host,
            journal: MemoryJournal::default(),
        };
        tried.boot_as(HERE);
        tried.on(None, "abcd");
        tried.key(0);
        tried
    }

    fn boot_as(&mut self, machine: &str) {
        let id = format!("{machine}\n");
        self.host
            .plant("/etc/machine-id", FileType::File, id.as_bytes(), 0o444);
    }

    /// The UUID of the firmware, where it has one, and the name of the disk.
    fn on(&mut self, uuid: Option<&str>, disk: &str) {
        for (path, text) in [(layout::PRODUCT_UUID, uuid), (MARK, Some(disk))] {
            let Some(text) = text else { continue };
            let text = format!("{text}\n");
            self.host
                .plant(path, FileType::File, text.as_bytes(), 0o400);
        }
    }

    /// Makes the claims those of a version that said nothing of machine and disk.
    fn of_before(&mut self) {
        let claims = Claims::new(layout::SIGNERS);
        for mut claim in claims.all(&self.host).unwrap() {
            (claim.place.hardware, claim.place.disk) = (None, None);
            claims.keep(&claim, &mut self.host).unwrap();
        }
    }

    /// Puts the key of that number into the keystore, and gives its attester.
    fn key(&mut self, index: u32) -> String {
        let words = "test test test test test test test test test test test junk";
        let attester = derive_attester(&Mnemonic::parse(words).unwrap(), 0, index).unwrap();
        let validator = Validator {
            attester: &attester,
            publishers: &[],
            coinbase: None,
            fee_recipient: l1::B256::ZERO,
        };
        let path = format!("{KEYS}/{index}.json");
        self.host
            .plant(&path, FileType::File, &render(&[validator]), 0o600);
        attester.address().to_string()
    }

    fn run(&mut self, graph: &Graph<Resource>) -> Result<Outcome, Stop> {
        Apply {
            host_mut: &mut self.host,
            journal: &mut self.journal,
            consent: Consent::Configuration(None),
            cancel: &AtomicBool::new(false),
            progress: &mut Quiet,
        }
        .run(graph)
    }

    fn pending(&self) -> String {
        let plan = Plan::make(&graph(false), &self.journal.receipt().unwrap(), &self.host).unwrap();
        plan.pending()
            .map(|step| format!("{:?}", step.changes))
            .collect()
    }

    /// What the service is handed on a host: the names of the files.
    fn handed(&self, machine: &str) -> Vec<String> {
        let dir = Path::new(layout::CLAIMED).join(machine);
        self.host.list(&dir).unwrap().unwrap_or_default()
    }

    /// Copies that were put aside.
    fn retired(&self) -> Vec<String> {
        let dir = Path::new(layout::RETIRED);
        self.host.list(dir).unwrap().unwrap_or_default()
    }

    /// Machine id, attester, and whether it was released.
    fn claims(&self) -> Vec<(String, String, bool)> {
        let claims = Claims::new(layout::SIGNERS).all(&self.host).unwrap();
        claims
            .into_iter()
            .map(|claim| {
                (
                    claim.place.host,
                    claim.attester.to_string(),
                    claim.released.is_some(),
                )
            })
            .collect()
    }
}

#[test]
fn who_is_claimed_is_asked_nothing_and_no_key_is_opened_again() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    let attester = tried.key(0);
    tried.run(&graph(true)).unwrap();
    assert_eq!(tried.claims(), [(HERE.to_owned(), attester, false)]);
    // Without the operator's word, and without a network: there is nothing to ask.
    let writes = tried.host.writes;
    assert!(tried.run(&graph(false)).unwrap().applied.is_empty());
    assert_eq!(
        (tried.host.writes, tried.pending()),
        (writes, String::new())
    );
    // The same file with other bytes, which only somebody who opens it would notice.
    let file = tried
        .host
        .tree
        .get_mut(Path::new("/etc/aztec/keystore/0.json"))
        .unwrap();
    file.bytes = vec![b'x'; file.bytes.len()];
    assert_eq!(tried.pending(), "");
    // The word was for one run: the record does not have it.
    let receipt = serde_json::to_string(&tried.journal.receipt().unwrap()).unwrap();
    assert!(
        !receipt.contains("only_signer") && !receipt.contains("ac0974be"),
        "{receipt}"
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut tried = Tried::new();
    // No registry is known, hence no answer, hence no permission.
    let stop = tried.run(&graph(false)).unwrap_err();
    assert!(
        stop.fault.chain().contains("cannot tell"),
        "{}",
        stop.fault.chain()
    );
    assert!(stop.fault.remedy().unwrap().contains("--only-signer"));
    assert_eq!((tried.host.writes, tried.claims().len()), (0, 0));
    assert!(
        tried.pending().contains("does not sign here"),
        "{}",
        tried.pending()
    );
}

#[test]
fn a_crash_at_any_write_is_healed() {
    for dies_at in 0.. {
        let mut tried = Tried::new();
        tried.key(1);
        tried.host.dies_at = Some(dies_at);
        let done = tried.run(&graph(true)).is_ok();
        tried.host.dies_at = None;
        tried.run(&graph(true)).unwrap();
        assert_eq!((tried.pending(), tried.claims().len()), (String::new(), 2));
        if done {
            assert!(dies_at > 2, "nothing was tried");
            break;
        }
    }
}

#[test]
fn keys_that_come_and_go_are_claimed_and_released() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    let second = tried.key(1);
    assert!(tried.pending().contains(&second));
    assert!(
        tried.run(&graph(false)).is_err(),
        "the second is asked for like the first"
    );
    tried.run(&graph(true)).unwrap();
    tried
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    assert!(tried.pending().contains("released"), "{}", tried.pending());
    // To let go of a key nobody has to be asked.
    tried.run(&graph(false)).unwrap();
    let released: Vec<_> = tried.claims().into_iter().filter(|claim| claim.2).collect();
    assert_eq!(released, [(HERE.to_owned(), second, true)]);
    assert_eq!(tried.pending(), "");
}

#[test]
fn a_host_that_stops_to_be_a_sequencer_remembers_when() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    let outcome = tried.run(&Graph::default()).unwrap();
    assert!(
        outcome.applied[0]
            .kept
            .as_ref()
            .unwrap()
            .contains("released")
    );
    assert!(tried.claims().iter().all(|claim| claim.2));
    // Later it is asked for anew: the keys may have been elsewhere in between.
    assert!(tried.run(&graph(false)).is_err());
    tried.run(&graph(true)).unwrap();
    assert!(tried.claims().iter().all(|claim| !claim.2));
}

#[test]
fn a_copied_disk_claims_nothing_until_the_operator_says_so() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    tried.boot_as(THERE);
    assert!(
        tried.pending().contains("signs elsewhere"),
        "{}",
        tried.pending()
    );
    let stop = tried.run(&graph(false)).unwrap_err();
    assert!(
        stop.fault.chain().contains("01234567…"),
        "{}",
        stop.fault.chain()
    );
    assert_eq!(tried.claims()[0].0, HERE);
    tried.run(&graph(true)).unwrap();
    // The old claim is gone: the first host would have to ask again.
    let claims = tried.claims();
    assert_eq!((claims.len(), claims[0].0.as_str()), (1, THERE));
    tried.boot_as(HERE);
    assert!(tried.run(&graph(false)).is_err());
}

#[test]
fn only_what_was_claimed_is_handed_over() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    assert_eq!(tried.handed(HERE), ["0.json"]);
    // Imported, and refused: whatever starts the service then, it does not get the key.
    tried.key(1);
    assert!(tried.pending().contains("copied for"));
    assert!(tried.run(&graph(false)).is_err());
    assert_eq!(tried.handed(HERE), ["0.json"]);
    tried.run(&graph(true)).unwrap();
    assert_eq!(tried.handed(HERE), ["0.json", "1.json"]);
    for name in ["0.json", "1.json"] {
        let copy = &tried.host.tree[&Path::new(layout::CLAIMED).join(HERE).join(name)];
        let original = &tried.host.tree[&Path::new(KEYS).join(name)];
        assert_eq!(copy.bytes, original.bytes);
        assert_eq!((copy.uid, copy.gid, copy.mode), (0, 0, 0o600));
    }
    let receipt = serde_json::to_string(&tried.journal.receipt().unwrap()).unwrap();
    let digest = keystores::sha256(&tried.host.tree[Path::new("/etc/aztec/keystore/0.json")].bytes);
    assert!(!receipt.contains(&digest) && !receipt.contains("ac0974be"));
}

#[test]
fn a_key_that_was_added_to_a_claimed_file_is_not_handed_over_unasked() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    let before = tried.host.shape();
    // Another key under the name of one that was claimed.
    tried.key(1);
    let second = tried
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    let place = Path::new("/etc/aztec/keystore/0.json").to_owned();
    tried.host.tree.insert(place, second.unwrap());
    assert!(tried.run(&graph(false)).is_err());
    let copy = Path::new(layout::CLAIMED).join(HERE).join("0.json");
    assert_eq!(tried.host.shape()[&copy], before[&copy]);
    tried.run(&graph(true)).unwrap();
    assert_ne!(tried.host.shape()[&copy], before[&copy]);
    // The copy was the last of the first key on this host.
    assert_eq!(tried.retired().len(), 1);
    assert_eq!(tried.pending(), "");
}

#[test]
fn the_last_copy_of_a_key_is_put_aside_and_others_are_removed() {
    let mut tried = Tried::new();
    tried.key(1);
    tried.run(&graph(true)).unwrap();
    // A file that gets another name, and one that goes.
    tried
        .host
        .rename(
            Path::new("/etc/aztec/keystore/0.json"),
            Path::new("/etc/aztec/keystore/first.json"),
        )
        .unwrap();
    let gone = tried
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    assert!(
        tried.pending().contains("the last one of a key"),
        "{}",
        tried.pending()
    );
    tried.run(&graph(false)).unwrap();
    assert_eq!(tried.handed(HERE), ["first.json"]);
    let retired = tried.retired();
    assert_eq!(retired.len(), 1);
    assert!(retired[0].starts_with("1.json-"), "{retired:?}");
    let kept = &tried.host.tree[&Path::new(layout::RETIRED).join(&retired[0])];
    assert_eq!(kept.bytes, gone.unwrap().bytes);
    assert_eq!(tried.pending(), "");
}

#[test]
fn a_claim_that_was_released_hands_nothing_over() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    tried.run(&Graph::default()).unwrap();
    assert!(
        tried.handed(HERE).is_empty(),
        "the role was taken off the host"
    );
    // The original is there: nothing had to be put aside.
    assert!(tried.retired().is_empty());
}

#[test]
fn the_disk_in_another_host_hands_nothing_over_to_the_first() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    tried.boot_as(THERE);
    assert!(
        tried.handed(THERE).is_empty(),
        "nothing starts before it is asked for"
    );
    tried.run(&graph(true)).unwrap();
    assert_eq!(tried.handed(THERE), ["0.json"]);
    assert!(tried.handed(HERE).is_empty());
}

#[test]
fn a_copy_that_somebody_changed_is_made_anew() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    let copy = Path::new(layout::CLAIMED).join(HERE).join("0.json");
    let copy = copy.display().to_string();
    tried.host.plant(&copy, FileType::File, b"{}", 0o600);
    let other = format!("{}/{HERE}/other.json", layout::CLAIMED);
    tried.host.plant(&other, FileType::File, b"{}", 0o600);
    tried.run(&graph(false)).unwrap();
    assert_eq!(tried.handed(HERE), ["0.json"]);
    assert_eq!(tried.pending(), "");
    // What nobody can read may be a key.
    assert_eq!(tried.retired().len(), 2);
}

#[test]
fn a_claim_of_before_gets_the_machine_and_the_disk_without_a_question() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    tried.of_before();
    tried.on(Some("4c4c4544-0001"), "abcd");
    assert!(
        tried.pending().contains("with this disk"),
        "{}",
        tried.pending()
    );
    tried.run(&graph(false)).unwrap();
    assert_eq!(tried.pending(), "");
    let claims = Claims::new(layout::SIGNERS).all(&tried.host).unwrap();
    let place = &claims[0].place;
    assert_eq!(place.hardware.as_deref(), Some("4c4c4544-0001"));
    assert_eq!(place.disk.as_deref(), Some("abcd"));
    // What the unit compares: the very bytes of the kernel.
    let noted = layout::hardware(HERE).display().to_string();
    assert_eq!(
        tried.host.text(&noted),
        tried.host.text(layout::PRODUCT_UUID)
    );
}

/// The same after the step that names the disk.
fn with_disk() -> Graph<Resource> {
    let mut whole = Graph::default();
    let path = "/var/lib/aztec".into();
    let disk = whole.add(Disk { path }, []);
    for node in graph(false).nodes() {
        whole.add(node.resource.clone(), [disk.clone()]);
    }
    whole
}

#[test]
fn a_host_without_a_uuid_is_told_in_advance_that_its_claims_get_a_disk() {
    // As in a container, on a host of before: no name of the disk, and no copies of what was claimed.
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    tried.of_before();
    let copies = Path::new(layout::CLAIMED);
    tried
        .host
        .tree
        .retain(|path, _| !path.starts_with(copies) && path != Path::new(MARK));
    let graph = with_disk();
    let plan = Plan::make(&graph, &tried.journal.receipt().unwrap(), &tried.host).unwrap();
    let outcome = Apply {
        host_mut: &mut tried.host,
        journal: &mut tried.journal,
        consent: Consent::Plan(&plan),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run(&graph);
    assert_eq!(outcome.unwrap().applied.len(), 2);
    let claims = Claims::new(layout::SIGNERS).all(&tried.host).unwrap();
    assert_eq!(
        claims[0].place.disk,
        Disk::name(Path::new("/var/lib/aztec"), &tried.host).unwrap()
    );
    assert!(tried.run(&graph).unwrap().applied.is_empty());
}

#[test]
fn a_mark_that_was_deleted_is_no_other_disk() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    tried.run(&with_disk()).unwrap();
    let claim = || match graph(false).nodes()[0].resource.clone() {
        Resource::SignerClaim(claim) => claim,
        other => panic!("{other:?}"),
    };
    tried.host.tree.remove(Path::new(MARK));
    let receipt = tried.journal.receipt().unwrap();
    assert_eq!(claim().preview(&receipt, &tried.host).unwrap(), []);
    // Nothing is known of the disk: what will be there gets a name of its own.
    let forgotten = claim().preview(&provision::engine::Receipt::default(), &tried.host);
    let refused = &forgotten.unwrap()[0].1;
    assert!(
        matches!(refused, Verdict::Refused { what, .. } if what.contains("another disk")),
        "{refused:?}"
    );
    tried.run(&with_disk()).unwrap();
    assert_eq!(tried.host.text(MARK).unwrap().trim(), "abcd");
    assert!(tried.run(&with_disk()).unwrap().applied.is_empty());
}

#[test]
fn a_kill_leaves_no_sequencer_without_the_keys_that_it_had() {
    let new = "{\"schemaVersion\":1,\"validators\":[]}";
    for dies_at in 0.. {
        let mut tried = Tried::new();
        tried.key(1);
        tried.run(&graph(true)).unwrap();
        // One file says something else now, and another has another name.
        let key = Path::new("/etc/aztec/keystore/0.json");
        tried.host.tree.get_mut(key).unwrap().bytes = new.into();
        tried
            .host
            .rename(
                Path::new("/etc/aztec/keystore/1.json"),
                Path::new("/etc/aztec/keystore/first.json"),
            )
            .unwrap();
        tried.host.dies_at = Some(tried.host.writes + dies_at);
        let done = tried.run(&graph(true)).is_ok();
        tried.host.dies_at = None;
        let handed = tried.handed(HERE);
        let has = |name: &str| handed.iter().any(|it| it == name);
        assert!(has("0.json"), "{dies_at}: {handed:?}");
        assert!(has("1.json") || has("first.json"), "{dies_at}: {handed:?}");
        tried.run(&graph(true)).unwrap();
        assert_eq!(tried.handed(HERE), ["0.json", "first.json"]);
        assert_eq!((tried.pending(), tried.retired().len()), (String::new(), 1));
        if done {
            assert!(dies_at > 3, "nothing was tried");
            break;
        }
    }
}

#[test]
fn what_a_run_that_died_was_about_to_copy_is_cleared() {
    let mut tried = Tried::new();
    tried.run(&graph(true)).unwrap();
    // Its original is gone since: no copy of that name is made again.
    let left = format!("{}/{HERE}/.1.json.aztec-kit-new", layout::CLAIMED);
    tried
        .host
        .plant(&left, FileType::File, b"{\"schemaVer", 0o600);
    assert!(
        tried.pending().contains("left by a run that was killed"),
        "{}",
        tried.pending()
    );
    tried.run(&graph(false)).unwrap();
    assert_eq!(tried.handed(HERE), ["0.json"]);
    assert_eq!((tried.pending(), tried.retired().len()), (String::new(), 0));
}

#[test]
fn a_clone_and_an_empty_disk_are_asked_for_anew() {
    for (uuid, disk, why) in [
        ("4c4c4544-0002", "abcd", "clone of it"),
        ("4c4c4544-0001", "ffff", "another disk"),
    ] {
        let mut tried = Tried::new();
        tried.on(Some("4c4c4544-0001"), "abcd");
        tried.run(&graph(true)).unwrap();
        assert_eq!(tried.pending(), "");
        tried.on(Some(uuid), disk);
        let before = tried.host.shape();
        let stop = tried.run(&graph(false)).unwrap_err();
        assert!(stop.fault.chain().contains(why), "{}", stop.fault.chain());
        assert_eq!(tried.host.shape(), before);
        tried.run(&graph(true)).unwrap();
        assert_eq!((tried.pending(), tried.claims().len()), (String::new(), 1));
    }
}
