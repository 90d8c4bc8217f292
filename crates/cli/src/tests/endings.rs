//! The end of a run: the codes of `docs/reference/exit-codes.md`, and the state of the host.

use std::fs;

use aztec::Severity;
use aztec::fit;
use provision::engine::{Access, FORMAT, FileJournal, Paths};
use provision::host::FileType;

use super::world::{Answers, FIREWALL_ONLY, SETUP, World, context, server};
use crate::context::User;

const APPLY: &str = "apply --patience 0";

fn firewall_only() -> World {
    let world = World::new(server());
    world.configure(FIREWALL_ONLY);
    world
}

#[test]
fn without_a_terminal_there_is_no_consent() {
    let world = firewall_only();
    for line in [APPLY, SETUP, &SETUP.replacen("setup", "bootstrap", 1)] {
        world.untouched(|| world.kit(line).ends(2, "no terminal to ask for consent"));
        let json = format!("{line} --json");
        // A program cannot consent either, even if it runs on a terminal.
        let output = world.untouched(|| world.asked(&json, "y").ends(2, "no terminal"));
        assert_eq!(output.json()["exit_code"], 2);
    }
}

#[test]
fn a_run_without_consent_changes_nothing() {
    let world = firewall_only();
    for answer in ["n\n", "\n", "", "yes please\n"] {
        world.untouched(|| world.asked(APPLY, answer).ends(0, "nothing was changed"));
    }
    world.asked(APPLY, "y\n").ends(0, "done:");
    assert!(world.changes() > (0, 0));
}

