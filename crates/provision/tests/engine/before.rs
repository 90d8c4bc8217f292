//! Prior contents are neither shown nor journaled, and a removal restores them byte for byte.

use std::path::{Path, PathBuf};

use provision::Text;
use provision::engine::{
    Change, Event, Graph, Journal, MemoryJournal, Origin, Plan, Resource, Unconfirmed, roll_back,
};
use provision::host::fake::FakeHost;
use provision::host::{FileType, HostMut};
use provision::kinds::{File, NftTable, Owner, SecretDigest, Unit, prune};

use crate::common::{self, run, run_commit_confirmed};

provision::resources! {
    /// The kinds that write files.
    enum Host {
        File(File),
        Unit(Unit),
        SecretDigest(SecretDigest),
        NftTable(NftTable),
    }
}

const STORE: &str = "/var/lib/aztec-kit/before";
const CONF: &str = "/etc/a.conf";

fn graph(resources: impl IntoIterator<Item = Host>) -> Graph<Host> {
    let mut graph = Graph::default();
    for resource in resources {
        graph.add(resource, []);
    }
    graph
}

fn nothing() -> Graph<Host> {
    Graph::default()
}

fn conf(text: impl Into<Text>) -> Graph<Host> {
    graph([File::new(CONF, text, Owner::root(0o644)).into()])
}

/// The changes of the first resource in their shown form.
fn shown(host: &FakeHost, journal: &MemoryJournal, graph: &Graph<Host>) -> String {
    let plan = Plan::make(graph, &journal.receipt().unwrap(), host).unwrap();
    let mut text = String::new();
    for change in &plan.steps[0].changes {
        match change {
            Change::Content { patch } => text += patch,
            Change::Field { field, from, to } => text += &format!("{field}: {from} -> {to}\n"),
        }
    }
    text
}

fn journaled(journal: &MemoryJournal) -> String {
    serde_json::to_string(&journal.receipt().unwrap()).unwrap()
}

fn copies(host: &FakeHost) -> Vec<PathBuf> {
    let paths = host.tree.keys();
    paths
        .filter(|path| path.parent() == Some(Path::new(STORE)))
        .cloned()
        .collect()
}

#[test]
fn prior_content_is_neither_shown_nor_journaled_and_is_restored() {
    const BEFORE: &[u8] = b"KEY=S3CRET-\xff\n";
    let unit = |text: &str| Unit {
        name: "x.service".into(),
        text: text.into(),
        instances: Vec::new(),
    };
    let digest = SecretDigest {
        secret: "/etc/key".into(),
        path: "/etc/key.env".into(),
        variable: "HASH".into(),
        owner: Owner::root(0o640),
    };
    let table = NftTable {
        table: "inet x".into(),
        chains: "chain a {}\n".into(),
        path: "/etc/x.nft".into(),
        unit: "x-nft.service".into(),
        about: "A test".into(),
        commit_confirmed: true,
        routed: false,
    };
    for (desired, path) in [
        (
            graph([File::new(CONF, "new\n", Owner::root(0o644)).into()]),
            CONF,
        ),
        (
            graph([unit("[Service]\n").into()]),
            "/etc/systemd/system/x.service",
        ),
        (graph([digest.into()]), "/etc/key.env"),
        (graph([table.into()]), "/etc/x.nft"),
    ] {
        let mut host = FakeHost::debian();
        host.plant("/etc/key", FileType::File, b"0x01", 0o600);
        host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
        host.plant(path, FileType::File, BEFORE, 0o604);
        let before = host.shape();
        let mut journal = MemoryJournal::default();
        let plan = shown(&host, &journal, &desired);
        assert!(
            plan.contains("a line that aztec-kit did not write"),
            "{path}: {plan}"
        );
        assert!(!plan.contains("S3CRET"), "{path}: {plan}");
        run(&mut host, &mut journal, &desired).unwrap();
        let records = journaled(&journal);
        assert!(!records.contains("S3CRET"), "{path}: {records}");
        let copies = copies(&host);
        let copy = &host.tree[&copies[0]];
        assert_eq!(
            (copy.bytes.as_slice(), copy.mode, copies.len()),
            (BEFORE, 0o600, 1),
            "{path}"
        );
        assert_eq!(host.tree[Path::new(STORE)].mode, 0o700);
        run(&mut host, &mut journal, &nothing()).unwrap();
        let mut after = host.shape();
        // Units that were started and stopped have been read.
        after.retain(|path, _| before.contains_key(path));
        assert_eq!(after, before, "{path}");
        assert!(!host.tree.contains_key(Path::new(STORE)), "{path}");
    }
}

