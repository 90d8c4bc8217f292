//! How a run ends: the codes of `docs/reference/exit-codes.md`, and what is on the host then.

use std::fs;

use aztec::Health;
use aztec::checks::Verdict;
use aztec::fit;
use provision::engine::{Access, FORMAT, FileJournal, Paths};
use provision::host::FileType;

use super::world::{Answers, GUARDED, SETUP, World, context, server};
use crate::context::User;

const APPLY: &str = "apply --patience 0";

fn guarded() -> World {
    let world = World::new(server());
    world.configure(GUARDED);
    world
}

#[test]
fn without_a_terminal_nobody_agrees() {
    let world = guarded();
    for line in [APPLY, SETUP, &SETUP.replacen("setup", "bootstrap", 1)] {
        world.untouched(|| world.kit(line).ends(2, "no terminal to ask at"));
        let json = format!("{line} --json");
        // Nor does a program, whoever sits at the terminal that it runs on.
        let said = world.untouched(|| world.asked(&json, "y").ends(2, "no terminal"));
        assert_eq!(said.json()["exit_code"], 2);
    }
}

#[test]
fn who_does_not_agree_gets_no_change() {
    let world = guarded();
    for answer in ["n\n", "\n", "", "yes please\n"] {
        world.untouched(|| world.asked(APPLY, answer).ends(0, "nothing was changed"));
    }
    world.asked(APPLY, "y\n").ends(0, "done:");
    assert!(world.changes() > (0, 0));
}

#[test]
fn a_step_that_fails_half_way_leaves_the_rest_for_the_next_run() {
    let (whole, _) = {
        let world = guarded();
        world.kit("apply --patience 0 --yes").ends(0, "");
        world.changes()
    };
    for at in [3, whole / 2, whole - 4] {
        let world = guarded();
        world.fails_at(at);
        let said = world.kit("apply --patience 0 --yes --json");
        let said = said.ends(4, "No space left on device");
        let said = said.json();
        assert_eq!(said["exit_code"], 4);
        let known = world.cx.view.records.receipt().unwrap().unconfirmed.len();
        assert_eq!(said["unconfirmed"].as_array().unwrap().len(), known);
        world.kit("apply --patience 0 --yes").ends(0, "done:");
        world.kit("plan --check").ends(0, "");
    }
    // Before anything was begun.
    let world = guarded();
    world.fails_at(0);
    let said = world
        .kit("apply --patience 0 --yes --json")
        .ends(4, "No space left on device");
    assert_eq!(said.json()["applied"].as_array().unwrap().len(), 0);
}

/// Commands that need the lock.
const RUNS: &[&str] = &[
    "apply --yes --patience 0",
    "apply --yes --patience 0 --json",
    "start",
    "stop",
    "forget directory[/etc/aztec]",
    "keys new --out /etc/aztec/keystore --mnemonic-file /root/mnemonic",
];

#[test]
fn who_finds_another_run_waits_for_it() {
    let world = World::set_up();
    let run = world.cx.access.begin(&mut |_| {}).unwrap();
    for line in RUNS.iter().chain(&[SETUP]) {
        world.untouched(|| world.kit(line).ends(1, "is changing this host"));
    }
    // Whoever looks does not, nor whoever keeps what it made.
    world.kit("plan").ends(0, "");
    world.kit("confirm").ends(0, "");
    // Keys elsewhere are no business of a run.
    world
        .kit("keys new --out /root/keys --mnemonic-file /root/mnemonic")
        .ends(0, "");
    drop(run);
    world.kit("stop").ends(0, "");
}

#[test]
fn only_root_may_look_at_all_of_it_and_change_it() {
    let mut world = World::set_up();
    world.cx.view.user = User {
        uid: 1000,
        gid: 1000,
    };
    for line in RUNS
        .iter()
        .chain(&[SETUP, "confirm", "take-back", "status", "plan"])
    {
        if !line.starts_with("keys") {
            world.untouched(|| world.kit(line).ends(2, "needs root"));
        }
    }
}

/// What machines act on: class, code, and the exit code that follows from them.
#[test]
fn a_failure_has_a_class_and_a_code() {
    let ends = |world: &World, line: &str, class: &str, code: &str, exit: u8| {
        let said = world.kit(line).ends(exit, "").json();
        let found = (said["class"].as_str(), said["code"].as_str());
        assert_eq!(found, (Some(class), Some(code)), "{line}: {said}");
    };
    let world = World::new(server());
    ends(&world, "plan --json", "usage", "config-missing", 2);
    world.configure("netwrok = \"local\"\n");
    ends(&world, "plan --json", "usage", "config-invalid", 2);
    world.configure(GUARDED);
    ends(&world, "apply --json", "refused", "no-consent", 2);
    let run = world.cx.access.begin(&mut |_| {}).unwrap();
    ends(&world, "apply --yes --json", "conflict", "lock-held", 1);
    drop(run);
    world.fails_at(3);
    ends(&world, "apply --yes --json", "environment", "failed", 4);
    let mut world = World::set_up();
    world.kit("stop").ends(0, "");
    world.answers(Answers {
        fits: fit::Verdict::DoesNotFit,
        ..Answers::default()
    });
    ends(&world, "plan --json", "refused", "release-does-not-fit", 2);
    world.cx.view.user = User {
        uid: 1000,
        gid: 1000,
    };
    ends(&world, "status --json", "usage", "root-needed", 2);
}

