//! The right to change a host: who has it, and what is allowed without the lock.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use provision::engine::{Access, Event, Journal, Paths, Permissions, SharedJournal};
use provision::host::fake::{FakeHost, SharedHost};
use provision::host::{FileType, Invocation, Probe};

fn quiet(_: &str) {}

/// A host in memory, with a lock of its own on a disk.
struct Host {
    host: SharedHost,
    journal: SharedJournal,
    access: Access,
    _dir: tempfile::TempDir,
}

fn host() -> Host {
    let dir = tempfile::tempdir().unwrap();
    let (host, journal) = (
        SharedHost::new(FakeHost::debian()),
        SharedJournal::default(),
    );
    let paths = Paths {
        state: "/var/lib/kit".into(),
        lock: dir.path().join("lock"),
    };
    let (host_mut, records) = (host.clone(), journal.clone());
    Host {
        access: Access::elsewhere(paths, move || host_mut.clone(), move || records.clone()),
        host,
        journal,
        _dir: dir,
    }
}

fn noted(name: &str, value: &str) -> Event {
    Event::Noted {
        name: name.into(),
        value: value.into(),
    }
}

#[test]
fn one_run_has_the_host_until_it_ends() {
    let it = host();
    let session = it.access.begin(&mut quiet).unwrap();
    let fault = it.access.begin(&mut quiet).unwrap_err();
    assert!(fault.chain().contains("another run"), "{}", fault.chain());
    // Changes that must not wait for the run do not wait.
    assert_eq!(it.access.beside_a_run().confirm().unwrap(), []);
    drop(session);
    assert!(it.access.begin(&mut quiet).is_ok());
    let soon = Some(Duration::from_millis(10));
    assert!(it.access.instead_of_a_run(soon, &mut quiet).is_ok());
}

#[test]
fn an_order_is_on_record_before_it_is_given() {
    let it = host();
    let mut session = it.access.begin(&mut quiet).unwrap();
    let stop = Invocation::new(["systemctl", "stop", "a.service"]);
    it.host.lock().dies_at = Some(0);
    session.order("last stop", "a.service", &stop).unwrap_err();
    assert_eq!(
        it.journal.lock().events(),
        [noted("last stop", "a.service")]
    );
    it.host.lock().dies_at = None;
    session.order("last stop", "a.service", &stop).unwrap();
    assert_eq!(it.host.lock().told.len(), 1);
}

#[test]
fn a_value_beside_a_run_is_noted_only_if_nothing_came_between() {
    let it = host();
    let began = |receipt: &provision::engine::Receipt| receipt.notes.get("run") == Some(&1.into());
    assert!(
        !it.access
            .beside_a_run()
            .note_if("run", true, &began)
            .unwrap()
    );
    it.access.begin(&mut quiet).unwrap().note("run", 1).unwrap();
    assert!(
        it.access
            .beside_a_run()
            .note_if("run", true, &began)
            .unwrap()
    );
    assert!(
        !it.access
            .beside_a_run()
            .note_if("run", true, &began)
            .unwrap()
    );
}

const PRIVATE: Permissions = Permissions {
    uid: 0,
    gid: 0,
    mode: 0o700,
};

#[test]
fn new_files_of_the_host_are_on_record_before_they_are_made() {
    let it = host();
    let dir = Path::new("/etc/app/keys");
    let session = it.access.begin(&mut quiet).unwrap();
    let mut files = session.new_files("last key");
    assert!(it.access.begin(&mut quiet).is_err(), "the lock is held on");
    files.make_dir(dir, PRIVATE).unwrap();
    let writes = it.host.lock().writes;
    it.host.lock().dies_at = Some(writes);
    let put = |files: &mut provision::engine::NewFiles| {
        let mut held = files.hold(dir).unwrap();
        held.put_new(OsStr::new("a.json"), b"key", PRIVATE)
    };
    put(&mut files).unwrap_err();
    let desired = ["/etc/app", "/etc/app/keys", "/etc/app/keys/a.json"];
    assert_eq!(
        it.journal.lock().events(),
        desired.map(|path| noted("last key", path))
    );
    it.host.lock().dies_at = None;
    put(&mut files).unwrap();
    assert_eq!(it.host.lock().text("/etc/app/keys/a.json").unwrap(), "key");
}

#[test]
fn new_files_of_an_operator_need_no_run_and_change_nothing_that_is_there() {
    let it = host();
    let run = it.access.begin(&mut quiet).unwrap();
    let dir = Path::new("/opt/keys");
    let mut files = it.access.new_files();
    files.make_dir(dir, PRIVATE).unwrap();
    files.make_dir(dir, PRIVATE).unwrap();
    let mut held = files.hold(dir).unwrap();
    held.put_new(OsStr::new("a"), b"one", PRIVATE).unwrap();
    held.put_new(OsStr::new("a"), b"two", PRIVATE).unwrap_err();
    for elsewhere in ["../b", "/etc/b", "b/c", "..", ""] {
        held.put_new(OsStr::new(elsewhere), b"two", PRIVATE)
            .unwrap_err();
    }
    assert_eq!(it.host.list(dir).unwrap().unwrap(), ["a"]);
    assert_eq!(it.host.lock().text("/opt/keys/a").unwrap(), "one");
    assert_eq!(it.journal.receipt().unwrap(), Default::default());
    drop(run);
}

#[test]
fn the_same_holds_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let (state, keys) = (dir.path().join("state"), dir.path().join("a/keys"));
    let access = Access::here(Paths {
        state: state.clone(),
        lock: dir.path().join("lock"),
    });
    use std::os::unix::fs::MetadataExt;
    let me = fs::metadata(dir.path()).unwrap();
    let mine = |mode| Permissions {
        uid: me.uid(),
        gid: me.gid(),
        mode,
    };
    let mut files = access.new_files();
    files.make_dir(&keys, mine(0o700)).unwrap();
    let mut held = files.hold(&keys).unwrap();
    let path = held.put_new(OsStr::new("a"), b"one", mine(0o600)).unwrap();
    held.put_new(OsStr::new("a"), b"two", mine(0o600))
        .unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert!(!state.exists(), "nothing is on record");
    let mut files = access.begin(&mut quiet).unwrap().new_files("last key");
    files.make_dir(&keys.join("more"), mine(0o700)).unwrap();
    assert_eq!(
        access.records().receipt().unwrap().notes["last key"],
        keys.join("more").display().to_string()
    );
    assert!(
        provision::host::RealHost.kind(&keys.join("more")).unwrap() == Some(FileType::Directory)
    );
}
