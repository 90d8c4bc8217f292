//! Kills at every point, on a host in memory: the graph of a local network with a validator, and a repair after each
//! damage that `xtask/src/cases/kills.rs` does to a real host.
//!
//! There is no Ethereum in memory, so the files that contracts, stake and similar resources record replace them. Their
//! kills are tested on real machines. npm unpacks the same small tree for every release, so the check of a release is that
//! of this tree.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use aztec::kinds::Kind;
use common::{debian, in_memory as graph};
use fastrand::Rng;
use provision::engine::{
    FileJournal, Graph, Guard, Journal, Plan, Receipt, ResourceId, confirm, roll_back,
};
use provision::host::fake::{FakeHost, FakeNode};
use provision::host::{FileType, HostMut, Invocation, Probe};
use provision::kills::{Kill, State, Tally, Walk, each, run};

const LOCAL: &str = "network = \"local\"\n[sequencer]\nenabled = true\n";
const KEYSTORE: &str = "/etc/aztec/keystore/validator.json";
const API_KEY: &str = "/etc/aztec/admin-api-key";
const CONTRACTS: &str = "/etc/aztec/contracts.env";

use common::SOMAXCONN;

fn walk(graph: &Graph<Kind>) -> Walk<'_, Kind> {
    Walk {
        graph,
        secrets: &[KEYSTORE, API_KEY],
        // The keystore's directory stays with the key in it.
        loose: &["/etc/aztec/keystore", "/etc/aztec"],
        derived: &["/etc/aztec/admin.env", "/var/lib/aztec/.aztec-kit-disk"],
    }
}

/// A host after a setup.
fn set_up(graph: &Graph<Kind>) -> State {
    let mut state = State::new(debian());
    state.run(graph, None).ended.unwrap();
    state
}

/// The configuration that closes the host, which waits for a confirmation.
const CLOSED: &str =
    "network = \"local\"\n[sequencer]\nenabled = true\n[firewall]\nenabled = true\n";
const KIT: &str = "/usr/local/bin/kit";
const STATE: &str = "/var/lib/aztec-kit";

fn guard() -> Guard {
    Guard {
        state: STATE.into(),
        program: KIT.into(),
        window: Duration::from_secs(300),
    }
}

type Does<'a> = &'a (dyn Fn(&mut FakeHost, &mut dyn Journal) -> Result<(), String> + 'a);

/// Kills a commit-confirmed change, its rollback and its confirmation at every point. After one more of each, the keys are
/// the same, and a host whose change was confirmed is like one without a kill.
fn commit_confirmed() -> Tally {
    let (open, closed) = (graph(LOCAL), graph(CLOSED));
    let (walk, guard) = (walk(&closed), guard());
    let mut begun = State::new(debian().with_ufw());
    begun.host.plant(KIT, FileType::File, b"program", 0o755);
    begun.run(&open, None).ended.unwrap();
    let close: Does<'_> = &|host, journal| run(host, journal, &closed, Some(&guard), None).ended;
    let back: Does<'_> = &|host, journal| {
        let back = roll_back::<Kind>(Path::new(STATE), host, journal).whole();
        back.map(drop).map_err(|fault| fault.chain())
    };
    let keep: Does<'_> = &|host, journal| {
        let kept = confirm(Path::new(STATE), host, journal);
        kept.map(drop).map_err(|fault| fault.chain())
    };
    let done = |state: &State, all: &[Does<'_>]| {
        let mut state = state.clone();
        for does in all {
            does(&mut state.host, &mut state.journal).unwrap();
        }
        state
    };
    let (waits, like) = (done(&begun, &[close]), done(&begun, &[close, keep]));
    assert!(!waits.journal.receipt().unwrap().unconfirmed.is_empty());
    let secrets = walk.secrets(&begun.host);
    let mut tally = Tally::default();
    for (from, does, name) in [
        (&begun, close, "change"),
        (&waits, back, "back"),
        (&waits, keep, "keep"),
    ] {
        for died in each(from, does) {
            let (kill, state) = died.unwrap();
            let mut state = done(&state, &[back, close, keep]);
            assert_eq!(walk.secrets(&state.host), secrets, "{name}, {kill:?}");
            let rests = walk.rests(&mut state, &closed, &like);
            rests.unwrap_or_else(|why| panic!("{name}, {kill:?}: {why}"));
            tally.count(kill);
        }
    }
    tally
}

