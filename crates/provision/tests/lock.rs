//! One changing run at a time. These tests have a process of their own, because programs that other tests start would
//! inherit the lock.

use std::time::Duration;

use provision::engine::RunLock;

fn quiet(_: &str) {}

#[test]
fn a_lock_is_for_one_and_says_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let held = RunLock::take(&path, &mut quiet).unwrap();
    let fault = RunLock::take(&path, &mut quiet).unwrap_err();
    let me = std::process::id().to_string();
    assert!(fault.chain().contains(&me), "{}", fault.chain());
    let soon = Duration::from_millis(10);
    assert!(RunLock::after_the_run(&path, soon).unwrap().is_none());
    drop(held);
    assert!(RunLock::after_the_run(&path, soon).unwrap().is_some());
}

#[test]
fn who_waits_gets_the_lock_when_the_run_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let held = RunLock::take(&path, &mut quiet).unwrap();
    let got = std::thread::scope(|scope| {
        let waits = scope.spawn(|| RunLock::after_the_run(&path, Duration::from_secs(60)));
        std::thread::sleep(Duration::from_millis(150));
        drop(held);
        waits.join().unwrap().unwrap()
    });
    assert!(got.is_some());
}
