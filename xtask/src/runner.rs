//! Runs tasks in parallel, in the order of the schedule, and reports the result of each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::job::Job;
use crate::machine;
use crate::meter::{self, Meter, Usage};
use crate::report::{Entry, Outcome};
use crate::schedule::{Capacity, Schedule, Task};

/// The time between two samples of memory.
const LOOK: Duration = Duration::from_secs(1);

/// The time between two lines about running tasks.
const STATUS: Duration = Duration::from_secs(60);

/// Runs the chosen jobs. Jobs that they need are chosen too, or done. At `until` it stops waiting for running jobs:
/// they count as failed, and end with this process.
pub fn run(
    jobs: &Arc<Vec<Job>>,
    chosen: &[usize],
    capacity: Capacity,
    until: Option<Instant>,
) -> Vec<Entry> {
    Run::new(jobs, chosen, capacity).finish(until)
}

struct Run<'a> {
    jobs: &'a Arc<Vec<Job>>,
    chosen: &'a [usize],
    schedule: Schedule,
    begin: Instant,
    /// Each result, by position among the chosen jobs.
    meters: Vec<Option<Arc<Meter>>>,
    entries: Vec<Entry>,
}

/// The position of an ended job, its result, and its resources.
type End = (usize, Result<()>, Usage);

