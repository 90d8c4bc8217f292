//! The contract of every kind, tested on a host in memory.
//!
//! For each kind: the second apply is a no-op, the diff lists every field, and revert restores. Kills are tested in
//! `kills.rs`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use provision::engine::{
    Action, Apply, Change, Consent, Graph, Journal, MemoryJournal, Outcome, Plan, Quiet, Resource,
    Stop,
};
use provision::host::fake::FakeHost;
use provision::host::{FileType, HostMut, Invocation, Probe};
use provision::kinds::{File, Input, Owner, Service, Unit, User};

use crate::common::cases::{Host, cases, graph, plan, secret, shape, user};
use crate::common::run;

fn fields(changes: &[Change]) -> Vec<&str> {
    changes
        .iter()
        .map(|change| match change {
            Change::Field { field, .. } => field.as_str(),
            Change::Content { .. } => "content",
        })
        .collect()
}

#[test]
fn the_diff_lists_every_field() {
    for case in cases() {
        let plan = plan(&case.host, &MemoryJournal::default(), &case.graph);
        let last = plan.steps.last().unwrap();
        assert_eq!(fields(&last.changes), case.fields, "{}", case.name);
    }
}

#[test]
fn looking_changes_nothing() {
    for case in cases() {
        let before = case.host.clone();
        plan(&case.host, &MemoryJournal::default(), &case.graph);
        assert_eq!(before.tree, case.host.tree, "{}", case.name);
        assert_eq!(case.host.writes, 0, "{}", case.name);
    }
}

#[test]
fn the_second_apply_is_a_noop() {
    for mut case in cases() {
        let mut journal = MemoryJournal::default();
        run(&mut case.host, &mut journal, &case.graph)
            .unwrap_or_else(|stop| panic!("{}: {stop:?}", case.name));
        let (writes, receipt) = (case.host.writes, journal.receipt().unwrap());
        let second = run(&mut case.host, &mut journal, &case.graph).unwrap();
        assert!(second.applied.is_empty(), "{}: {second:?}", case.name);
        assert_eq!(case.host.writes, writes, "{}", case.name);
        assert_eq!(journal.receipt().unwrap(), receipt, "{}", case.name);
        let plan = plan(&case.host, &journal, &case.graph);
        assert!(plan.is_empty(), "{}", case.name);
        assert!(
            plan.steps.iter().all(|step| step.because.is_some()),
            "{}",
            case.name
        );
    }
}

#[test]
fn reverting_restores_the_host() {
    for mut case in cases() {
        let before = shape(&case.host, case.leaves);
        let mut journal = MemoryJournal::default();
        run(&mut case.host, &mut journal, &case.graph).unwrap();
        run(&mut case.host, &mut journal, &Graph::<Host>::default())
            .unwrap_or_else(|stop| panic!("{}: {stop:?}", case.name));
        assert_eq!(shape(&case.host, case.leaves), before, "{}", case.name);
        assert!(
            journal.receipt().unwrap().entries.is_empty(),
            "{}",
            case.name
        );
        for left in case.leaves {
            assert!(
                case.host.text(left).is_some(),
                "{}: {left} must stay",
                case.name
            );
        }
    }
}

#[test]
fn an_adopted_resource_is_never_removed() {
    for mut case in cases() {
        run(&mut case.host, &mut MemoryJournal::default(), &case.graph).unwrap();
        // For a new journal, everything existed before.
        let before = case.host.shape();
        let mut journal = MemoryJournal::default();
        run(&mut case.host, &mut journal, &case.graph).unwrap();
        run(&mut case.host, &mut journal, &Graph::<Host>::default()).unwrap();
        assert_eq!(case.host.shape(), before, "{}", case.name);
    }
}

#[test]
fn what_was_adopted_and_then_changed_goes_back_to_what_was_adopted() {
    let file = |content: &str| -> Graph<Host> {
        graph(vec![
            File::new("/etc/a", content, Owner::root(0o644)).into(),
        ])
    };
    let mut host = FakeHost::debian();
    host.plant("/etc/a", FileType::File, b"one\n", 0o644);
    let mut journal = MemoryJournal::default();
    run(&mut host, &mut journal, &file("one\n")).unwrap();
    run(&mut host, &mut journal, &file("two\n")).unwrap();
    assert_eq!(host.text("/etc/a").unwrap(), "two\n");
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(host.text("/etc/a").unwrap(), "one\n");
}

