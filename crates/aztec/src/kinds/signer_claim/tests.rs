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

struct World {
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

impl World {
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
        let mut world = Self {
            host,
            journal: MemoryJournal::default(),
        };
        world.boot_as(HERE);
        world.on(None, "abcd");
        world.key(0);
        world
    }

    fn boot_as(&mut self, machine: &str) {
        let id = format!("{machine}\n");
        self.host
            .plant("/etc/machine-id", FileType::File, id.as_bytes(), 0o444);
    }

    /// Sets the UUID of the firmware, if it has one, and the name of the disk.
    fn on(&mut self, uuid: Option<&str>, disk: &str) {
        for (path, text) in [(layout::PRODUCT_UUID, uuid), (MARK, Some(disk))] {
            let Some(text) = text else { continue };
            let text = format!("{text}\n");
            self.host
                .plant(path, FileType::File, text.as_bytes(), 0o400);
        }
    }

    /// Changes the claims to those of an earlier version, without machine and disk.
    fn make_older(&mut self) {
        let claims = Claims::new(layout::SIGNERS);
        for mut claim in claims.all(&self.host).unwrap() {
            (claim.place.hardware, claim.place.disk) = (None, None);
            claims.keep(&claim, &mut self.host).unwrap();
        }
    }

    /// Puts the key with this number into the keystore, and returns its attester.
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

    /// The names of the files that the service gets on a host.
    fn handed(&self, machine: &str) -> Vec<String> {
        let dir = Path::new(layout::CLAIMED).join(machine);
        self.host.list(&dir).unwrap().unwrap_or_default()
    }

    /// Retired copies.
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
fn a_claimed_attester_is_not_asked_about_and_no_key_is_opened_again() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    let attester = world.key(0);
    world.run(&graph(true)).unwrap();
    assert_eq!(world.claims(), [(HERE.to_owned(), attester, false)]);
    // Without the operator's statement and without a network, nothing is left to ask.
    let writes = world.host.writes;
    assert!(world.run(&graph(false)).unwrap().applied.is_empty());
    assert_eq!(
        (world.host.writes, world.pending()),
        (writes, String::new())
    );
    // The same file with other bytes. Only a run that opens it would notice.
    let file = world
        .host
        .tree
        .get_mut(Path::new("/etc/aztec/keystore/0.json"))
        .unwrap();
    file.bytes = vec![b'x'; file.bytes.len()];
    assert_eq!(world.pending(), "");
    // The statement was for one run, so the record does not contain it.
    let receipt = serde_json::to_string(&world.journal.receipt().unwrap()).unwrap();
    assert!(
        !receipt.contains("only_signer") && !receipt.contains("ac0974be"),
        "{receipt}"
    );
}

#[test]
fn a_refusal_changes_nothing() {
    let mut world = World::new();
    // No registry is known, so there is no answer and no permission.
    let stop = world.run(&graph(false)).unwrap_err();
    assert!(
        stop.fault.chain().contains("cannot tell"),
        "{}",
        stop.fault.chain()
    );
    assert!(stop.fault.remedy().unwrap().contains("--only-signer"));
    assert_eq!((world.host.writes, world.claims().len()), (0, 0));
    assert!(
        world.pending().contains("does not sign here"),
        "{}",
        world.pending()
    );
}

#[test]
fn a_crash_at_any_write_is_repaired() {
    for dies_at in 0.. {
        let mut world = World::new();
        world.key(1);
        world.host.dies_at = Some(dies_at);
        let done = world.run(&graph(true)).is_ok();
        world.host.dies_at = None;
        world.run(&graph(true)).unwrap();
        assert_eq!((world.pending(), world.claims().len()), (String::new(), 2));
        if done {
            assert!(dies_at > 2, "nothing was tried");
            break;
        }
    }
}

#[test]
fn keys_that_come_and_go_are_claimed_and_released() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    let second = world.key(1);
    assert!(world.pending().contains(&second));
    assert!(
        world.run(&graph(false)).is_err(),
        "the second one needs a decision like the first"
    );
    world.run(&graph(true)).unwrap();
    world
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    assert!(world.pending().contains("released"), "{}", world.pending());
    // A key can be released without a question.
    world.run(&graph(false)).unwrap();
    let released: Vec<_> = world.claims().into_iter().filter(|claim| claim.2).collect();
    assert_eq!(released, [(HERE.to_owned(), second, true)]);
    assert_eq!(world.pending(), "");
}

