//! The wall clock jumps: back by a day, forward by a year, to 1970 at boot; between two runs, and at each write of one.
//! Actions are recognised by the inputs that were read and by the clock of systemd, and a jump restarts nothing.

use std::path::Path;

use provision::engine::{Graph, Journal, MemoryJournal, ResourceId};
use provision::host::fake::FakeHost;
use provision::host::{FileType, Probe};
use provision::kills::Walk;
use provision::kinds::{File, Input, Owner, Unit};

use crate::common::cases::{Host, cases, directory, graph, plan, service};
use crate::common::{JUMPS, NOW, YEAR, jumped, of_our_days, run};

/// A service that reads a file of aztec-kit, one of the operator, and a directory.
fn reader() -> (FakeHost, Graph<Host>) {
    let mut host = FakeHost::debian();
    host.plant("/etc/theirs", FileType::File, b"b=2\n", 0o644);
    let mut unit = service("x.service");
    let input = |kind: &str, path: &str, wanted: Option<&str>| Input {
        id: ResourceId::new(kind, path),
        path: path.into(),
        wanted: wanted.map(|text| const_hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text))),
    };
    unit.inputs = vec![
        input("file", "/etc/ours", Some("a=1\n")),
        input("file", "/etc/theirs", None),
        input("directory", "/etc/keys", None),
    ];
    let ours = File::new("/etc/ours", "a=1\n", Owner::root(0o640));
    let text = Unit {
        name: "x.service".into(),
        text: "[Service]\n".into(),
        instances: Vec::new(),
    };
    let nodes = [
        directory("/etc/keys"),
        ours.into(),
        text.into(),
        unit.into(),
    ];
    (host, graph(nodes.into()))
}

fn starts(host: &FakeHost) -> u32 {
    host.units["x.service"].starts
}

#[test]
fn a_jump_at_any_write_of_a_run_costs_nothing() {
    let mut jumps = 0;
    let all = cases().into_iter().map(|case| (case.host, case.graph));
    for (host, graph) in all.chain([reader()]) {
        let walk = Walk {
            graph: &graph,
            secrets: &["/etc/key"],
            loose: &[],
            derived: &["/etc/key.env"],
        };
        jumps += jumped(&walk, host);
    }
    assert!(jumps > 200, "only {jumps} jumps");
}

#[test]
fn a_jump_between_two_runs_restarts_nothing() {
    for us in JUMPS {
        let ((host, graph), mut journal) = (reader(), MemoryJournal::default());
        let mut host = of_our_days(host);
        run(&mut host, &mut journal, &graph).unwrap();
        host.jump(us);
        assert!(plan(&host, &journal, &graph).is_empty(), "{us}");
        let (writes, record) = (host.writes, journal.clone());
        run(&mut host, &mut journal, &graph).unwrap();
        assert_eq!((starts(&host), host.writes), (1, writes), "{us}");
        assert_eq!(journal.receipt().unwrap(), record.receipt().unwrap());
    }
}

#[test]
fn a_boot_at_another_time_restarts_nothing() {
    for us in JUMPS {
        let ((host, graph), mut journal) = (reader(), MemoryJournal::default());
        let mut host = of_our_days(host);
        run(&mut host, &mut journal, &graph).unwrap();
        host.jump(us);
        host.boot();
        assert_eq!(starts(&host), 2, "the boot starts it");
        assert!(plan(&host, &journal, &graph).is_empty(), "{us}");
        run(&mut host, &mut journal, &graph).unwrap();
        // Then the clock is corrected.
        host.jump(-us);
        assert!(plan(&host, &journal, &graph).is_empty(), "{us}, set right");
        assert_eq!(starts(&host), 2, "{us}");
    }
}

/// A file that was written while the clock was ahead is newer than any other for a year.
#[test]
fn a_stamp_of_the_future_is_one_restart_at_the_most() {
    let ((host, graph), mut journal) = (reader(), MemoryJournal::default());
    let mut host = of_our_days(host);
    run(&mut host, &mut journal, &graph).unwrap();
    for path in ["/etc/ours", "/etc/theirs", "/etc/keys"] {
        host.tree.get_mut(Path::new(path)).unwrap().changed_us += YEAR;
    }
    // Nothing shows who started the service then and what it read.
    host.boot();
    assert_eq!(plan(&host, &journal, &graph).pending().count(), 1);
    run(&mut host, &mut journal, &graph).unwrap();
    assert_eq!(starts(&host), 3);
    for _ in 0..2 {
        run(&mut host, &mut journal, &graph).unwrap();
        host.boot();
        assert!(plan(&host, &journal, &graph).is_empty());
    }
    // A later change is detected, whatever its stamp.
    host.plant("/etc/theirs", FileType::File, b"b=3\n", 0o644);
    assert_eq!(plan(&host, &journal, &graph).pending().count(), 1);
    assert!(host.text("/etc/theirs").is_some() && host.clock().realtime_us > NOW);
}
