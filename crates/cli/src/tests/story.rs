//! A host from its setup to the removal of a feature.

use provision::host::FileType;

use super::world::{SETUP, World};

const NODE: &str = "aztec-node.service";

impl World {
    fn state(&self, unit: &str) -> String {
        let status = self.kit("status --json").ends(0, "").json();
        let rows = status["services"].as_array().unwrap();
        let row = rows.iter().find(|row| row["unit"] == unit).unwrap();
        row["state"].as_str().unwrap().into()
    }

    fn unconfirmed(&self) -> usize {
        let status = self.kit("status --json").json();
        status["unconfirmed"].as_array().unwrap().len()
    }

    fn in_sync(&self) {
        let output = self.kit("plan --check").ends(0, "");
        assert!(output.out.contains("nothing to change"), "{output:?}");
    }

    /// Replaces a part of the configuration.
    fn edit(&self, from: &str, to: &str) {
        let text = self.host.lock().text(aztec::CONFIG).unwrap();
        assert!(text.contains(from), "{text}");
        let mut host = self.host.lock();
        let text = text.replace(from, to);
        host.plant(aztec::CONFIG, FileType::File, text.as_bytes(), 0o600);
    }

    fn rules(&self) -> String {
        self.host.lock().text("/etc/ufw/user.rules").unwrap()
    }
}

#[test]
fn a_host_is_set_up_stopped_started_and_in_sync_again() {
    let world = World::set_up();
    world.in_sync();
    assert_eq!(world.state(NODE), "active");
    let output = world.kit("stop").ends(0, "`aztec-kit start`");
    assert!(
        output.out.contains("stop: aztec-node.service"),
        "{output:?}"
    );
    assert_eq!(world.state(NODE), "inactive");
    world.kit("plan --check").ends(3, "");
    world.kit("start").ends(0, "");
    assert_eq!(world.state(NODE), "active");
    world.in_sync();
    // The journal records the new process once.
    world.kit("apply --yes").ends(0, "");
    // The same again changes nothing and restarts nothing.
    let starts = || world.host.lock().units[NODE].starts;
    let before = starts();
    let output = world.untouched(|| world.kit(SETUP).ends(0, ""));
    assert!(output.out.contains("in sync"), "{output:?}");
    assert_eq!(starts(), before);
}

#[test]
fn confirmed_changes_are_kept() {
    let world = World::set_up();
    assert!(world.unconfirmed() > 0);
    let output = world.kit("confirm").ends(0, "");
    assert!(
        output.out.contains("confirmed:") && output.out.contains("firewall[ufw]"),
        "{output:?}"
    );
    assert_eq!(world.unconfirmed(), 0);
    world.in_sync();
    let shape = world.host.lock().shape();
    let (_, records) = world.changes();
    let output = world.kit("confirm").ends(0, "");
    assert!(output.out.contains("no change waits"), "{output:?}");
    assert_eq!(world.changes().1, records);
    assert!(world.host.lock().shape() == shape, "the host was touched");
}

#[test]
fn unconfirmed_changes_are_rolled_back() {
    let world = World::set_up();
    world.kit("confirm").ends(0, "");
    let before = world.rules();
    world.edit(
        "[firewall]\n",
        "[[firewall.allow]]\nport = 9000\nfrom = \"192.0.2.9\"\n\n[firewall]\n",
    );
    world
        .kit("apply --yes --patience 0")
        .ends(0, "unconfirmed:");
    assert!(world.rules().contains("9000"), "{}", world.rules());
    // The time to confirm has started again, so this call of the earlier timer does nothing.
    let output = world.kit("take-back --due").ends(0, "");
    assert!(output.out.contains("starts again"), "{output:?}");
    assert!(world.unconfirmed() > 0);
    let output = world.kit("take-back").ends(0, "");
    assert!(output.out.contains("rolled back"), "{output:?}");
    assert_eq!(world.rules(), before);
    assert_eq!(world.unconfirmed(), 0);
    let status = world.kit("status --json").json();
    assert_eq!(status["rolled_back"][0]["id"], "firewall[ufw]");
    world.kit("plan --check").ends(3, "");
}

