//! Read-only verbs change nothing: no file, no unit, no record.

use provision::host::FileType;

use super::verbs::verbs;
use super::world::{FIREWALL_ONLY, SETUP, World, server};

/// Read-only commands, and their possible exit codes.
const LOOKS: &[(&str, &[u8])] = &[
    ("plan", &[0]),
    ("plan --verbose", &[0]),
    ("plan --check", &[0, 3]),
    ("plan --json", &[0]),
    ("preflight", &[0]),
    ("preflight --json", &[0]),
    ("preflight --with-hardening", &[0, 1]),
    ("smoke", &[0]),
    ("smoke --json", &[0]),
    ("status", &[0]),
    ("status --json", &[0]),
    ("explain docker.service", &[0]),
    ("explain docker.service --json", &[0]),
    ("doctor", &[0, 1]),
    ("doctor --json", &[0, 1]),
    ("doctor --bundle", &[0, 1]),
    ("doctor --bundle --json", &[0, 1]),
    ("checks list", &[0]),
    ("checks list --json", &[0]),
    ("release list", &[0]),
    ("release list --json", &[0]),
    ("release check /srv/6.9.9", &[0]),
    ("release check /srv/6.9.9 --json", &[0]),
    ("keys list /srv/keys", &[2]),
    ("keys list /srv/keys --json", &[2]),
    ("keys check /srv/keys", &[1]),
    ("keys check /srv/keys --json", &[1]),
    ("keys check /srv/none", &[2]),
    ("keys staker-output /srv/keys", &[2]),
    ("alert test --json", &[0]),
    ("metrics", &[0]),
    ("completions bash", &[0]),
    ("man", &[0]),
    ("man keys import", &[0]),
    ("man none", &[2]),
    ("setup --dry-run --with-hardening", &[0]),
    ("setup --dry-run --with-hardening --json", &[0]),
    ("bootstrap --dry-run --with-hardening --json", &[0]),
    // A dry run confirms nothing.
    ("setup --dry-run --confirm", &[0]),
    ("setup --dry-run --confirm --json", &[0]),
];

/// Verbs that change a host, or become another program.
const OTHERS: &[&str] = &[
    "apply",
    "setup",
    "bootstrap",
    "confirm",
    "take-back",
    "start",
    "stop",
    "forget",
    "keys new",
    "keys import",
    "keys export",
    "logs",
    "collect",
    "beacon",
];

/// Whether a command line belongs to a verb.
fn is_of(line: &str, verb: &str) -> bool {
    line.strip_prefix(verb)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[test]
fn every_read_only_verb_is_tried() {
    for verb in verbs() {
        let is_tested = LOOKS.iter().any(|(line, _)| is_of(line, &verb));
        assert!(is_tested || OTHERS.contains(&verb.as_str()), "{verb}");
    }
}

/// Hosts in every state that a read-only verb can meet.
fn hosts() -> Vec<(&'static str, World)> {
    let configured = World::new(server());
    configured.configure(FIREWALL_ONLY);
    let (waits, stopped, confirmed) = (World::set_up(), World::set_up(), World::set_up());
    stopped.kit("stop").ends(0, "");
    confirmed.kit("confirm").ends(0, "");
    let died = World::new(server());
    died.host.lock().dies_at = Some(40);
    died.kit(&format!("{SETUP} --yes")).ends(4, "died");
    died.host.lock().dies_at = None;
    let edited = World::set_up();
    edited.configure(FIREWALL_ONLY);
    vec![
        ("only configured", configured),
        ("waits", waits),
        ("stopped", stopped),
        ("confirmed", confirmed),
        ("died", died),
        ("edited", edited),
    ]
}

#[test]
fn read_only_verbs_change_nothing() {
    for (name, world) in hosts() {
        let mut host = world.host.lock();
        for dir in ["/srv", "/srv/6.9.9", "/srv/keys"] {
            host.plant(dir, FileType::Directory, b"", 0o700);
        }
        let described = b"like = \"6.0.0\"\n";
        host.plant("/srv/6.9.9/release.toml", FileType::File, described, 0o600);
        drop(host);
        for (line, codes) in LOOKS {
            println!("{name}: {line}");
            let output = world.untouched(|| world.kit(line));
            assert!(codes.contains(&output.code), "{output:?}");
        }
    }
}
