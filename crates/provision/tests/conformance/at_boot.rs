//! A service of a package runs, and runs again after a boot. A disabled one is enabled without a restart, and is
//! disabled again when it becomes a leftover.

use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::fake::{FakeHost, Fate};
use provision::host::{FileType, HostMut, Invocation};
use provision::kinds::Service;

use crate::common::{self, run};

provision::resources! {
    /// The one kind.
    enum Host {
        Service(Service),
    }
}

const UNIT: &str = "x.service";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/x.service";

fn graph() -> Graph<Host> {
    let mut graph = Graph::default();
    let service = Service {
        unit: UNIT.into(),
        active: true,
        at_boot: true,
        inputs: Vec::new(),
    };
    graph.add(service, []);
    graph
}

/// It runs, but would not after a boot.
fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    let path = format!("/etc/systemd/system/{UNIT}");
    host.plant(&path, FileType::File, b"[Service]\n", 0o644);
    for argv in [
        ["systemctl", "daemon-reload"].as_slice(),
        &["systemctl", "start", UNIT],
    ] {
        host.tell(&Invocation::new(argv.iter().copied())).unwrap();
    }
    host
}

fn starts_at_boot(host: &FakeHost) -> bool {
    host.tree.contains_key(std::path::Path::new(LINK))
}

#[test]
fn what_would_not_start_at_boot_is_enabled_and_not_restarted() {
    let mut host = host();
    let mut journal = MemoryJournal::default();
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &host).unwrap();
    let shown = format!("{plan:?}");
    assert!(
        shown.contains("at boot") && !shown.contains("\"state\""),
        "{shown}"
    );
    run(&mut host, &mut journal, &graph()).unwrap();
    assert!(starts_at_boot(&host));
    assert_eq!(host.units[UNIT].starts, 1);
    let plan = Plan::make(&graph(), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");

    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert!(!starts_at_boot(&host), "not as before");
    assert_eq!(host.units[UNIT].active, "active");
}

#[test]
fn what_started_at_boot_before_still_does_afterwards() {
    let mut host = host();
    let mut journal = MemoryJournal::default();
    host.tell(&Invocation::new(["systemctl", "enable", UNIT]))
        .unwrap();
    host.tell(&Invocation::new(["systemctl", "stop", UNIT]))
        .unwrap();
    run(&mut host, &mut journal, &graph()).unwrap();
    assert_eq!(host.units[UNIT].active, "active");
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert!(starts_at_boot(&host));
    assert_eq!(host.units[UNIT].active, "inactive");
}

#[test]
fn a_skipped_or_dead_service_is_reported_with_the_reason() {
    for (fate, line, reported) in [
        (
            Fate::Skipped,
            "x was skipped because of an unmet condition check (ConditionACPower=true).",
            "ConditionACPower=true was not met",
        ),
        (
            Fate::Refused,
            "x.service: Starting requested but asserts failed.",
            "Assertion failed on job for x.service",
        ),
        (
            Fate::Dies,
            "cannot open /srv/x.conf",
            "cannot open /srv/x.conf",
        ),
    ] {
        let mut host = host();
        host.tell(&Invocation::new(["systemctl", "stop", UNIT]))
            .unwrap();
        host.units.get_mut(UNIT).unwrap().fate = fate;
        let line = format!("1795420001.000000 systemd[1]: {line}\n");
        host.journals.insert(UNIT.into(), line);
        let stop = run(&mut host, &mut MemoryJournal::default(), &graph()).unwrap_err();
        let chain = stop.fault.chain();
        assert!(chain.contains(reported) && chain.contains(UNIT), "{chain}");
        let fix = stop.fault.remedy().unwrap();
        assert!(!fix.contains("Something else"), "{fix}");
    }
}

#[test]
fn whatever_is_killed_is_healed() {
    common::walked(&graph(), host(), &[]);
}