#[test]
fn a_newer_journal_stops_a_run_before_it_changes_anything() {
    let world = World::set_up();
    let state = world.dir.path().join("state");
    fs::create_dir(&state).unwrap();
    let begin = format!(
        "{{\"event\":\"begin\",\"format\":{},\"program\":\"aztec-kit 99\"}}",
        FORMAT + 1
    );
    fs::write(state.join("journal.jsonl"), begin + "\n").unwrap();
    let paths = Paths {
        state: state.clone(),
        lock: world.dir.path().join("lock"),
    };
    let host_mut = world.host.clone();
    let access = Access::elsewhere(
        paths,
        move || host_mut.clone(),
        move || FileJournal::new(&state),
    );
    let newer = World {
        cx: context(world.host.clone(), access),
        ..world
    };
    let journal = || fs::read(newer.dir.path().join("state/journal.jsonl")).unwrap();
    let before = journal();
    for line in [
        "plan --json",
        "status --json",
        "apply --yes --json",
        "start",
        "forget file[x]",
        "setup --yes --with-hardening --json",
    ] {
        let said = newer.untouched(|| newer.kit(line).ends(2, "A newer aztec-kit wrote it"));
        if line.contains("--json") {
            assert_eq!(said.json()["code"], "newer-record");
        }
        assert_eq!(journal(), before, "{line}");
    }
}

#[test]
fn a_disk_that_was_there_and_is_not_stops_whoever_would_use_its_place() {
    let root = "28 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n";
    let disk = "90 28 8:17 / /var/lib/aztec rw shared:50 - ext4 /dev/sdb1 rw\n";
    let mount = |world: &World, text: &str| {
        let mut host = world.host.lock();
        host.plant("/proc/self", FileType::Directory, b"", 0o555);
        host.plant(
            "/proc/self/mountinfo",
            FileType::File,
            text.as_bytes(),
            0o444,
        );
    };
    let world = World::new(server());
    mount(&world, &format!("{root}{disk}"));
    world.kit(&format!("{SETUP} --yes")).ends(0, "done:");
    mount(&world, root);
    let data = std::path::Path::new("/var/lib/aztec");
    let mut host = world.host.lock();
    host.tree
        .retain(|path, _| path == data || !path.starts_with(data));
    drop(host);
    for line in ["plan", "apply --yes --json", SETUP, "start"] {
        let said = world.untouched(|| world.kit(line).ends(2, "/var/lib/aztec"));
        if line.contains("--json") {
            assert_eq!(said.json()["code"], "disk-missing");
        }
    }
    // What does not use it goes on, and says so.
    world.kit("preflight").ends(1, "");
    world.kit("stop").ends(0, "");
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let world = guarded();
    for line in ["plan", "plan --check", "plan --json", "status --json"] {
        world.untouched(|| world.full(line).ends(1, "failed to write the result"));
    }
    // What was done was done, and is said where there is room.
    world
        .full("apply --yes --patience 0 --json")
        .ends(1, "done:");
    world.kit("plan --check").ends(0, "");
    // A run that is half done says so first of all.
    let world = guarded();
    world.fails_at(3);
    world
        .full("apply --yes --patience 0 --json")
        .ends(4, "failed to write the result");
}

#[test]
fn a_unit_that_does_not_start_is_told() {
    let world = World::set_up();
    world.kit("stop").ends(0, "");
    let (writes, _) = world.changes();
    world.fails_at(writes);
    world.kit("start").ends(1, "No space left on device");
    world.kit("start").ends(0, "");
}