#[test]
fn a_user_that_is_made_again_owns_what_it_had() {
    let graph = graph(user());
    let mut host = FakeHost::debian();
    host.plant("/var/lib/aztec", FileType::Directory, b"", 0o750);
    host.own(Path::new("/var/lib/aztec"), 777, 777, 0o750)
        .unwrap();
    let seen = plan(&host, &MemoryJournal::default(), &graph);
    assert!(
        format!("{:?}", seen.steps[1].changes).contains("777"),
        "{seen:?}"
    );
    run(&mut host, &mut MemoryJournal::default(), &graph).unwrap();
    let passwd = host.text("/etc/passwd").unwrap();
    assert!(passwd.contains("aztec:x:777:"), "{passwd}");
    // If root owns the home, the owner of a file of its group shows the id, at any depth of directories of root.
    for below in ["node", "v6/node"] {
        let mut host = FakeHost::debian();
        let home = Path::new("/var/lib/aztec");
        for (path, uid, gid) in [
            (home.to_owned(), 0, 778),
            (home.join("lost+found"), 0, 0),
            (home.join("of-another"), 1234, 1234),
            (home.join("v6"), 0, 778),
            (home.join(below), 777, 778),
        ] {
            let shown = path.display().to_string();
            host.plant(&shown, FileType::Directory, b"", 0o750);
            host.own(&path, uid, gid, 0o750).unwrap();
        }
        run(&mut host, &mut MemoryJournal::default(), &graph).unwrap();
        let passwd = host.text("/etc/passwd").unwrap();
        assert!(passwd.contains("aztec:x:777:"), "{below}: {passwd}");
    }
    // An id that belongs to another account is not used.
    let mut host = FakeHost::debian();
    host.plant("/var/lib/aztec", FileType::Directory, b"", 0o750);
    host.plant(
        "/etc/passwd",
        FileType::File,
        b"root:x:0:0::/root:/bin/sh\nother:x:777:777::/:/bin/sh\n",
        0o644,
    );
    host.own(Path::new("/var/lib/aztec"), 777, 777, 0o750)
        .unwrap();
    run(&mut host, &mut MemoryJournal::default(), &graph).unwrap();
    let passwd = host.text("/etc/passwd").unwrap();
    assert!(!passwd.contains("aztec:x:777:"), "{passwd}");
}

#[test]
fn a_secret_that_is_gone_is_not_silently_made_anew() {
    let graph = graph(vec![secret().into()]);
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &graph).unwrap();
    host.tree.remove(&PathBuf::from("/etc/key"));
    let shown = format!("{:?}", plan(&host, &journal, &graph));
    assert!(
        shown.contains("and missing") && shown.contains("backup"),
        "{shown}"
    );
    let stop = run(&mut host, &mut journal, &graph).unwrap_err();
    assert!(
        stop.fault.chain().contains("is missing"),
        "{}",
        stop.fault.chain()
    );
    assert!(stop.fault.remedy().unwrap().contains("backup"));
    assert!(host.text("/etc/key").is_none());
}

/// A service that reads one file.
fn with_input(content: &str) -> Graph<Host> {
    let mut graph = graph(vec![
        File::new("/etc/env", content, Owner::root(0o640)).into(),
        Unit {
            name: "x.service".into(),
            text: "[Service]\n".into(),
            instances: Vec::new(),
        }
        .into(),
    ]);
    let id = graph.nodes()[0].resource.id();
    let unit = graph.nodes()[1].resource.id();
    let input = Input {
        id: id.clone(),
        path: "/etc/env".into(),
        wanted: Some(const_hex::encode(<sha2::Sha256 as sha2::Digest>::digest(
            content,
        ))),
    };
    let service = Service {
        unit: "x.service".into(),
        active: true,
        at_boot: false,
        inputs: vec![input],
    };
    graph.add(service, [id, unit]);
    graph
}

fn starts(host: &FakeHost) -> u32 {
    host.units["x.service"].starts
}

#[test]
fn a_changed_input_restarts_the_service_once_even_when_the_run_dies_in_between() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &with_input("a=1\n")).unwrap();
    assert_eq!(starts(&host), 1);
    let desired = with_input("a=2\n");
    let shown = plan(&host, &journal, &desired);
    assert_eq!(
        shown.pending().count(),
        2,
        "the restart is shown before it happens"
    );
    let before = journal.clone();
    // The file has its name, then the run dies before the restart.
    let begin = host.clone();
    while host.text("/etc/env").unwrap() != "a=2\n" {
        let at = host.dies_at.unwrap_or(begin.writes) + 1;
        (host, journal) = (begin.clone(), before.clone());
        host.dies_at = Some(at);
        run(&mut host, &mut journal, &desired).unwrap_err();
    }
    assert_eq!(
        (starts(&host), host.text("/etc/env").unwrap()),
        (1, "a=2\n".into())
    );
    host.dies_at = None;
    assert_eq!(plan(&host, &journal, &desired).pending().count(), 1);
    run(&mut host, &mut journal, &desired).unwrap();
    assert_eq!(starts(&host), 2);
    run(&mut host, &mut journal, &desired).unwrap();
    assert_eq!(starts(&host), 2);
}