/// A setup, one whose roles are removed after it was killed, and one that is killed twice.
fn setups(graph: &Graph<Kind>) -> Tally {
    let (walk, from) = (walk(graph), State::new(debian()));
    let mut all = walk.apply(&from).unwrap();
    all.add(&walk.abandon(&from).unwrap());
    all.add(&walk.twice(&from, 40, &mut dice()).unwrap());
    all
}

/// Counts all kills. After each one, the secrets are the same, and a run after the next one does nothing.
#[test]
fn a_thousand_kills_and_a_thousand_failed_writes_lose_nothing() {
    let graph = graph(LOCAL);
    // The longest first.
    let phases: [(&str, &(dyn Fn() -> Tally + Sync)); 4] = [
        ("remove", &|| {
            walk(&graph).remove(&State::new(debian())).unwrap()
        }),
        ("create", &|| setups(&graph)),
        ("change", &|| repairs(&graph)),
        ("roll back", &commit_confirmed),
    ];
    let counts = std::thread::scope(|scope| {
        let running = phases.map(|(name, phase)| (name, scope.spawn(phase)));
        running.map(|(name, phase)| (name, phase.join().unwrap()))
    });
    let mut all = Tally::default();
    for (name, tally) in &counts {
        println!("{name:<10}{tally}");
        assert!(
            tally.kills > 100 && tally.failed.len() == 3,
            "{name}: {tally}"
        );
        all.add(tally);
    }
    println!("{:<10}{all}", "all");
    assert!(all.kills >= 1000 && all.all_failed() >= 1000, "only {all}");
}

/// With a journal on a disk and a partial record, the host is as before the record.
#[test]
fn a_setup_survives_partial_records_on_a_disk() {
    let graph = graph(LOCAL);
    let mut dice = dice();
    let finished = set_up(&graph).journal.receipt().unwrap();
    let begin = State::new(debian()).host;
    let places: Vec<usize> = (0..2 * finished.entries.len()).collect();
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let mut host = begin.clone();
        let at = *dice.choice(&places).unwrap();
        let mut journal = FileJournal::new(dir.path());
        let died = Some(Kill::Recorded(at));
        run(&mut host, &mut journal, &graph, None, died)
            .ended
            .unwrap_err();
        let path = dir.path().join("journal.jsonl");
        let bytes = fs::read(&path).unwrap();
        let last = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n');
        let torn: Vec<usize> = (last.map_or(0, |end| end + 1)..bytes.len()).collect();
        let torn = *dice.choice(&torn).unwrap();
        fs::write(&path, &bytes[..torn]).unwrap();
        let mut journal = FileJournal::new(dir.path());
        run(&mut host, &mut journal, &graph, None, None)
            .ended
            .unwrap_or_else(|why| panic!("record {at} torn at byte {torn}: {why}"));
        let receipt = journal.receipt().unwrap();
        let ids = |receipt: &Receipt| -> Vec<_> {
            let entries = receipt.entries.iter();
            entries
                .map(|entry| (entry.id.clone(), entry.origin, entry.open))
                .collect()
        };
        assert_eq!(ids(&receipt), ids(&finished), "record {at} torn at {torn}");
        let again = run(&mut host, &mut journal, &graph, None, None);
        again.ended.unwrap();
        assert_eq!((again.writes, again.records), (0, 0), "record {at}");
    }
}

/// The random numbers of a run. `AZTEC_KIT_SEED` repeats a run, as in the machine case.
fn dice() -> Rng {
    let seed = std::env::var("AZTEC_KIT_SEED").map(|seed| seed.parse().unwrap());
    Rng::with_seed(seed.unwrap_or(21))
}