#[test]
fn lines_that_are_ours_are_shown_and_our_own_earlier_text_is_shown_whole() {
    let desired = |port: u16, key: &str| {
        let mut text = Text::from(format!("# Ours.\nPORT={port}\nKEY="));
        text.push_as(key, "…");
        text.push("\n");
        conf(text)
    };
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &desired(1, "S3CRET")).unwrap();
    let other = shown(&host, &journal, &desired(2, "S3CRET"));
    assert!(other.contains("-PORT=1\n+PORT=2\n KEY=…\n"), "{other}");
    let other = shown(&host, &journal, &desired(1, "S3CRET-2"));
    assert_eq!(other, "content: (secret) -> (secret)\n");
    // An operator who edits the file may have put anything there.
    let edited = b"# Ours.\nPORT=1\nMORE=S3CRET\nAND=S3CRET\nKEY=S3CRET\n";
    host.plant(CONF, FileType::File, edited, 0o644);
    let drifted = shown(&host, &journal, &desired(1, "S3CRET"));
    assert!(
        drifted.contains(" PORT=1\n-… 2 lines that aztec-kit did not write"),
        "{drifted}"
    );
    assert!(
        drifted.contains(" KEY=…\n") && !drifted.contains("S3CRET"),
        "{drifted}"
    );
}

/// The plan that the operator agreed to is compared with the changes that are made. Nobody can test guesses of a
/// password with its text.
#[test]
fn two_texts_that_are_not_ours_do_not_look_the_same_and_their_digest_is_not_shown() {
    let (mut host, journal) = (FakeHost::debian(), MemoryJournal::default());
    let mut looks = Vec::new();
    for text in ["a=0\n", "a=1\n", "a=0\n"] {
        host.plant(CONF, FileType::File, text.as_bytes(), 0o644);
        looks.push(shown(&host, &journal, &conf("a=2\n")));
        let again = shown(&host, &journal, &conf("a=2\n"));
        assert_eq!(looks.last(), Some(&again));
    }
    assert!(looks[0] != looks[1] && looks[0] != looks[2], "{looks:?}");
}

#[test]
fn a_journal_of_an_earlier_version_is_understood() {
    let desired = conf("new\n");
    let spec = serde_json::json!({"file": {
        "path": CONF, "shown": "new\n", "sha256": "0", "redact": false,
        "owner": {"user": "root", "group": "root", "mode": 0o644},
    }});
    for (prior, after) in [
        (
            serde_json::json!({"file": ["old\n", 0, 0, 0o600]}),
            Some("old\n"),
        ),
        (serde_json::json!("unrecorded"), Some("new\n")),
        (serde_json::json!("nothing"), None),
    ] {
        let mut host = FakeHost::debian();
        host.plant(CONF, FileType::File, b"new\n", 0o644);
        let mut journal = MemoryJournal::default();
        let id = desired.nodes()[0].resource.id();
        for event in [
            Event::Intent {
                id: id.clone(),
                spec: spec.clone(),
                prior,
                origin: Origin::Changed,
                after: Vec::new(),
            },
            Event::Done { id, memory: None },
        ] {
            journal.append(&event).unwrap();
        }
        // It has no memory yet, so it is recorded once, and nothing is changed.
        for _ in 0..2 {
            let outcome = run(&mut host, &mut journal, &desired).unwrap();
            assert!(outcome.applied.is_empty() && host.writes == 0);
        }
        let receipt = journal.receipt().unwrap();
        assert!(receipt.entries[0].memory.is_some());
        let plan = Plan::make(&desired, &receipt, &host).unwrap();
        assert!(plan.is_recorded(&desired, &receipt));
        run(&mut host, &mut journal, &nothing()).unwrap();
        assert_eq!(host.text(CONF).as_deref(), after);
    }
}

#[test]
fn the_first_text_stays_restorable_whatever_we_write_later_and_ours_go() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    host.plant(CONF, FileType::File, b"old\n", 0o600);
    for text in ["one\n", "two\n", "three\n"] {
        run(&mut host, &mut journal, &conf(text)).unwrap();
        assert_eq!(copies(&host).len(), 1);
    }
    // Without its journal, only copies of texts of aztec-kit are removed.
    prune(&MemoryJournal::default().receipt().unwrap(), &mut host).unwrap();
    run(&mut host, &mut journal, &nothing()).unwrap();
    assert_eq!(host.text(CONF).as_deref(), Some("old\n"));
}