#[test]
fn repairing_drift_under_a_process_that_never_read_it_restarts_nothing() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let desired = with_input("a=1\n");
    run(&mut host, &mut journal, &desired).unwrap();
    host.plant("/etc/env", FileType::File, b"a=drifted\n", 0o640);
    run(&mut host, &mut journal, &desired).unwrap();
    assert_eq!(
        (starts(&host), host.text("/etc/env").unwrap()),
        (1, "a=1\n".into())
    );
}

#[test]
fn a_process_that_an_operator_started_with_drifted_inputs_is_restarted() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let desired = with_input("a=1\n");
    run(&mut host, &mut journal, &desired).unwrap();
    host.plant("/etc/env", FileType::File, b"a=drifted\n", 0o640);
    let now = host.clock().monotonic_us;
    let unit = host.units.get_mut("x.service").unwrap();
    (unit.starts, unit.started_us) = (2, now);
    assert_eq!(plan(&host, &journal, &desired).pending().count(), 2);
    run(&mut host, &mut journal, &desired).unwrap();
    assert_eq!(starts(&host), 3);
    assert!(plan(&host, &journal, &desired).is_empty());
}

#[test]
fn a_service_that_was_stopped_is_changed_and_not_made() {
    let graph = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let last = |host: &FakeHost, journal: &MemoryJournal| {
        plan(host, journal, &graph).steps.last().unwrap().action
    };
    assert_eq!(last(&host, &journal), Action::Create);
    run(&mut host, &mut journal, &graph).unwrap();
    host.tell(&Invocation::new(["systemctl", "stop", "x.service"]))
        .unwrap();
    assert_eq!(last(&host, &journal), Action::Update);
}

#[test]
fn a_host_whose_systemd_does_not_answer_is_told_and_not_touched() {
    let desired = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    host.silent = true;
    let seen = Plan::make(&desired, &journal.receipt().unwrap(), &host).unwrap_err();
    assert!(seen.chain().contains("systemctl does not answer"));
    let stop = run(&mut host, &mut journal, &desired).unwrap_err();
    assert_eq!(stop.fault.chain(), seen.chain());
    assert_eq!(host.writes, 0);
    assert!(journal.receipt().unwrap().entries.is_empty());
    host.silent = false;
    run(&mut host, &mut journal, &desired).unwrap();
}

#[test]
fn a_cancelled_run_stops_between_two_steps_and_can_go_on() {
    let desired = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let stop = Apply {
        host_mut: &mut host,
        journal: &mut journal,
        consent: Consent::Configuration(None),
        cancel: &AtomicBool::new(true),
        progress: &mut Quiet,
    }
    .run(&desired)
    .unwrap_err();
    assert!(stop.fault.chain().contains("interrupted"));
    assert_eq!(host.writes, 0);
    run(&mut host, &mut journal, &desired).unwrap();
}

/// Converges a host as far as the plan was shown.
fn agreed(
    host: &mut FakeHost,
    journal: &mut MemoryJournal,
    graph: &Graph<Host>,
    shown: &Plan,
) -> Result<Outcome, Stop> {
    Apply {
        host_mut: host,
        journal,
        consent: Consent::Plan(shown),
        cancel: &AtomicBool::new(false),
        progress: &mut Quiet,
    }
    .run(graph)
}

fn refused(ended: Result<Outcome, Stop>) {
    let message = ended.expect_err("it went through").fault.chain();
    assert!(
        message.contains("changed since the plan was shown"),
        "{message}"
    );
}

#[test]
fn a_host_that_changed_since_the_plan_was_shown_stops_the_run() {
    let desired = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    host.plant("/etc/env", FileType::File, b"a=0\n", 0o640);
    let shown = plan(&host, &journal, &desired);
    host.plant("/etc/env", FileType::File, b"a=just edited\n", 0o640);
    refused(agreed(&mut host, &mut journal, &desired, &shown));
    assert_eq!(host.text("/etc/env").unwrap(), "a=just edited\n");
}

