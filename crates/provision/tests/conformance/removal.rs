//! Leftovers are reverted: recorded before that begins, completed after a kill, and without the removal of anything
//! else.

use std::collections::BTreeSet;

use provision::engine::{Event, Graph, Journal, MemoryJournal, Plan};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kinds::{Directory, File, NftTable, Owner, Service, Unit};

use crate::common::cases::{Case, Host, cases, plan, shape};
use crate::common::run;

fn units(names: &[&str]) -> Graph<Host> {
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

/// systemd reads its units again, so that the remaining ones do not count as outdated.
#[test]
fn the_services_that_stay_are_in_sync_after_another_one_is_gone() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    for names in [&["stays", "goes"][..], &["stays"]] {
        let desired = units(names);
        run(&mut host, &mut journal, &desired).unwrap();
        let plan = Plan::make(&desired, &journal.receipt().unwrap(), &host).unwrap();
        assert!(plan.is_empty(), "{names:?}: {plan:?}");
    }
}

/// The host after a removal that died at write `n`, its journal, and whether it died.
fn half_removed(case: &Case, n: usize) -> (FakeHost, MemoryJournal, bool) {
    let (mut host, mut journal) = (case.host.clone(), MemoryJournal::default());
    run(&mut host, &mut journal, &case.graph).unwrap();
    let already = host.writes;
    host.dies_at = Some(already + n);
    let died = run(&mut host, &mut journal, &Graph::<Host>::default()).is_err();
    host.dies_at = None;
    (host, journal, died)
}

#[test]
fn a_removal_that_dies_is_on_record_and_can_be_completed_or_cancelled() {
    for case in cases() {
        let before = shape(&case.host, case.leaves);
        for n in 0.. {
            let (mut host, mut journal, died) = half_removed(&case, n);
            let open = journal.receipt().unwrap().entries;
            let open = open.iter().filter(|entry| entry.open).count();
            assert_eq!(open, usize::from(died), "{} at write {n}", case.name);
            run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
            assert_eq!(
                shape(&host, case.leaves),
                before,
                "{} at write {n}",
                case.name
            );
            if !died {
                break;
            }
            let (mut host, mut journal, _) = half_removed(&case, n);
            run(&mut host, &mut journal, &case.graph)
                .unwrap_or_else(|stop| panic!("{} at write {n}: {stop:?}", case.name));
            assert!(
                plan(&host, &journal, &case.graph).is_empty(),
                "{} at write {n}",
                case.name
            );
        }
    }
}

/// docs/reference/json.md: a plan lists the removals in the order in which they happen.
#[test]
fn a_plan_lists_what_goes_among_its_steps() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    host.plant("/etc/there", FileType::File, b"a\n", 0o644);
    let mut first = Graph::<Host>::default();
    for path in ["/etc/there", "/etc/made"] {
        first.add(File::new(path, "a\n", Owner::root(0o644)), []);
    }
    run(&mut host, &mut journal, &first).unwrap();
    let mut second = Graph::<Host>::default();
    second.add(File::new("/etc/new", "a\n", Owner::root(0o644)), []);
    let plan = Plan::make(&second, &journal.receipt().unwrap(), &host).unwrap();
    let steps = serde_json::to_value(&plan).unwrap()["steps"].take();
    let steps = steps.as_array().unwrap().iter();
    let steps: Vec<_> = steps
        .map(|step| format!("{} {}", step["action"], step["id"]))
        .collect();
    assert_eq!(
        steps,
        [
            r#""create" "file[/etc/new]""#,
            r#""remove" "file[/etc/made]""#,
            r#""forget" "file[/etc/there]""#,
        ]
    );
    let why = &serde_json::to_value(&plan).unwrap()["steps"][1]["because"];
    assert_eq!(why, "no longer part of the configuration");
}