/// The roll back uses the monotonic clock of systemd. After a boot, the time starts again.
#[test]
fn the_time_left_does_not_depend_on_the_wall_clock() {
    let world = World::set_up();
    let left = || {
        let output = world.kit("status").ends(0, "").out;
        let (_, rest) = output.split_once("rolled back in ").expect("how long");
        rest.split_once(" s").unwrap().0.parse::<u64>().unwrap()
    };
    let first = left();
    assert!((1..=300).contains(&first), "{first}");
    for hours in [-24, 48, -24] {
        world.host.lock().jump(hours * 3_600_000_000);
        assert!((1..=first).contains(&left()), "{}", left());
    }
    world.host.lock().boot();
    assert!((1..=300).contains(&left()), "{}", left());
}

#[test]
fn a_resource_is_forgotten_and_found_again() {
    let world = World::set_up();
    let known = || {
        let receipt = world.cx.view.records.receipt().unwrap();
        let mut ids = receipt.entries.iter().map(|entry| entry.id.to_string());
        ids.any(|id| id == "directory[/etc/aztec]")
    };
    assert!(known());
    let shape = world.host.lock().shape();
    world.kit("forget directory[/etc/aztec]").ends(0, "");
    assert!(!known());
    assert!(world.host.lock().shape() == shape, "the host was touched");
    for (id, why) in [
        ("directory[/etc/aztec]", "does not manage"),
        ("firewall[ufw]", "waits for confirmation"),
    ] {
        world.untouched(|| world.kit(&format!("forget {id}")).ends(2, why));
    }
    world.kit("apply --yes --patience 0").ends(0, "");
    assert!(known());
}

#[test]
fn a_feature_that_is_turned_off_is_removed() {
    let world = World::set_up();
    world.kit("confirm").ends(0, "");
    let on = |world: &World| world.host.lock().text("/etc/ufw/ufw.conf").unwrap();
    assert_eq!(on(&world), "ENABLED=yes\n");
    world.edit("[firewall]\nenabled = true", "[firewall]\nenabled = false");
    let plan = world.kit("plan --json").ends(0, "").json();
    let steps = plan["steps"].as_array().unwrap();
    let remove = |step: &&serde_json::Value| step["action"] == "remove";
    assert!(steps.iter().find(remove).unwrap()["id"] == "firewall[ufw]");
    world.kit("apply --yes --confirm --patience 0").ends(0, "");
    assert_eq!(on(&world), "ENABLED=no\n");
    assert_eq!(world.rules(), "# as packaged\n");
    assert_eq!(world.unconfirmed(), 0);
    world.in_sync();
}

#[test]
fn a_bootstrap_is_a_setup_with_a_check_of_the_l1() {
    let world = World::new(super::world::server());
    let line = SETUP.replacen("setup", "bootstrap", 1);
    world
        .kit(&format!("{line} --yes"))
        .ends(0, "as the test has it");
    world.in_sync();
}

/// Kills a command at each write. The same command then continues with the same result. Returns the number of kills.
fn killed(from: &World, line: &str, well: impl Fn(&World)) -> usize {
    for at in 0.. {
        let world = from.again();
        let (writes, _) = world.changes();
        world.host.lock().dies_at = Some(writes + at);
        let code = world.kit(line).code;
        world.host.lock().dies_at = None;
        if code == 0 {
            return at;
        }
        println!("{line}: killed at write {at}");
        world.kit(line).ends(0, "");
        well(&world);
    }
    0
}

#[test]
fn a_killed_command_can_be_repeated() {
    let up = World::set_up();
    let kept = |world: &World| assert_eq!(world.unconfirmed(), 0);
    assert!(
        killed(&up, "confirm", |world| {
            kept(world);
            world.in_sync();
        }) >= 4
    );
    let before = World::new(super::world::server());
    assert!(
        killed(&up, "take-back", |world| {
            kept(world);
            assert_eq!(world.rules(), before.rules());
        }) >= 8
    );
    assert!(
        killed(&up, "stop", |world| assert_eq!(
            world.state(NODE),
            "inactive"
        )) >= 1
    );
    up.kit("stop").ends(0, "");
    assert!(
        killed(&up, "start", |world| {
            assert_eq!(world.state(NODE), "active");
            world.in_sync();
        }) >= 1
    );
    up.kit("start").ends(0, "");
    up.kit("confirm").ends(0, "");
    up.edit("[firewall]\nenabled = true", "[firewall]\nenabled = false");
    let removal = "apply --yes --confirm --patience 0";
    assert!(
        killed(&up, removal, |world| {
            kept(world);
            world.in_sync();
        }) >= 8
    );
}