/// A damage of the machine case, and the same one in memory.
type Damage = (&'static str, fn(&mut FakeHost));

const SEQUENCER: &str = "aztec-sequencer.service";
const L1: &str = "aztec-l1.service";

fn unit(name: &str) -> String {
    format!("/etc/systemd/system/{name}")
}

fn rm(host: &mut FakeHost, paths: &[&str]) {
    for path in paths {
        host.tree.remove(Path::new(path));
    }
}

fn tell(host: &mut FakeHost, words: &[&str]) {
    // A unit that an earlier damage has removed can no longer be stopped.
    host.tell(&Invocation::new(words.iter().copied())).unwrap();
}

/// Changes a file as chmod, chown and an editor do.
fn touch(host: &mut FakeHost, path: &str, change: impl FnOnce(&mut FakeNode)) {
    let now = host.clock().realtime_us + 1;
    if let Some(node) = host.tree.get_mut(Path::new(path)) {
        node.changed_us = now;
        change(node);
    }
}

fn without(host: &mut FakeHost, path: &str, start: &str) {
    touch(host, path, |node| {
        let text = String::from_utf8(node.bytes.clone()).unwrap();
        let lines = text.split_inclusive('\n');
        node.bytes = lines
            .filter(|line| !line.starts_with(start))
            .collect::<String>()
            .into_bytes();
    });
}

const DAMAGES: &[Damage] = &[
    ("rm aztec-sequencer.service", |host| {
        rm(host, &[&unit(SEQUENCER)]);
    }),
    ("rm aztec-l1.service; daemon-reload", |host| {
        rm(host, &[&unit(L1)]);
        tell(host, &["systemctl", "daemon-reload"]);
    }),
    ("rm node.env", |host| rm(host, &["/etc/aztec/node.env"])),
    ("rm sequencer.env admin.env", |host| {
        rm(host, &["/etc/aztec/sequencer.env", "/etc/aztec/admin.env"]);
    }),
    ("rm 60-aztec.conf", |host| {
        rm(host, &["/etc/sysctl.d/60-aztec.conf"]);
    }),
    ("sysctl net.core.somaxconn=128", |host| {
        touch(host, SOMAXCONN, |node| node.bytes = b"128\n".into());
    }),
    ("stop aztec-sequencer", |host| {
        tell(host, &["systemctl", "stop", SEQUENCER]);
    }),
    ("stop aztec-l1", |host| {
        // The units that require it stop too.
        tell(host, &["systemctl", "stop", SEQUENCER]);
        tell(host, &["systemctl", "stop", L1]);
    }),
    ("disable both", |host| {
        tell(host, &["systemctl", "disable", SEQUENCER]);
        tell(host, &["systemctl", "disable", L1]);
    }),
    ("rm /usr/local/bin/aztec", |host| {
        rm(host, &["/usr/local/bin/aztec"]);
    }),
    ("chmod node.env keystore", |host| {
        touch(host, "/etc/aztec/node.env", |node| node.mode = 0o666);
        touch(host, "/etc/aztec/keystore", |node| node.mode = 0o755);
    }),
    ("chmod validator.json kit.toml", |host| {
        touch(host, KEYSTORE, |node| node.mode = 0o644);
        touch(host, "/etc/aztec/kit.toml", |node| node.mode = 0o644);
    }),
    ("chown contracts.env", |host| {
        touch(host, CONTRACTS, |node| node.uid = 100);
    }),
    ("no group", |host| without(host, "/etc/group", "aztec:")),
    ("no user", |host| without(host, "/etc/passwd", "aztec:")),
    ("current leads nowhere", |host| {
        host.plant("/opt/aztec/current", FileType::Symlink, b"/nowhere", 0o777);
    }),
    ("edit node.env; restart aztec-sequencer", |host| {
        touch(host, "/etc/aztec/node.env", |node| {
            node.bytes.extend(b"LOG_LEVEL=warn\n");
        });
        host.tell(&Invocation::new(["systemctl", "restart", SEQUENCER]))
            .unwrap();
    }),
    ("rm contracts.env", |host| rm(host, &[CONTRACTS])),
];

/// A repair of each damage with a kill at every point, and repairs of several damages that are killed twice.
fn repairs(graph: &Graph<Kind>) -> Tally {
    let finished = set_up(graph);
    let mut all = Tally::default();
    for (name, damage) in DAMAGES {
        let mut from = finished.clone();
        damage(&mut from.host);
        let kills = walk(graph).apply(&from);
        let kills = kills.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(kills.all() >= 2, "{name}: only {kills}: it damages nothing");
        all.add(&kills);
    }
    let mut dice = dice();
    for _ in 0..40 {
        let mut from = finished.clone();
        let count = dice.usize(1..=6);
        let damages: Vec<Damage> = (0..count).map(|_| *dice.choice(DAMAGES).unwrap()).collect();
        let names: Vec<_> = damages.iter().map(|(name, _)| *name).collect();
        for (_, damage) in damages {
            damage(&mut from.host);
        }
        let kills = walk(graph).twice(&from, 2, &mut dice);
        all.add(&kills.unwrap_or_else(|why| panic!("{names:?}: {why}")));
    }
    all
}

/// The directory used to belong to the account, which could replace a directory in it with a link.
#[test]
fn a_data_directory_of_an_earlier_version_gets_the_owner_root_without_a_restart() {
    let graph = graph(LOCAL);
    let mut state = set_up(&graph);
    let data = Path::new("/var/lib/aztec");
    let node = &state.host.tree[&data.join("node")];
    let (uid, gid) = (node.uid, node.gid);
    assert_ne!(uid, 0);
    touch(&mut state.host, "/var/lib/aztec", |node| node.uid = uid);
    let starts = |host: &FakeHost| -> u32 { host.units.values().map(|it| it.starts).sum() };
    let before = starts(&state.host);
    state.run(&graph, None).ended.unwrap();
    let node = &state.host.tree[data];
    assert_eq!((node.uid, node.gid, node.mode), (0, gid, 0o750));
    assert_eq!(starts(&state.host), before);
}

/// A new major has its own databases. The old ones and the keys stay byte for byte, wherever the change is killed.
#[test]
fn a_new_major_keeps_the_signing_records_of_the_old_one() {
    const SIGNED: &str = "/var/lib/aztec/node/signing_protection";
    let old = graph(LOCAL);
    let next = graph(&format!(
        "release = \"7.0.0\"\nruntime = \"native\"\n{LOCAL}[releases.\"7.0.0\"]\nlike = \"4.1.2\"\n"
    ));
    let mut from = set_up(&old);
    from.host
        .plant(SIGNED, FileType::File, b"what was signed", 0o600);
    let (owner, key) = {
        let node = |path: &str| from.host.tree.get(Path::new(path)).unwrap().clone();
        (node(SIGNED), node(KEYSTORE))
    };
    let plan = Plan::make(&next, &from.journal.receipt().unwrap(), &from.host).unwrap();
    let gone = ResourceId::new("directory", "/var/lib/aztec/node");
    let because = plan.step(&gone).unwrap().because.clone().unwrap();
    assert!(because.contains("it stays as long as it is not empty"));
    assert!(
        plan.step(&ResourceId::new("directory", "/var/lib/aztec/v7/node"))
            .is_some()
    );
    for at in 0.. {
        let mut state = from.clone();
        let died = state.run(&next, Some(Kill::Recorded(at))).ended.is_err();
        if died {
            state.run(&next, None).ended.unwrap();
        }
        for (path, before) in [(SIGNED, &owner), (KEYSTORE, &key)] {
            let now = state.host.tree.get(Path::new(path));
            assert_eq!(
                now.map(|now| &now.bytes),
                Some(&before.bytes),
                "{path} at {at}"
            );
        }
        let node = state.host.text("/etc/aztec/node.env");
        assert!(node.is_some_and(|node| node.contains("DATA_DIRECTORY=/var/lib/aztec/v7/node\n")));
        if !died {
            break;
        }
    }
}
