use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::ensure;

use super::capacity::{OVERBOOKED, capacity};
use super::jobs::{ABOUT_CODE, add, jobs};
use super::{Selection, second_tries};
use crate::cases::{CASES, PREPARATIONS};
use crate::report::Report;
use crate::runner;
use crate::schedule::{Capacity, Cost, Schedule};

fn names(selection: &Selection) -> Vec<&'static str> {
    let jobs = jobs(selection).unwrap();
    jobs.iter().map(|job| job.name).collect()
}

#[test]
fn each_task_comes_after_the_tasks_that_it_needs() {
    let jobs = jobs(&Selection::default()).unwrap();
    let needs = PREPARATIONS
        .iter()
        .map(|it| (it.name, it.needs))
        .chain(CASES.iter().map(|it| (it.name, it.needs)));
    for (name, needs) in needs {
        let at = jobs.iter().position(|job| job.name == name).unwrap();
        assert_eq!(jobs[at].task.needs.len(), needs.len(), "{name}");
        assert!(jobs[at].task.needs.iter().all(|need| *need < at), "{name}");
    }
}

#[test]
fn no_name_is_used_twice_and_every_statement_is_listed() {
    let jobs = jobs(&Selection::default()).unwrap();
    let names: BTreeSet<_> = jobs.iter().map(|job| job.name).collect();
    assert_eq!(names.len(), jobs.len());
    let statements = jobs.iter().filter(|job| job.statement).count();
    assert_eq!(statements, ABOUT_CODE.len() + CASES.len());
}

#[test]
fn only_needed_preparations_run() {
    let fast = Selection {
        fast: true,
        ..Selection::default()
    };
    let code = ["formatting", "textual rules", "lints", "unit tests"];
    assert_eq!(names(&fast), code);
    let chosen = Selection {
        cases: vec!["boot".into(), "bookworm".into()],
        ..Selection::default()
    };
    let preparations = ["machine prerequisites", "root trixie", "root bookworm"];
    assert_eq!(
        names(&chosen),
        [&preparations[..], &["boot", "bookworm"]].concat()
    );
    let unknown = Selection {
        cases: vec!["nothing".into()],
        ..Selection::default()
    };
    assert!(jobs(&unknown).is_err());
}

/// The promise of CI, if the costs of the tasks are right.
#[test]
fn as_planned_two_cores_are_done_within_25_minutes() {
    let jobs = jobs(&Selection::default()).unwrap();
    let capacity = Capacity {
        cores: 2.0 * OVERBOOKED,
        memory: 6000.0,
    };
    let tasks = jobs.iter().map(|job| job.task.clone()).collect();
    let mut schedule = Schedule::new(tasks, capacity);
    let mut ends = Vec::new();
    let mut now = 0.0;
    while schedule.left() > 0 {
        while let Some(task) = schedule.start(now) {
            ends.push((now + f64::from(jobs[task].task.cost.wall), task));
        }
        ends.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (end, task) = ends.pop().unwrap();
        now = end;
        schedule.end(task, true, None);
    }
    let cpu: u32 = jobs.iter().map(|job| job.task.cost.cpu).sum();
    println!("{now} s; {cpu} s of CPU");
    assert!(now < 1500.0 && f64::from(cpu) / 2.0 < 1200.0);
}

#[test]
fn a_chance_failure_is_tried_again_and_then_the_tasks_that_need_it() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    let cost = Cost {
        wall: 1,
        cpu: 1,
        memory: 1,
    };
    let mut jobs = Vec::new();
    let shaky = || {
        ensure!(
            TRIES.fetch_add(1, Ordering::Relaxed) > 0,
            "the first try fails"
        );
        Ok(())
    };
    add(&mut jobs, "shaky", &[], cost, Box::new(shaky)).flaky = true;
    add(&mut jobs, "needs it", &["shaky"], cost, Box::new(|| Ok(())));
    let jobs = Arc::new(jobs);
    let mut report = Report::default();
    report.add(runner::run(&jobs, &[0, 1], capacity(), None));
    assert_eq!((report.failed(), report.not_started()), (vec![0], vec![1]));
    second_tries(&mut report, &jobs, Instant::now());
    let expected = "unsteady: shaky failed and then held; find out why\n  the first try fails\n\
                  second tries: 1\n2 passed, 0 failed\n";
    assert_eq!(report.summary(), expected);
}

#[test]
fn this_machine_has_room_for_something() {
    let capacity = capacity();
    assert!(capacity.cores >= 1.0 && capacity.memory > 100.0);
}