#[test]
fn a_host_that_stops_being_a_sequencer_records_the_time() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    let outcome = world.run(&Graph::default()).unwrap();
    assert!(
        outcome.applied[0]
            .kept
            .as_ref()
            .unwrap()
            .contains("released")
    );
    assert!(world.claims().iter().all(|claim| claim.2));
    // Later, the question is asked again, because the keys may have been elsewhere in between.
    assert!(world.run(&graph(false)).is_err());
    world.run(&graph(true)).unwrap();
    assert!(world.claims().iter().all(|claim| !claim.2));
}

#[test]
fn a_copied_disk_claims_nothing_until_the_operator_states_that_nothing_else_signs() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    world.boot_as(THERE);
    assert!(
        world.pending().contains("signs elsewhere"),
        "{}",
        world.pending()
    );
    let stop = world.run(&graph(false)).unwrap_err();
    assert!(
        stop.fault.chain().contains("01234567…"),
        "{}",
        stop.fault.chain()
    );
    assert_eq!(world.claims()[0].0, HERE);
    world.run(&graph(true)).unwrap();
    // The old claim is removed, so the first host would have to ask again.
    let claims = world.claims();
    assert_eq!((claims.len(), claims[0].0.as_str()), (1, THERE));
    world.boot_as(HERE);
    assert!(world.run(&graph(false)).is_err());
}

#[test]
fn only_claimed_keystores_are_copied() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    assert_eq!(world.handed(HERE), ["0.json"]);
    // Imported, and refused. The service does not get the key, whatever starts it.
    world.key(1);
    assert!(world.pending().contains("copied for"));
    assert!(world.run(&graph(false)).is_err());
    assert_eq!(world.handed(HERE), ["0.json"]);
    world.run(&graph(true)).unwrap();
    assert_eq!(world.handed(HERE), ["0.json", "1.json"]);
    for name in ["0.json", "1.json"] {
        let copy = &world.host.tree[&Path::new(layout::CLAIMED).join(HERE).join(name)];
        let original = &world.host.tree[&Path::new(KEYS).join(name)];
        assert_eq!(copy.bytes, original.bytes);
        assert_eq!((copy.uid, copy.gid, copy.mode), (0, 0, 0o600));
    }
    let receipt = serde_json::to_string(&world.journal.receipt().unwrap()).unwrap();
    let digest = keystores::sha256(&world.host.tree[Path::new("/etc/aztec/keystore/0.json")].bytes);
    assert!(!receipt.contains(&digest) && !receipt.contains("ac0974be"));
}

#[test]
fn a_key_that_was_added_to_a_claimed_file_is_not_copied_without_a_question() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    let before = world.host.shape();
    // Another key under the name of a claimed one.
    world.key(1);
    let second = world
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    let place = Path::new("/etc/aztec/keystore/0.json").to_owned();
    world.host.tree.insert(place, second.unwrap());
    assert!(world.run(&graph(false)).is_err());
    let copy = Path::new(layout::CLAIMED).join(HERE).join("0.json");
    assert_eq!(world.host.shape()[&copy], before[&copy]);
    world.run(&graph(true)).unwrap();
    assert_ne!(world.host.shape()[&copy], before[&copy]);
    // The copy was the last one of the first key on this host.
    assert_eq!(world.retired().len(), 1);
    assert_eq!(world.pending(), "");
}