impl Run<'_> {
    fn new<'a>(jobs: &'a Arc<Vec<Job>>, chosen: &'a [usize], capacity: Capacity) -> Run<'a> {
        let place = |job: &usize| chosen.iter().position(|other| other == job);
        let tasks = chosen.iter().map(|&job| Task {
            // Jobs that are not chosen are done.
            needs: jobs[job].task.needs.iter().filter_map(place).collect(),
            ..jobs[job].task.clone()
        });
        Run {
            jobs,
            chosen,
            schedule: Schedule::new(tasks.collect(), capacity),
            begin: Instant::now(),
            meters: vec![None; chosen.len()],
            entries: Vec::new(),
        }
    }

    fn finish(mut self, until: Option<Instant>) -> Vec<Entry> {
        let (sender, ends) = mpsc::channel::<End>();
        let mut status = Instant::now();
        while self.schedule.left() > 0 {
            while let Some(place) = self.schedule.start(self.begin.elapsed().as_secs_f64()) {
                self.start(place, sender.clone());
            }
            match ends.recv_timeout(LOOK) {
                Ok(end) => self.end(end),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.meters
                .iter()
                .flatten()
                .for_each(|meter| meter.sample());
            if status.elapsed() >= STATUS {
                status = Instant::now();
                self.say_status();
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                self.give_up();
                break;
            }
        }
        self.entries
    }

    fn start(&mut self, place: usize, sender: mpsc::Sender<End>) {
        let (jobs, job) = (Arc::clone(self.jobs), self.chosen[place]);
        println!("== {}", jobs[job].name);
        let meter = Meter::new(jobs[job].name, machine::group_of_task().ok());
        self.meters[place] = Some(Arc::clone(&meter));
        // The thread is not scoped: a job that hangs must not hold back the report of the others.
        std::thread::spawn(move || {
            let (outcome, usage) = meter::measured(&meter, || {
                catch_unwind(AssertUnwindSafe(|| (jobs[job].run)()))
                    .unwrap_or_else(|_| Err(anyhow!("it panicked")))
            });
            // The receiver may be gone.
            let _ = sender.send((place, outcome, usage));
        });
    }

    fn end(&mut self, (place, outcome, usage): End) {
        self.meters[place] = None;
        let outcome = match outcome {
            Ok(()) => Outcome::Passed,
            // One cause per line, and no backtrace, which would only show the inside of xtask.
            Err(error) => {
                let causes = error.chain().map(ToString::to_string);
                Outcome::Failed(causes.collect::<Vec<_>>().join("\n"))
            }
        };
        self.note(place, outcome, usage);
    }

    fn note(&mut self, place: usize, outcome: Outcome, usage: Usage) {
        let cpu = usage.cpu.map(|cpu| cpu.as_secs_f64());
        let lost = self.schedule.end(place, outcome == Outcome::Passed, cpu);
        let job = &self.jobs[self.chosen[place]];
        let entry = Entry::new(self.chosen[place], job, outcome, usage);
        entry.say();
        self.entries.push(entry);
        for lost in lost {
            let position = self.chosen[lost];
            let outcome = Outcome::NotStarted(job.name.to_owned());
            let entry = Entry::new(position, &self.jobs[position], outcome, Usage::default());
            entry.say();
            self.entries.push(entry);
        }
    }

    fn say_status(&self) {
        let running = self.meters.iter().zip(self.chosen);
        let running = running.filter_map(|(meter, &job)| {
            let seconds = meter.as_ref()?.elapsed().as_secs();
            Some(format!("{} {seconds} s", self.jobs[job].name))
        });
        println!(
            "-- after {} s: {} of {} done; running: {}",
            self.begin.elapsed().as_secs(),
            self.entries.len(),
            self.chosen.len(),
            running.collect::<Vec<_>>().join(", ")
        );
    }

    fn give_up(&mut self) {
        for place in self.schedule.running() {
            let usage = Usage {
                wall: self.meters[place]
                    .as_ref()
                    .map_or(Duration::ZERO, |meter| meter.elapsed()),
                ..Usage::default()
            };
            let outcome = Outcome::Failed(
                "it had not ended when the time limit of the run was reached".into(),
            );
            self.note(place, outcome, usage);
        }
        for (place, &job) in self.chosen.iter().enumerate() {
            if self.entries.iter().all(|entry| entry.job != job) {
                let _ = self.schedule.end(place, false, None);
                let outcome = Outcome::NotStarted("more time".into());
                let entry = Entry::new(job, &self.jobs[job], outcome, Usage::default());
                entry.say();
                self.entries.push(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use anyhow::{Result, bail};

    use super::{Job, run};
    use crate::report::Outcome;
    use crate::schedule::{Capacity, Cost, Task};

    const CAPACITY: Capacity = Capacity {
        cores: 2.0,
        memory: 100.0,
    };

    fn job(name: &'static str, needs: &[usize], run: fn() -> Result<()>) -> Job {
        Job {
            name,
            task: Task {
                cost: Cost {
                    wall: 1,
                    cpu: 1,
                    memory: 1,
                },
                needs: needs.to_vec(),
                filler: false,
            },
            statement: true,
            flaky: true,
            run: Box::new(run),
        }
    }

    fn outcomes(jobs: Vec<Job>, chosen: &[usize], until: Option<Instant>) -> Vec<Outcome> {
        let mut entries = run(&Arc::new(jobs), chosen, CAPACITY, until);
        entries.sort_by_key(|entry| entry.job);
        entries.into_iter().map(|entry| entry.outcome).collect()
    }

    #[test]
    fn jobs_that_need_a_failed_one_do_not_run_and_a_panic_is_a_failure() {
        let jobs = vec![
            job("right", &[], || Ok(())),
            job("wrong", &[], || bail!("as it must")),
            job("needs it", &[0, 1], || Ok(())),
            job("panics", &[0], || panic!("as it must")),
        ];
        let [right, wrong, needs, panics] = &outcomes(jobs, &[0, 1, 2, 3], None)[..] else {
            panic!("not four outcomes");
        };
        assert_eq!(*right, Outcome::Passed);
        assert_eq!(*wrong, Outcome::Failed("as it must".into()));
        assert_eq!(*needs, Outcome::NotStarted("wrong".into()));
        assert!(matches!(panics, Outcome::Failed(_)));
    }

    #[test]
    fn jobs_that_are_not_chosen_count_as_done() {
        let jobs = vec![
            job("a", &[], || bail!("not to be run")),
            job("b", &[0], || Ok(())),
        ];
        assert_eq!(outcomes(jobs, &[1], None), [Outcome::Passed]);
    }

    #[test]
    fn a_job_that_hangs_does_not_stop_the_run() {
        let jobs = vec![
            job("hangs", &[], || {
                std::thread::sleep(Duration::from_secs(3600));
                Ok(())
            }),
            job("later", &[0], || Ok(())),
        ];
        let until = Instant::now() + Duration::from_millis(50);
        let outcomes = outcomes(jobs, &[0, 1], Some(until));
        assert!(matches!(outcomes[0], Outcome::Failed(_)));
        assert!(matches!(outcomes[1], Outcome::NotStarted(_)));
    }
}