#[test]
fn two_files_that_said_the_same_are_restored_one_by_one() {
    let file = |path: &str| Host::from(File::new(path, "new\n", Owner::root(0o644)));
    let both = graph([file("/etc/a.conf"), file("/etc/b.conf")]);
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    for path in ["/etc/a.conf", "/etc/b.conf"] {
        host.plant(path, FileType::File, b"old\n", 0o600);
    }
    run(&mut host, &mut journal, &both).unwrap();
    run(&mut host, &mut journal, &graph([file("/etc/b.conf")])).unwrap();
    run(&mut host, &mut journal, &nothing()).unwrap();
    for path in ["/etc/a.conf", "/etc/b.conf"] {
        assert_eq!(host.text(path).as_deref(), Some("old\n"), "{path}");
    }
}

#[test]
fn a_copy_that_is_missing_or_damaged_is_reported() {
    for spoiled in [false, true] {
        let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
        host.plant(CONF, FileType::File, b"old\n", 0o600);
        run(&mut host, &mut journal, &conf("new\n")).unwrap();
        let copy = copies(&host).remove(0);
        if spoiled {
            host.tree.get_mut(&copy).unwrap().bytes = b"S3CRET".to_vec();
        } else {
            host.remove(&copy).unwrap();
        }
        let outcome = run(&mut host, &mut journal, &nothing()).unwrap();
        let kept = outcome.applied[0].kept.as_deref().unwrap();
        assert!(kept.contains("the copy of its prior content"), "{kept}");
        assert_eq!(host.text(CONF).as_deref(), Some("new\n"));
    }
}

/// A rollback restores the text just before the change, and the prior state stays on record.
#[test]
fn a_rollback_keeps_the_copy_of_the_prior_state() {
    let table = |chains: &str| {
        graph([NftTable {
            table: "inet x".into(),
            chains: chains.into(),
            path: "/etc/x.nft".into(),
            unit: "x-nft.service".into(),
            about: "A test".into(),
            commit_confirmed: true,
            routed: false,
        }
        .into()])
    };
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    host.plant(common::KIT, FileType::File, b"", 0o755);
    host.plant("/etc/x.nft", FileType::File, b"# theirs\n", 0o600);
    run_commit_confirmed(&mut host, &mut journal, &table("chain a {}\n")).unwrap();
    journal.append(&Event::Confirmed).unwrap();
    let ours = host.text("/etc/x.nft");
    run_commit_confirmed(&mut host, &mut journal, &table("chain b {}\n")).unwrap();
    assert_ne!(host.text("/etc/x.nft"), ours);
    roll_back::<Host>(Path::new(common::STATE), &mut host, &mut journal)
        .whole()
        .unwrap();
    assert_eq!(host.text("/etc/x.nft"), ours);
    prune(&journal.receipt().unwrap(), &mut host).unwrap();
    run(&mut host, &mut journal, &nothing()).unwrap();
    assert_eq!(host.text("/etc/x.nft").as_deref(), Some("# theirs\n"));
}

/// The prior content was restored by hand, and then by a rollback: it stays on record anyway.
#[test]
fn a_rollback_to_the_prior_state_keeps_its_copy_too() {
    let file = |text: &str| File::new(CONF, text, Owner::root(0o644));
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    host.plant(CONF, FileType::File, b"old\n", 0o600);
    run(&mut host, &mut journal, &conf("new\n")).unwrap();
    host.plant(CONF, FileType::File, b"old\n", 0o600);
    let before = journal.receipt().unwrap().entries[0].clone();
    let change = Unconfirmed {
        id: before.id.clone(),
        spec: before.spec.clone(),
        prior: before.prior.clone(),
        before: Some(before),
        until_us: 0,
    };
    journal.append(&Event::Unconfirmed { change }).unwrap();
    run(&mut host, &mut journal, &graph([file("newer\n").into()])).unwrap();
    roll_back::<Host>(Path::new(common::STATE), &mut host, &mut journal)
        .whole()
        .unwrap();
    assert_eq!(host.text(CONF).as_deref(), Some("old\n"));
    host.plant(CONF, FileType::File, b"by hand\n", 0o600);
    run(&mut host, &mut journal, &conf("new\n")).unwrap();
    run(&mut host, &mut journal, &nothing()).unwrap();
    assert_eq!(host.text(CONF).as_deref(), Some("old\n"));
}