#[test]
fn the_last_copy_of_a_key_is_retired_and_others_are_removed() {
    let mut world = World::new();
    world.key(1);
    world.run(&graph(true)).unwrap();
    // One file is renamed, and one is removed.
    world
        .host
        .rename(
            Path::new("/etc/aztec/keystore/0.json"),
            Path::new("/etc/aztec/keystore/first.json"),
        )
        .unwrap();
    let gone = world
        .host
        .tree
        .remove(Path::new("/etc/aztec/keystore/1.json"));
    assert!(
        world.pending().contains("the last one of a key"),
        "{}",
        world.pending()
    );
    world.run(&graph(false)).unwrap();
    assert_eq!(world.handed(HERE), ["first.json"]);
    let retired = world.retired();
    assert_eq!(retired.len(), 1);
    assert!(retired[0].starts_with("1.json-"), "{retired:?}");
    let kept = &world.host.tree[&Path::new(layout::RETIRED).join(&retired[0])];
    assert_eq!(kept.bytes, gone.unwrap().bytes);
    assert_eq!(world.pending(), "");
}

#[test]
fn after_a_release_no_copies_are_left() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    world.run(&Graph::default()).unwrap();
    assert!(
        world.handed(HERE).is_empty(),
        "the role was taken off the host"
    );
    // The original exists, so nothing had to be retired.
    assert!(world.retired().is_empty());
}

#[test]
fn the_disk_in_another_host_leaves_no_copies_for_the_first() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    world.boot_as(THERE);
    assert!(
        world.handed(THERE).is_empty(),
        "nothing starts before a new decision"
    );
    world.run(&graph(true)).unwrap();
    assert_eq!(world.handed(THERE), ["0.json"]);
    assert!(world.handed(HERE).is_empty());
}

#[test]
fn a_changed_copy_is_replaced() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    let copy = Path::new(layout::CLAIMED).join(HERE).join("0.json");
    let copy = copy.display().to_string();
    world.host.plant(&copy, FileType::File, b"{}", 0o600);
    let other = format!("{}/{HERE}/other.json", layout::CLAIMED);
    world.host.plant(&other, FileType::File, b"{}", 0o600);
    world.run(&graph(false)).unwrap();
    assert_eq!(world.handed(HERE), ["0.json"]);
    assert_eq!(world.pending(), "");
    // A file that cannot be read may be a key.
    assert_eq!(world.retired().len(), 2);
}

#[test]
fn a_claim_of_an_earlier_version_gets_the_machine_and_the_disk_without_a_question() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    world.make_older();
    world.on(Some("4c4c4544-0001"), "abcd");
    assert!(
        world.pending().contains("with this disk"),
        "{}",
        world.pending()
    );
    world.run(&graph(false)).unwrap();
    assert_eq!(world.pending(), "");
    let claims = Claims::new(layout::SIGNERS).all(&world.host).unwrap();
    let place = &claims[0].place;
    assert_eq!(place.hardware.as_deref(), Some("4c4c4544-0001"));
    assert_eq!(place.disk.as_deref(), Some("abcd"));
    // The unit compares exactly the bytes of the kernel.
    let noted = layout::hardware(HERE).display().to_string();
    assert_eq!(
        world.host.text(&noted),
        world.host.text(layout::PRODUCT_UUID)
    );
}

/// The same graph, after the step that names the disk.
fn with_disk() -> Graph<Resource> {
    let mut graph_with_disk = Graph::default();
    let path = "/var/lib/aztec".into();
    let disk = graph_with_disk.add(Disk { path }, []);
    for node in graph(false).nodes() {
        graph_with_disk.add(node.resource.clone(), [disk.clone()]);
    }
    graph_with_disk
}

