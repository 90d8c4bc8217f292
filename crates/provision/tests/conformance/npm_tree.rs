//! An installed release stays as it is when only the way to install it changes.

use provision::engine::{Graph, MemoryJournal};
use provision::host::FileType;
use provision::host::fake::{FakeHost, LOCK};
use provision::kinds::{Lock, NpmTree};

use crate::common::cases::{Host, directory, graph, plan, tree};
use crate::common::run;

/// A host with the small release, its journal, and its desired state.
fn installed() -> (FakeHost, MemoryJournal, Graph<Host>) {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let desired = graph(vec![
        directory("/opt/app"),
        tree(Lock::carried(LOCK)).into(),
    ]);
    run(&mut host, &mut journal, &desired).expect("a run");
    (host, journal, desired)
}

#[test]
fn what_is_left_out_is_not_written_and_no_reason_to_install_again() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    let mut release = tree(Lock::carried(LOCK));
    let desired = graph(vec![directory("/opt/app"), release.clone().into()]);
    run(&mut host, &mut journal, &desired).unwrap();
    let app = "/opt/app/1.0.0/node_modules";
    assert!(host.text(&format!("{app}/app/windows")).is_some());
    for left_out in ["other/windows", "app/main.map", "other/main.map"] {
        assert_eq!(host.text(&format!("{app}/{left_out}")), None, "{left_out}");
    }
    release.prune = vec!["*.md".into()];
    release.without_peers = true;
    let desired = graph(vec![directory("/opt/app"), release.into()]);
    assert!(plan(&host, &journal, &desired).is_empty());
}

#[test]
fn what_an_older_version_put_on_record_is_understood() {
    let spec = r#"{"name":"aztec","version":"4.1.2","root":"/opt/aztec/versions","link":"/opt/aztec/current","manifest":"{}",
        "lock":{"kept":{"path":"/etc/aztec/release-4.1.2-lock.json"}},"prune":[],"check":["node"]}"#;
    let tree: NpmTree = serde_json::from_str(spec).unwrap();
    assert!(!tree.without_peers && matches!(tree.lock, Lock::Kept { .. }));
    let _: Host = tree.into();
}

/// After a power cut or a disk error, names may exist without their content.
#[test]
fn a_package_that_is_there_and_empty_is_seen_and_unpacked_again() {
    let (mut host, mut journal, desired) = installed();
    let about = "/opt/app/1.0.0/node_modules/app/package.json";
    let whole = host.text(about).unwrap();
    host.plant(about, FileType::File, b"", 0o644);
    let seen = plan(&host, &journal, &desired);
    assert!(
        format!("{seen:?}").contains("app was changed after it was unpacked"),
        "{seen:?}"
    );
    run(&mut host, &mut journal, &desired).unwrap();
    assert_eq!(host.text(about).unwrap(), whole);
    assert!(plan(&host, &journal, &desired).is_empty());
}

/// The older release is removed once the newer one is installed, and is the prior state of its link.
#[test]
fn nothing_leads_to_a_release_that_is_gone() {
    let (mut host, mut journal, _) = installed();
    let mut newer = tree(Lock::carried(LOCK));
    newer.version = "1.1.0".into();
    let desired = graph(vec![directory("/opt/app"), newer.into()]);
    run(&mut host, &mut journal, &desired).unwrap();
    assert!(host.text("/opt/app/1.0.0/package.json").is_none());
    let link = std::path::Path::new("/opt/app/current");
    assert_eq!(host.tree[link].bytes, b"/opt/app/1.1.0");
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert!(!host.tree.contains_key(link), "{:?}", host.tree[link]);
}

#[test]
fn what_was_fetched_does_not_run_as_root() {
    let (host, ..) = installed();
    let mut started = host.told.iter().map(|argv| argv.join(" "));
    let started = started.find(|argv| argv.contains("/opt/app/.1.0.0.new/"));
    let started = started.unwrap();
    assert!(
        started.starts_with("setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "),
        "{started}"
    );
}

/// An older version that ran under `umask 077` unpacked it: no service could start from it, and it counted as in sync.
#[test]
fn a_tree_that_only_root_can_enter_is_unpacked_again() {
    for closed in ["/opt/app/1.0.0", "/opt/app/1.0.0/node_modules"] {
        let (mut host, mut journal, desired) = installed();
        host.plant(closed, FileType::Directory, b"", 0o700);
        let seen = format!("{:?}", plan(&host, &journal, &desired));
        assert!(seen.contains("only root can enter"), "{seen}");
        run(&mut host, &mut journal, &desired).unwrap();
        assert_eq!(host.tree[std::path::Path::new(closed)].mode, 0o755);
        assert!(plan(&host, &journal, &desired).is_empty());
    }
}

/// A release is not unpacked again because this version of aztec-kit checks more.
#[test]
fn a_tree_that_an_older_version_unpacked_is_whole() {
    let (mut host, journal, desired) = installed();
    let marker = host
        .tree
        .iter_mut()
        .find(|(path, node)| {
            path.starts_with("/opt/app") && String::from_utf8_lossy(&node.bytes).contains("sizes")
        })
        .map(|(_, node)| node);
    let marker = marker.unwrap();
    let mut text: serde_json::Value = serde_json::from_slice(&marker.bytes).unwrap();
    text.as_object_mut().unwrap().remove("sizes");
    marker.bytes = text.to_string().into_bytes();
    assert!(plan(&host, &journal, &desired).is_empty());
}