#[test]
fn after_a_failed_step_the_next_run_continues() {
    let (writes, _) = {
        let world = firewall_only();
        world.kit("apply --patience 0 --yes").ends(0, "");
        world.changes()
    };
    for at in [3, writes / 2, writes - 4] {
        let world = firewall_only();
        world.fails_at(at);
        let output = world.kit("apply --patience 0 --yes --json");
        let output = output.ends(4, "No space left on device");
        let output = output.json();
        assert_eq!(output["exit_code"], 4);
        let known = world.cx.view.records.receipt().unwrap().unconfirmed.len();
        assert_eq!(output["unconfirmed"].as_array().unwrap().len(), known);
        world.kit("apply --patience 0 --yes").ends(0, "done:");
        world.kit("plan --check").ends(0, "");
    }
    // The first write fails.
    let world = firewall_only();
    world.fails_at(0);
    let output = world
        .kit("apply --patience 0 --yes --json")
        .ends(4, "No space left on device");
    assert_eq!(output.json()["applied"].as_array().unwrap().len(), 0);
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
fn a_second_run_is_refused() {
    let world = World::set_up();
    let run = world.cx.access.begin(&mut |_| {}).unwrap();
    for line in RUNS.iter().chain(&[SETUP]) {
        world.untouched(|| world.kit(line).ends(1, "is changing this host"));
    }
    // Read-only verbs and `confirm` work during a run.
    world.kit("plan").ends(0, "");
    world.kit("confirm").ends(0, "");
    // Keys in other directories do not need the lock.
    world
        .kit("keys new --out /root/keys --mnemonic-file /root/mnemonic")
        .ends(0, "");
    drop(run);
    world.kit("stop").ends(0, "");
}

#[test]
fn commands_that_need_root_refuse_other_users() {
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

/// Programs react to the class, the code, and the exit code that follows from them.
#[test]
fn a_failure_has_a_class_and_a_code() {
    let ends = |world: &World, line: &str, class: &str, code: &str, exit: u8| {
        let output = world.kit(line).ends(exit, "").json();
        let found = (output["class"].as_str(), output["code"].as_str());
        assert_eq!(found, (Some(class), Some(code)), "{line}: {output}");
    };
    let world = World::new(server());
    ends(&world, "plan --json", "usage", "config-missing", 2);
    world.configure("netwrok = \"local\"\n");
    ends(&world, "plan --json", "usage", "config-invalid", 2);
    world.configure(FIREWALL_ONLY);
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
        let output = newer.untouched(|| newer.kit(line).ends(2, "A newer aztec-kit wrote it"));
        if line.contains("--json") {
            assert_eq!(output.json()["code"], "newer-record");
        }
        assert_eq!(journal(), before, "{line}");
    }
}

#[test]
fn a_missing_disk_stops_every_run_that_would_use_its_directory() {
    let root = "28 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n";
    let disk = "90 28 8:17 / /var/lib/aztec rw shared:50 - ext4 /dev/sdb1 rw\n";
    let mount = |world: &World, text: &str| {
        let mut host = world.host.lock();
        host.plant("/proc/1/mountinfo", FileType::File, text.as_bytes(), 0o444);
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
        let output = world.untouched(|| world.kit(line).ends(2, "/var/lib/aztec"));
        if line.contains("--json") {
            assert_eq!(output.json()["code"], "disk-missing");
        }
    }
    // Verbs that do not use the disk still work, and `preflight` reports it.
    world.kit("preflight").ends(1, "");
    world.kit("stop").ends(0, "");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let world = firewall_only();
    for line in ["plan", "plan --check", "plan --json", "status --json"] {
        world.untouched(|| world.full(line).ends(1, "failed to write the result"));
    }
    // The changes were made, and standard error says so.
    world
        .full("apply --yes --patience 0 --json")
        .ends(1, "done:");
    world.kit("plan --check").ends(0, "");
    // A partially applied run keeps its own exit code.
    let world = firewall_only();
    world.fails_at(3);
    world
        .full("apply --yes --patience 0 --json")
        .ends(4, "failed to write the result");
}

#[test]
fn a_unit_that_does_not_start_is_reported() {
    let world = World::set_up();
    world.kit("stop").ends(0, "");
    let (writes, _) = world.changes();
    world.fails_at(writes);
    world.kit("start").ends(1, "No space left on device");
    world.kit("start").ends(0, "");
}

#[test]
fn only_keys_of_this_host_are_recorded() {
    let world = firewall_only();
    let notes = || world.cx.view.records.receipt().unwrap().notes;
    world
        .kit("keys new --out /root/keys --mnemonic-file /root/first")
        .ends(0, "mnemonic is in");
    assert!(notes().is_empty(), "{:?}", notes());
    world
        .kit("keys new --mnemonic-file /root/second")
        .ends(0, "mnemonic is in");
    assert_eq!(notes()["last keys"], "/etc/aztec/keystore/key1.json");
    // A link leads to the same directory.
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
    // An existing file is never replaced.
    let line = "keys new --name key1 --mnemonic-file /root/fourth";
    world.untouched(|| world.kit(line).ends(2, "never overwritten"));
    let output = world.untouched(|| world.kit("keys list --json").ends(0, ""));
    assert_eq!(output.json()["attesters"].as_array().unwrap().len(), 2);
}

#[test]
fn the_health_of_the_chain_decides_the_exit_code() {
    let mut world = World::set_up();
    for (health, smoke, apply) in [
        (Severity::Pass, 0, 0),
        // A live node syncs for a long time, so it only needs to run.
        (Severity::Warn, 1, 0),
        (Severity::Fail, 1, 1),
    ] {
        world.answers(Answers {
            health,
            ..Answers::default()
        });
        let output = world.untouched(|| world.kit("smoke --json").ends(smoke, ""));
        assert_eq!(
            output.json()["severity"],
            serde_json::to_value(health).unwrap()
        );
        world.kit("stop").ends(0, "");
        let output = world.kit("apply --yes --patience 1 --json").ends(apply, "");
        let status = output.json()["status"].clone();
        assert_eq!(status, ["applied", "not_working"][usize::from(apply)]);
    }
}

#[test]
fn every_verb_reports_a_release_that_does_not_fit() {
    let mut world = World::set_up();
    world.answers(Answers {
        fits: fit::Verdict::DoesNotFit,
        ..Answers::default()
    });
    // Nothing is pending, so it is only reported.
    world.untouched(|| world.kit("plan").ends(0, "release fits"));
    world.kit("stop").ends(0, "");
    world.untouched(|| world.kit("plan").ends(2, "not fit: release fits"));
    world.kit("start").ends(0, "release fits");
    // The release deploys its own local chain, so no L1 is queried.
    let local = World::new(server());
    local.untouched(|| {
        local
            .kit("setup --network local --dry-run --json")
            .ends(0, "")
    });
    let local = World::new(server());
    local.configure("network = \"local\"\n");
    for line in ["plan", "status --json", "explain docker.service"] {
        let output = local.untouched(|| local.kit(line).ends(0, ""));
        assert!(!output.err.contains("release fits"), "{output:?}");
    }
}

#[test]
fn a_bootstrap_fails_if_its_l1_fails() {
    let mut world = World::set_up();
    world.answers(Answers {
        connectivity: Severity::Fail,
        ..Answers::default()
    });
    let line = SETUP.replacen("setup", "bootstrap", 1);
    world.untouched(|| world.kit(&line).ends(1, "Fix its L1"));
    world.untouched(|| world.kit(&format!("{line} --dry-run")).ends(0, ""));
    let json = format!("{line} --json --yes");
    let failed = |world: &World| world.kit(&json).ends(1, "Fix its L1").json()["l1"].clone();
    let expected = failed(&world);
    assert_eq!(expected[0]["severity"], "fail");
    let mut fresh = World::new(server());
    fresh.answers(Answers {
        connectivity: Severity::Fail,
        ..Answers::default()
    });
    assert_eq!(failed(&fresh), expected);
}

#[test]
fn a_bootstrap_without_consent_does_not_say_that_the_host_is_set_up() {
    let mut world = World::new(server());
    world.answers(Answers {
        connectivity: Severity::Fail,
        ..Answers::default()
    });
    let line = SETUP.replacen("setup", "bootstrap", 1);
    let refused = world.untouched(|| world.asked(&line, "n").ends(0, "nothing was changed"));
    assert!(!refused.err.contains("is set up"), "{refused:?}");
}

#[test]
fn keys_are_imported_and_exported_without_printing_secrets() {
    const JUNK: &str = "test test test test test test test test test test test junk";
    let world = firewall_only();
    let import = "keys import --mnemonic-stdin --json";
    world.untouched(|| world.piped(import, "no mnemonic").ends(2, "mnemonic"));
    let created = world.piped(import, JUNK).ends(0, "");
    assert_eq!(created.json()["file"], "/etc/aztec/keystore/key1.json");
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
        .ends(0, "Move the backup off this host");
    let files = sealed.json()["files"].as_array().unwrap().len();
    assert_eq!(files, 3, "two keys and their keystore");
    // The same command continues an interrupted export. Here nothing is left to do.
    world.untouched(|| {
        let again = world
            .piped(export, "correct horse")
            .ends(0, "Move the backup");
        assert_eq!(again.json(), sealed.json());
    });
    world.untouched(|| {
        world
            .piped(export, "wrong horse")
            .ends(2, "does not belong to this backup")
    });
    for output in [created, sealed] {
        let output = format!("{}{}", output.out, output.err);
        let secret = keystore.split('"').filter(|word| word.len() == 66);
        for secret in secret.filter(|word| !word.ends_with("00000000")) {
            assert!(!output.contains(&secret[2..]), "{output}");
        }
        assert!(
            !output.contains("junk") && !output.contains("horse"),
            "{output}"
        );
    }
}