#[test]
fn keys_of_this_host_are_on_record_and_others_are_not() {
    let world = guarded();
    let notes = || world.cx.view.records.receipt().unwrap().notes;
    world
        .kit("keys new --out /root/keys --mnemonic-file /root/first")
        .ends(0, "mnemonic is in");
    assert!(notes().is_empty(), "{:?}", notes());
    world
        .kit("keys new --mnemonic-file /root/second")
        .ends(0, "mnemonic is in");
    assert_eq!(notes()["last keys"], "/etc/aztec/keystore/key1.json");
    // By another way to the same place.
    let mut host = world.host.lock();
    host.plant("/root/link", FileType::Symlink, b"/etc/aztec", 0o777);
    drop(host);
    world
        .kit("keys new --out /root/link/keystore --mnemonic-file /root/third")
        .ends(0, "");
    assert!(
        world
            .host
            .lock()
            .text("/etc/aztec/keystore/key2.json")
            .is_some()
    );
    assert_eq!(notes()["last keys"], "/root/link/keystore/key2.json");
    // What is there is never replaced.
    let line = "keys new --name key1 --mnemonic-file /root/fourth";
    world.untouched(|| world.kit(line).ends(2, "never overwritten"));
    let said = world.untouched(|| world.kit("keys list --json").ends(0, ""));
    assert_eq!(said.json()["attesters"].as_array().unwrap().len(), 2);
}

#[test]
fn what_the_chain_says_decides_what_a_run_was_worth() {
    let mut world = World::set_up();
    for (health, smoke, apply) in [
        (Health::Ok, 0, 0),
        // A live node syncs for long: it only has to be there.
        (Health::Degraded, 1, 0),
        (Health::Down, 1, 1),
    ] {
        world.answers(Answers {
            health,
            ..Answers::default()
        });
        let said = world.untouched(|| world.kit("smoke --json").ends(smoke, ""));
        assert_eq!(said.json()["status"], serde_json::to_value(health).unwrap());
        world.kit("stop").ends(0, "");
        let said = world.kit("apply --yes --patience 1 --json").ends(apply, "");
        let status = said.json()["status"].clone();
        assert_eq!(status, ["applied", "not_working"][usize::from(apply)]);
    }
}

#[test]
fn a_release_that_does_not_fit_is_told_wherever_it_matters() {
    let mut world = World::set_up();
    world.answers(Answers {
        fits: fit::Verdict::DoesNotFit,
        ..Answers::default()
    });
    // Nothing is pending: it is said, and that is all.
    world.untouched(|| world.kit("plan").ends(0, "release fits"));
    world.kit("stop").ends(0, "");
    world.untouched(|| world.kit("plan").ends(2, "not fit: release fits"));
    world.kit("start").ends(0, "release fits");
    // A local chain is deployed by the release that runs it, and nobody is asked.
    let local = World::new(server());
    local.untouched(|| {
        local
            .kit("setup --network local --dry-run --json")
            .ends(0, "")
    });
    let local = World::new(server());
    local.configure("network = \"local\"\n");
    for line in ["plan", "status --json", "explain docker.service"] {
        let said = local.untouched(|| local.kit(line).ends(0, ""));
        assert!(!said.err.contains("release fits"), "{said:?}");
    }
}

#[test]
fn a_bootstrap_ends_with_what_its_l1_says() {
    let mut world = World::set_up();
    world.answers(Answers {
        connectivity: Verdict::Fail,
        ..Answers::default()
    });
    let line = SETUP.replacen("setup", "bootstrap", 1);
    world.untouched(|| world.kit(&line).ends(1, "mend its L1"));
    world.untouched(|| world.kit(&format!("{line} --dry-run")).ends(0, ""));
}

#[test]
fn keys_come_in_and_go_out_and_nothing_of_them_is_said() {
    const JUNK: &str = "test test test test test test test test test test test junk";
    let world = guarded();
    let import = "keys import --mnemonic-stdin --json";
    world.untouched(|| world.piped(import, "no mnemonic").ends(2, "mnemonic"));
    let made = world.piped(import, JUNK).ends(0, "");
    assert_eq!(made.json()["file"], "/etc/aztec/keystore/key1.json");
    let keystore = world
        .host
        .lock()
        .text("/etc/aztec/keystore/key1.json")
        .unwrap();
    world.untouched(|| world.piped(import, JUNK).ends(2, "already"));
    let export = "keys export --out /root/backup --password-stdin --json";
    world.untouched(|| world.kit(export).ends(2, "no password"));
    let sealed = world
        .piped(export, "correct horse")
        .ends(0, "Move it off this host");
    let files = sealed.json()["files"].as_array().unwrap().len();
    assert_eq!(files, 3, "two keys and what names them");
    // The same command goes on with what a kill left, and here nothing is left to do.
    world.untouched(|| {
        let again = world.piped(export, "correct horse").ends(0, "Move it");
        assert_eq!(again.json(), sealed.json());
    });
    world.untouched(|| {
        world
            .piped(export, "wrong horse")
            .ends(2, "not of this backup")
    });
    for said in [made, sealed] {
        let said = format!("{}{}", said.out, said.err);
        let secret = keystore.split('"').filter(|word| word.len() == 66);
        for secret in secret.filter(|word| !word.ends_with("00000000")) {
            assert!(!said.contains(&secret[2..]), "{said}");
        }
        assert!(!said.contains("junk") && !said.contains("horse"), "{said}");
    }
}