#[test]
fn the_plan_of_a_host_without_a_uuid_shows_that_its_claims_get_a_disk() {
    // As in a container, on a host of an earlier version: the disk has no name, and there are no copies.
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    world.make_older();
    let copies = Path::new(layout::CLAIMED);
    world
        .host
        .tree
        .retain(|path, _| !path.starts_with(copies) && path != Path::new(MARK));
    let graph = with_disk();
    let plan = Plan::make(&graph, &world.journal.receipt().unwrap(), &world.host).unwrap();
    let outcome = Apply {
        host_mut: &mut world.host,
        journal: &mut world.journal,
        consent: Consent::Plan(&plan),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run(&graph);
    assert_eq!(outcome.unwrap().applied.len(), 2);
    let claims = Claims::new(layout::SIGNERS).all(&world.host).unwrap();
    assert_eq!(
        claims[0].place.disk,
        Disk::name(Path::new("/var/lib/aztec"), &world.host).unwrap()
    );
    assert!(world.run(&graph).unwrap().applied.is_empty());
}

#[test]
fn a_deleted_mark_does_not_count_as_another_disk() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    world.run(&with_disk()).unwrap();
    let claim = || match graph(false).nodes()[0].resource.clone() {
        Resource::SignerClaim(claim) => claim,
        other => panic!("{other:?}"),
    };
    world.host.tree.remove(Path::new(MARK));
    let receipt = world.journal.receipt().unwrap();
    assert_eq!(claim().preview(&receipt, &world.host).unwrap(), []);
    // Without a record, the disk gets a new name.
    let forgotten = claim().preview(&provision::engine::Receipt::default(), &world.host);
    let refused = &forgotten.unwrap()[0].1;
    assert!(
        matches!(refused, Verdict::Refused { what, .. } if what.contains("another disk")),
        "{refused:?}"
    );
    world.run(&with_disk()).unwrap();
    assert_eq!(world.host.text(MARK).unwrap().trim(), "abcd");
    assert!(world.run(&with_disk()).unwrap().applied.is_empty());
}

#[test]
fn a_killed_run_never_takes_keys_from_a_sequencer() {
    let new = "{\"schemaVersion\":1,\"validators\":[]}";
    for dies_at in 0.. {
        let mut world = World::new();
        world.key(1);
        world.run(&graph(true)).unwrap();
        // One file has new content, and another one has a new name.
        let key = Path::new("/etc/aztec/keystore/0.json");
        world.host.tree.get_mut(key).unwrap().bytes = new.into();
        world
            .host
            .rename(
                Path::new("/etc/aztec/keystore/1.json"),
                Path::new("/etc/aztec/keystore/first.json"),
            )
            .unwrap();
        world.host.dies_at = Some(world.host.writes + dies_at);
        let done = world.run(&graph(true)).is_ok();
        world.host.dies_at = None;
        let handed = world.handed(HERE);
        let has = |name: &str| handed.iter().any(|it| it == name);
        assert!(has("0.json"), "{dies_at}: {handed:?}");
        assert!(has("1.json") || has("first.json"), "{dies_at}: {handed:?}");
        world.run(&graph(true)).unwrap();
        assert_eq!(world.handed(HERE), ["0.json", "first.json"]);
        assert_eq!((world.pending(), world.retired().len()), (String::new(), 1));
        if done {
            assert!(dies_at > 3, "nothing was tried");
            break;
        }
    }
}

#[test]
fn a_half_written_copy_of_a_killed_run_is_removed() {
    let mut world = World::new();
    world.run(&graph(true)).unwrap();
    // Its original is gone in the meantime, so no copy with this name is made again.
    let left = format!("{}/{HERE}/.1.json.aztec-kit-new", layout::CLAIMED);
    world
        .host
        .plant(&left, FileType::File, b"{\"schemaVer", 0o600);
    assert!(
        world.pending().contains("left by a run that was killed"),
        "{}",
        world.pending()
    );
    world.run(&graph(false)).unwrap();
    assert_eq!(world.handed(HERE), ["0.json"]);
    assert_eq!((world.pending(), world.retired().len()), (String::new(), 0));
}

#[test]
fn a_clone_and_an_empty_disk_need_a_new_decision() {
    for (uuid, disk, why) in [
        ("4c4c4544-0002", "abcd", "clone of it"),
        ("4c4c4544-0001", "ffff", "another disk"),
    ] {
        let mut world = World::new();
        world.on(Some("4c4c4544-0001"), "abcd");
        world.run(&graph(true)).unwrap();
        assert_eq!(world.pending(), "");
        world.on(Some(uuid), disk);
        let before = world.host.shape();
        let stop = world.run(&graph(false)).unwrap_err();
        assert!(stop.fault.chain().contains(why), "{}", stop.fault.chain());
        assert_eq!(world.host.shape(), before);
        world.run(&graph(true)).unwrap();
        assert_eq!((world.pending(), world.claims().len()), (String::new(), 1));
    }
}
