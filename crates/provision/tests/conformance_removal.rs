//! A unit that is no longer wanted takes nothing with it: systemd is told, so that the ones that stay are not
//! called outdated because of it.

mod common;

use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::fake::FakeHost;
use provision::kinds::{Service, Unit};

provision::resources! {
    /// What runs.
    enum Host {
        Unit(Unit),
        Service(Service),
    }
}

fn graph(names: &[&str]) -> Graph<Host> {
    let mut graph = Graph::default();
    for name in names {
        let name = format!("{name}.service");
        let unit = Unit {
            name: name.clone(),
            text: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n".into(),
            instances: Vec::new(),
        };
        let unit = graph.add(unit, []);
        let service = Service {
            unit: name,
            active: true,
            at_boot: false,
            inputs: Vec::new(),
        };
        graph.add(service, [unit]);
    }
    graph
}

#[test]
fn the_services_that_stay_are_in_sync_after_another_one_is_gone() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    for names in [&["stays", "goes"][..], &["stays"]] {
        let wanted = graph(names);
        common::run(&mut host, &mut journal, &wanted).unwrap();
        let plan = Plan::make(&wanted, &journal.receipt().unwrap(), &host).unwrap();
        assert!(plan.is_empty(), "{names:?}: {plan:?}");
    }
}
