//! A baseline follows the changes of aztec-kit, and only those.

use provision::engine::{Graph, Journal, MemoryJournal, Plan};
use provision::host::FileType;
use provision::host::fake::FakeHost;
use provision::kills::{State, Walk};
use provision::kinds::{Baseline, File, Owner};

use crate::common::{self, run};

provision::resources! {
    /// A file of aztec-kit, and the program that watches it.
    enum Host {
        File(File),
        Baseline(Baseline),
    }
}

const CONFIG: &str = "/etc/aide.conf";
const OURS: &str = "/etc/ours";
const DATABASE: &str = "/var/lib/aide/base";

fn host() -> FakeHost {
    let mut host = FakeHost::debian();
    host.plant("/var/lib/aide", FileType::Directory, b"", 0o700);
    host
}

fn graph(ours: &str, config: &str) -> Graph<Host> {
    let mut graph = Graph::default();
    let text = format!("{config}\ndatabase_out=file:{DATABASE}.new\n");
    let config = File::new(CONFIG, text, Owner::root(0o600));
    let config_sha256 = config.sha256();
    let after = [
        graph.add(config, []),
        graph.add(File::new(OURS, ours, Owner::root(0o644)), []),
    ];
    let baseline = Baseline {
        config: CONFIG.into(),
        config_sha256,
        database: DATABASE.into(),
        own: vec![OURS.into()],
        packages: vec!["aide".into()],
    };
    graph.add(baseline, after);
    graph
}

/// The arguments of the last call of aide.
fn asked(host: &FakeHost) -> Vec<String> {
    let mut calls = host.told.iter().rev().filter_map(|argv| {
        let aide = argv.iter().position(|word| word.ends_with("/aide"))?;
        Some(argv[aide + 3..].to_vec())
    });
    calls.next().unwrap_or_default()
}

#[test]
fn it_is_taken_once_then_only_of_what_is_ours() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    run(&mut host, &mut journal, &graph("one", "v1")).unwrap();
    assert_eq!(asked(&host), ["--init"]);
    let told = host.told.len();
    let plan = Plan::make(&graph("one", "v1"), &journal.receipt().unwrap(), &host).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    // A change by others does not affect the baseline.
    host.plant("/etc/foreign", FileType::File, b"x", 0o644);
    run(&mut host, &mut journal, &graph("one", "v1")).unwrap();
    assert_eq!(host.told.len(), told);
    run(&mut host, &mut journal, &graph("two", "v1")).unwrap();
    assert_eq!(asked(&host), ["--update", "--limit=^(/etc/ours)(/|$)"]);
    assert!(host.text(&format!("{DATABASE}.foreign")).is_none());
}

#[test]
fn with_another_configuration_what_others_changed_is_told() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let before = host.shape();
    run(&mut host, &mut journal, &graph("one", "v1")).unwrap();
    run(&mut host, &mut journal, &graph("one", "v2")).unwrap();
    assert_eq!(asked(&host), ["--update"]);
    assert_eq!(
        host.text(&format!("{DATABASE}.foreign")).unwrap(),
        "/etc/foreign"
    );
    run(&mut host, &mut journal, &Graph::<Host>::default()).unwrap();
    assert_eq!(host.shape(), before);
}

#[test]
fn whatever_is_killed_is_healed() {
    // After a kill before the subject of a database is on record, everything is read again. The aide of the host in
    // memory always finds a change by others then.
    let foreign = format!("{DATABASE}.foreign");
    common::walked(&graph("one", "v1"), host(), &[&foreign]);
    let mut from = State::new(host());
    from.run(&graph("one", "v1"), None).ended.unwrap();
    let walk = Walk {
        graph: &graph("two", "v1"),
        secrets: &[],
        loose: &[&foreign],
        derived: &[],
    };
    walk.apply(&from).unwrap();
}

#[test]
fn a_clock_that_jumps_has_it_taken_once_at_the_most() {
    let graph = graph("one", "v1");
    let foreign = format!("{DATABASE}.foreign");
    let walk = Walk {
        graph: &graph,
        secrets: &[],
        loose: &[&foreign],
        derived: &[],
    };
    assert!(common::jumped(&walk, host()) > 10);
    common::stamped_in_the_future(&graph, host(), OURS);
}

/// aztec-kit makes a change at a time that the clock takes for one before the baseline.
#[test]
fn a_clock_that_was_set_back_hides_no_own_change() {
    let (mut host, mut journal) = (common::of_our_days(host()), MemoryJournal::default());
    run(&mut host, &mut journal, &graph("one", "v1")).unwrap();
    host.jump(-common::DAY);
    run(&mut host, &mut journal, &graph("two", "v1")).unwrap();
    assert_eq!(asked(&host), ["--update", "--limit=^(/etc/ours)(/|$)"]);
}
