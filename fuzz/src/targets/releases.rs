//! Data of releases, also of those that an operator describes (`crates/aztec/src/data`).

use std::sync::atomic::{AtomicUsize, Ordering};

use aztec::Releases;
use aztec::fuzz;
use provision::host::FileType;
use provision::host::fake::FakeHost;

use super::target::{Target, target, text};

pub(super) const TARGETS: &[Target] = &[
    target!("data/release", "crates/aztec/src/data/releases.rs", release,
        include_bytes!("../../../crates/aztec/data/releases/4.1.2/release.toml"), b"like = \"4.1.2\"\n[roles.txe]\nflags = [\"--txe\"]\n"),
    target!("data/variables", "crates/aztec/src/data/variables.rs", variables,
        b"empty = \"unset\"\n[variables.A]\ntype = \"integer\"\ndefault = \"1\"\n[variables.B]\nalias_of = \"A\"\n[removed.C]\nwhen = \"in 2\"\nuse = \"A\"\n"),
    target!("data/omit", "crates/aztec/src/data/omit.rs", omit,
        include_bytes!("../../../crates/aztec/data/releases/common-omit.toml")),
    target!("data/folder", "crates/aztec/src/data/folder.rs", folder, LIKE, WHOLE),
];

/// A folder of `/etc/aztec/releases`: which of two, then its four files, one behind the other.
const LIKE: &[u8] = b"\x00like = \"5.2.0\"\nroles.txe = { flags = [\"--txe\"] }\n\x00[variables.A]\ntype = \"integer\"\ndefault = \"1\"\n\x00\x00";
const WHOLE: &[u8] = b"\x01like = \"4.1.2\"\nimage = \"a/b\"\n\x00\x00[[omit]]\npaths = [\"node_modules/a\"]\nwhy = \"b\"\n\x00{\"packages\":{\"\":{},\"node_modules/@aztec/aztec\":{\"version\":\"4.1.2\",\"integrity\":\"sha512-a\"}}}";

/// A refusal names the file and one of its lines, and no value.
fn described(name: &str, file: &str) {
    let Err(fault) = fuzz::release_file(name, file) else {
        return;
    };
    let message = fault.chain();
    let line = message
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(':'));
    let line = line.and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
    assert!(
        line.is_some_and(|line| line >= 1 && line <= file.split('\n').count()),
        "{message}"
    );
    let keys = file
        .parse::<toml::Table>()
        .is_ok_and(|table| keys_without(&table));
    // The message quotes a word that is not one of a few, so that it can be fixed, and the name of a variable.
    let word = ["unknown variant", "nothing reads"]
        .iter()
        .any(|it| message.contains(it));
    assert!(!keys || word || !message.contains("hunter2"), "{message}");
}

/// Whether no key of a table contains the planted secret.
fn keys_without(table: &toml::Table) -> bool {
    fn one(value: &toml::Value) -> bool {
        match value {
            toml::Value::Table(table) => keys_without(table),
            toml::Value::Array(values) => values.iter().all(one),
            _ => true,
        }
    }
    table
        .iter()
        .all(|(key, value)| !key.contains("hunter2") && one(value))
}

/// A refusal names the file and one of its lines, and no value. A version is a plain word.
fn release(bytes: &[u8]) {
    let file = text(bytes);
    described("release.toml", &file);
    if let Some(version) = fuzz::version(&file) {
        assert_eq!(version, *file);
        assert!(!version.contains(['/', '+', ' ', '\n']) && version != "..");
    }
}

/// The bytes of all folders so far. Their releases stay in memory until the program ends.
static KEPT: AtomicUsize = AtomicUsize::new(0);
/// Enough for a search. Later inputs are skipped.
const MOST_KEPT: usize = 1 << 30;

/// An accepted release can be used, and a refusal names a file of the folder, and no value.
fn folder(bytes: &[u8]) {
    if KEPT.fetch_add(bytes.len(), Ordering::Relaxed) > MOST_KEPT {
        return;
    }
    let (which, files) = bytes.split_first().unwrap_or((&0, &[]));
    // An unknown release, and one that aztec-kit carries too.
    let version = ["9.9.9", "4.1.2"][usize::from(which % 2)];
    let place = format!("/etc/aztec/releases/{version}");
    let mut host = FakeHost::debian();
    for dir in ["/etc/aztec", "/etc/aztec/releases", &place] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    let names = ["release.toml", "env.toml", "omit.toml", "package-lock.json"];
    let files: Vec<_> = files.split(|byte| *byte == 0).collect();
    for (name, file) in names.iter().zip(&files) {
        if !file.is_empty() {
            host.plant(&format!("{place}/{name}"), FileType::File, file, 0o644);
        }
    }
    let known = match Releases::of_host(&host) {
        Ok(known) => known,
        // A file that is not text.
        Err(fault) => return assert!(fault.chain().contains(&place), "{}", fault.chain()),
    };
    match known.release(version, None) {
        Ok(release) => {
            assert_eq!(release.version, version);
            let _ = (release.variables(), fuzz::omitted(&release));
            let roles = release.facts.roles.values();
            let mut flags = roles.flat_map(|role| &role.flags);
            assert!(
                flags.all(|flag| flag.starts_with("--") && !flag.contains(char::is_whitespace))
            );
            assert!(!release.facts.image.starts_with('-') && !release.facts.image.contains(' '));
        }
        Err(fault) => {
            let message = fault.chain();
            let named = names
                .iter()
                .any(|name| message.contains(&format!("{place}/{name}")));
            assert!(named, "{message}");
            let texts = files.iter().map(|file| text(file));
            let mut tables = texts.take(3).map(|text| text.parse::<toml::Table>());
            let keys = tables.all(|table| table.is_ok_and(|table| keys_without(&table)));
            let lock = files
                .get(3)
                .is_some_and(|lock| text(lock).contains("hunter2"));
            // The message quotes a word that is not one of a few, and the release that `like` names.
            let word = [
                "unknown variant",
                "nothing reads",
                "is not known",
                "is not among",
            ];
            let word = word.iter().any(|it| message.contains(it));
            assert!(
                !keys || lock || word || !message.contains("hunter2"),
                "{message}"
            );
        }
    }
}

/// A refusal names the file and one of its lines, and no value.
fn variables(bytes: &[u8]) {
    described("env.toml", &text(bytes));
}

/// A refusal names the file and one of its lines, and no value.
fn omit(bytes: &[u8]) {
    described("omit.toml", &text(bytes));
}
