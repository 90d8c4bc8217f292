use super::*;
use crate::host::fake::FakeHost;
use crate::tools::systemctl;

fn diff(load: &str, needs_reload: bool) -> Diff {
    let service = Service {
        unit: "x.service".into(),
        active: true,
        at_boot: false,
        inputs: Vec::new(),
    };
    service.diff(&Seen {
        state: UnitState {
            load: load.into(),
            active: "active".into(),
            needs_reload,
            ..UnitState::default()
        },
        stale: Vec::new(),
        inputs: BTreeMap::new(),
        stamps: BTreeMap::new(),
    })
}

#[test]
fn a_unit_that_systemd_skipped_is_reported_with_its_condition() {
    let mut host = FakeHost::debian();
    let lines = "1795420001.000000 systemd[1]: chrony.service - chrony was skipped because of an unmet condition check (ConditionVirtualization=!container).\n";
    host.journals.insert("chrony.service".into(), lines.into());
    let skipped = UnitState {
        active: "inactive".into(),
        unmet: Some(systemctl::Unmet::Condition),
        ..UnitState::default()
    };
    let fault = ended_at_start("chrony.service", &skipped, &host).chain();
    assert_eq!(
        fault,
        "systemd did not start chrony.service: ConditionVirtualization=!container was not met"
    );
    let forgotten = UnitState {
        active: "inactive".into(),
        ..UnitState::default()
    };
    assert_eq!(
        ended_at_start("chrony.service", &forgotten, &host).chain(),
        fault
    );
}

#[test]
fn a_running_unit_that_systemd_could_not_read_is_reloaded() {
    // Seen after a kill while its file was gone: the process runs, and `systemctl start` of a unit that
    // requires it fails with "failed to load properly".
    for (load, needs_reload) in [("error", false), ("not-found", false), ("loaded", true)] {
        assert!(
            matches!(diff(load, needs_reload), Diff::Change(_)),
            "{load}"
        );
    }
    assert!(matches!(diff("loaded", false), Diff::InSync(_)));
}