#[test]
fn what_was_in_sync_when_the_plan_was_shown_was_not_agreed_to() {
    let desired = with_input("a=1\n");
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &desired).unwrap();
    let shown = plan(&host, &journal, &desired);
    assert!(shown.is_empty());
    host.plant("/etc/env", FileType::File, b"a=just edited\n", 0o640);
    refused(agreed(&mut host, &mut journal, &desired, &shown));
    assert_eq!(host.text("/etc/env").unwrap(), "a=just edited\n");
}

/// docs/reference/exit-codes.md: 4 if the host may have changed, even by a part of the first step.
#[test]
fn a_first_step_that_fails_half_way_has_begun() {
    let desired = graph(vec![
        File::new("/etc/none/file", "x\n", Owner::root(0o644)).into(),
    ]);
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let stop = run(&mut host, &mut journal, &desired).unwrap_err();
    assert!(stop.begun && stop.applied.is_empty(), "{stop:?}");
    // A refused step has not begun.
    let shown = plan(&host, &journal, &Graph::default());
    let stop = agreed(&mut host, &mut journal, &desired, &shown).unwrap_err();
    assert!(!stop.begun, "{stop:?}");
}

/// The restart of a service whose configuration changes needs no further consent.
#[test]
fn what_follows_from_an_agreed_step_was_agreed_to() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    run(&mut host, &mut journal, &with_input("a=1\n")).unwrap();
    let desired = with_input("a=2\n");
    let shown = plan(&host, &journal, &desired);
    let done = agreed(&mut host, &mut journal, &desired, &shown).unwrap();
    assert!(done.applied.len() >= 2, "{done:?}");
}

#[test]
fn a_removal_that_was_not_shown_stops_the_run() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let shown = plan(&host, &journal, &Graph::default());
    // Another run changes the host in between.
    run(&mut host, &mut journal, &with_input("a=1\n")).unwrap();
    let before = host.shape();
    refused(agreed(&mut host, &mut journal, &Graph::default(), &shown));
    assert_eq!(host.shape(), before);
    let shown = plan(&host, &journal, &Graph::default());
    agreed(&mut host, &mut journal, &Graph::default(), &shown).unwrap();
    assert!(host.text("/etc/env").is_none());
}

/// Edits during a run are not lost.
#[test]
fn a_file_takes_the_place_of_what_was_read_and_of_nothing_else() {
    let desired = |read: &str| {
        graph(vec![
            File::new("/etc/conf", "new\n", Owner::root(0o600))
                .instead_of(read)
                .into(),
        ])
    };
    for (there, read, after) in [
        (Some("old\n"), "old\n", "new\n"),
        (Some("edited\n"), "old\n", "edited\n"),
        (Some("edited\n"), "", "edited\n"),
        (Some("new\n"), "old\n", "new\n"),
        (None, "old\n", "new\n"),
    ] {
        let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
        if let Some(text) = there {
            host.plant("/etc/conf", FileType::File, text.as_bytes(), 0o644);
        }
        let ended = run(&mut host, &mut journal, &desired(read));
        assert_eq!(ended.is_ok(), after == "new\n", "{there:?} {read:?}");
        assert_eq!(host.text("/etc/conf").unwrap(), after, "{there:?} {read:?}");
        if let Err(stop) = ended {
            assert!(stop.fault.chain().contains("was edited"), "{stop:?}");
        }
    }
}

/// An account that somebody logs in with keeps its shell and its home, and no later step runs.
#[test]
fn an_account_that_somebody_logs_in_with_is_not_taken() {
    let (mut host, mut journal) = (FakeHost::debian(), MemoryJournal::default());
    let passwd = "root:x:0:0:root:/root:/bin/bash\naztec:x:1000:1000:,,,:/home/aztec:/bin/bash\n";
    let group = "root:x:0:\naztec:x:1000:\nsudo:x:27:aztec\n";
    host.plant("/etc/passwd", FileType::File, passwd.as_bytes(), 0o644);
    host.plant("/etc/group", FileType::File, group.as_bytes(), 0o644);
    let desired = User {
        name: "aztec".into(),
        group: "aztec".into(),
        home: "/var/lib/aztec".into(),
        shell: "/usr/sbin/nologin".into(),
    };
    let desired = graph(vec![desired.into()]);
    let stop = run(&mut host, &mut journal, &desired).unwrap_err();
    assert!(
        stop.fault.chain().contains("user id of a person"),
        "{stop:?}"
    );
    assert!(
        stop.fault
            .remedy()
            .is_some_and(|fix| fix.contains("usermod --login"))
    );
    assert_eq!(host.text("/etc/passwd").unwrap(), passwd);
}