/// Services behind a table that closes a port for each.
fn closed(names: &[&str]) -> Graph<Host> {
    let mut desired = Graph::default();
    let ports: Vec<_> = names.iter().map(|name| format!("\t\t# {name}\n")).collect();
    let table = desired.add(
        NftTable {
            table: "inet closed".into(),
            chains: format!("\tchain input {{\n{}\t}}\n", ports.concat()),
            path: "/etc/closed.nft".into(),
            unit: "closed.service".into(),
            about: "A test".into(),
            commit_confirmed: false,
            routed: false,
        },
        [],
    );
    for node in units(names).nodes() {
        let mut after = node.after.clone();
        if matches!(node.resource, Host::Service(_)) {
            after.push(table.clone());
        }
        desired.add(node.resource.clone(), after);
    }
    desired
}

/// Otherwise its port would be open until it has stopped.
#[test]
fn a_service_that_goes_is_gone_before_what_it_came_after_is_changed() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    run(&mut host, &mut journal, &closed(&["stays", "goes"])).unwrap();
    let less = closed(&["stays"]);
    let plan = Plan::make(&less, &journal.receipt().unwrap(), &host).unwrap();
    let planned: Vec<_> = plan.pending().map(|step| step.id.to_string()).collect();
    assert_eq!(
        planned,
        [
            "service[goes.service]",
            "nft_table[inet closed]",
            "unit[goes.service]",
        ]
    );
    let told = host.told.len();
    let applied = run(&mut host, &mut journal, &less).unwrap().applied;
    let applied: Vec<_> = applied.iter().map(|step| step.id.to_string()).collect();
    assert_eq!(applied, planned);
    let at = |words: &[&str]| {
        let words = |order: &Vec<String>| order.iter().map(String::as_str).eq(words.to_vec());
        host.told[told..].iter().position(words).unwrap()
    };
    let stopped = at(&["systemctl", "stop", "goes.service"]);
    assert!(stopped < at(&["systemctl", "reload-or-restart", "closed.service"]));
    // A change on which it does not depend does not remove it early.
    let mut other = units(&[]);
    other.add(File::new("/etc/other", "a\n", Owner::root(0o644)), []);
    let plan = Plan::make(&other, &journal.receipt().unwrap(), &host).unwrap();
    let first = plan.pending().next().unwrap().id.to_string();
    assert_eq!(first, "file[/etc/other]");
}

/// A newer version declares a directory that an older one only adopted, after the file in it.
#[test]
fn what_came_after_another_one_is_removed_before_it() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    let file = || File::new("/etc/app/conf", "a\n", Owner::root(0o644));
    host.plant("/etc/app", FileType::Directory, b"", 0o755);
    let mut first = Graph::<Host>::default();
    first.add(file(), []);
    run(&mut host, &mut journal, &first).unwrap();
    let mut second = Graph::<Host>::default();
    let tight = Directory {
        path: "/etc/app".into(),
        owner: Owner::root(0o700),
    };
    let dir = second.add(tight, []);
    second.add(file(), [dir]);
    run(&mut host, &mut journal, &second).unwrap();
    let receipt = journal.receipt().unwrap();
    let order: Vec<_> = receipt.unwanted(&BTreeSet::new());
    let order: Vec<_> = order.iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(order, ["file[/etc/app/conf]", "directory[/etc/app]"]);
}

#[test]
fn what_a_newer_program_made_stops_the_run_before_anything_is_changed() {
    let mut host = FakeHost::debian();
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &units(&["stays"])).unwrap();
    let before = host.shape();
    let event = serde_json::json!({
        "event": "adopted", "id": "lease[x]", "spec": {"lease": {"name": "x"}}, "memory": null,
    });
    let event: Event = serde_json::from_value(event).unwrap();
    journal.append(&event).unwrap();
    let stop = run(&mut host, &mut journal, &units(&["stays", "comes"])).unwrap_err();
    assert!(stop.fault.is_refusal() && stop.applied.is_empty());
    assert!(stop.fault.chain().contains("lease[x]"));
    assert_eq!(host.shape(), before);
}
