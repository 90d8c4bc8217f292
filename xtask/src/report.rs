//! The report of a run: each check with its result and its resources.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::job::Job;
use crate::meter::Usage;

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Passed,
    /// It failed, for this reason.
    Failed(String),
    /// It was not started, since this job, which it needs, failed.
    NotStarted(String),
}

/// One job of a run.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its position in the list of jobs.
    pub job: usize,
    /// Its last result.
    pub outcome: Outcome,
    name: &'static str,
    statement: bool,
    flaky: bool,
    usage: Usage,
    tries: u32,
    /// The reasons of its earlier failures.
    earlier: Vec<String>,
}

/// The number of lines, of the beginning and of the end of a failure, that the summary repeats, so that the end of a
/// long output shows the reason.
const WHY_LINES: usize = 4;

impl Entry {
    /// The entry of a job that was tried once or not at all.
    pub fn new(position: usize, job: &Job, outcome: Outcome, usage: Usage) -> Entry {
        Entry {
            job: position,
            name: job.name,
            statement: job.statement,
            flaky: job.flaky,
            tries: u32::from(!matches!(outcome, Outcome::NotStarted(_))),
            outcome,
            usage,
            earlier: Vec::new(),
        }
    }

    /// The reason of each failure.
    fn failures(&self) -> impl Iterator<Item = &str> {
        let now = match &self.outcome {
            Outcome::Failed(why) => Some(why.as_str()),
            Outcome::Passed | Outcome::NotStarted(_) => None,
        };
        self.earlier.iter().map(String::as_str).chain(now)
    }

    /// Prints its result.
    pub fn say(&self) {
        let time = self.usage.wall.as_secs_f64();
        match &self.outcome {
            Outcome::Passed => println!("   ok: {} ({time:.1} s)", self.name),
            Outcome::Failed(why) => {
                println!("   FAILED: {} ({time:.1} s)", self.name);
                why.lines().for_each(|line| println!("   {line}"));
            }
            Outcome::NotStarted(need) => println!("   FAILED: {}, which needs {need}", self.name),
        }
    }

    fn row(&self) -> [String; 6] {
        let unknown = || "–".to_owned();
        let mut waits = self.usage.waits.iter();
        let waits: Vec<_> = waits
            .by_ref()
            .filter(|(_, time)| time.as_secs() > 0)
            .take(2)
            .map(|(what, time)| format!("{what} {} s", time.as_secs()))
            .collect();
        [
            self.name.to_owned(),
            self.usage.wall.as_secs().to_string(),
            self.usage
                .cpu
                .map_or_else(unknown, |cpu| cpu.as_secs().to_string()),
            self.usage
                .memory
                .map_or_else(unknown, |memory| memory.to_string()),
            self.tries.to_string(),
            waits.join(", "),
        ]
    }

    fn json(&self) -> Value {
        let waits = self.usage.waits.iter();
        let waits = waits.map(|(what, time)| json!({"for": what, "seconds": time.as_secs_f64()}));
        json!({
            "name": self.name,
            "statement": self.statement,
            "held": self.outcome == Outcome::Passed,
            "tries": self.tries,
            "wall_seconds": self.usage.wall.as_secs_f64(),
            "cpu_seconds": self.usage.cpu.map(|cpu| cpu.as_secs_f64()),
            "memory_mib": self.usage.memory,
            "waits": waits.collect::<Vec<_>>(),
        })
    }
}

/// All jobs of a run.
#[derive(Debug, Default)]
pub struct Report {
    entries: Vec<Entry>,
}

impl Report {
    /// Adds results. A second entry of a job is another try of it.
    pub fn add(&mut self, entries: Vec<Entry>) {
        for mut entry in entries {
            match self.entries.iter_mut().find(|old| old.job == entry.job) {
                Some(old) => {
                    entry.tries += old.tries;
                    entry.usage.wall += old.usage.wall;
                    entry.earlier = old.failures().map(str::to_owned).collect();
                    *old = entry;
                }
                None => self.entries.push(entry),
            }
        }
    }

    /// The jobs that failed by themselves.
    pub fn failed(&self) -> Vec<usize> {
        self.of(|entry| matches!(entry.outcome, Outcome::Failed(_)))
    }

    /// The jobs that failed by themselves, and may succeed in a second try.
    pub fn flaky_failures(&self) -> Vec<usize> {
        self.of(|entry| entry.flaky && matches!(entry.outcome, Outcome::Failed(_)))
    }

    /// The jobs that were not started.
    pub fn not_started(&self) -> Vec<usize> {
        self.of(|entry| matches!(entry.outcome, Outcome::NotStarted(_)))
    }

    /// Whether every job succeeded.
    pub fn all_passed(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| entry.outcome == Outcome::Passed)
    }

    fn of(&self, which: impl Fn(&Entry) -> bool) -> Vec<usize> {
        let found = self.entries.iter().filter(|entry| which(entry));
        found.map(|entry| entry.job).collect()
    }

    /// The resources of each job, as a Markdown table: in the order of their ends, with a total.
    pub fn table(&self, wall: Duration) -> String {
        let mut rows = vec![
            ["", "wall s", "CPU s", "MiB", "tries", "waits for"].map(str::to_owned),
            ["---", "---", "---", "---", "---", "---"].map(str::to_owned),
        ];
        rows.extend(self.entries.iter().map(Entry::row));
        let cpu: Duration = self
            .entries
            .iter()
            .filter_map(|entry| entry.usage.cpu)
            .sum();
        let total = [
            "all of it".to_owned(),
            wall.as_secs().to_string(),
            cpu.as_secs().to_string(),
            String::new(),
            String::new(),
            String::new(),
        ];
        rows.push(total);
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths = [0, 1, 2, 3, 4].map(width);
        let mut text = String::new();
        for [name, numbers @ .., waits] in &rows {
            let _ = write!(text, "| {name:<0$} |", widths[0]);
            for (number, width) in numbers.iter().zip(&widths[1..]) {
                let _ = write!(text, " {number:>width$} |");
            }
            let _ = writeln!(text, " {waits} |");
        }
        text
    }

    /// The jobs that used far more processor time or memory than their cost says, as lines. A job that used less may
    /// have found its results in the cache, and one that took longer may have waited for others.
    pub fn drift(&self, jobs: &[Job]) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let cost = jobs[entry.job].task.cost;
            let cpu = entry.usage.cpu.map_or(0, |cpu| cpu.as_secs());
            let memory = entry.usage.memory.unwrap_or(0);
            let far = |took: u64, cost: u32, least: u64| {
                let cost = u64::from(cost);
                took > cost + least.max(cost / 2)
            };
            if far(cpu, cost.cpu, 20) || far(memory, cost.memory, 300) {
                let _ = writeln!(
                    text,
                    "{} took {cpu} s of CPU and {memory} MiB; its cost says {} and {}",
                    entry.name, cost.cpu, cost.memory
                );
            }
        }
        text
    }

    /// Writes all measurements to a file, for programs.
    pub fn write(&self, path: &Path, wall: Duration) -> Result<()> {
        let tasks: Vec<_> = self.entries.iter().map(Entry::json).collect();
        let report = json!({"wall_seconds": wall.as_secs_f64(), "tasks": tasks});
        fs::write(path, format!("{report:#}\n"))?;
        Ok(())
    }

    /// The jobs that failed at least once, the number of second tries, and as the last line `N passed, N failed`. It
    /// counts the statements, and preparations that failed.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let again: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.tries > 1)
            .collect();
        for entry in &again {
            if entry.outcome == Outcome::Passed {
                let name = entry.name;
                let _ = writeln!(text, "unsteady: {name} failed and then held; find out why");
                why(&mut text, entry);
            }
        }
        let (mut passed, mut failed) = (0, 0);
        for entry in &self.entries {
            match &entry.outcome {
                Outcome::Passed => passed += usize::from(entry.statement),
                Outcome::Failed(_) => {
                    failed += 1;
                    let _ = writeln!(text, "failed: {}", entry.name);
                    why(&mut text, entry);
                }
                Outcome::NotStarted(need) => {
                    failed += usize::from(entry.statement);
                    let _ = writeln!(text, "failed: {}, which needs {need}", entry.name);
                }
            }
        }
        let _ = writeln!(text, "second tries: {}", again.len());
        let _ = writeln!(text, "{passed} passed, {failed} failed");
        text
    }
}

/// Appends the beginning and the end of each failure.
fn why(text: &mut String, entry: &Entry) {
    for failure in entry.failures() {
        let lines: Vec<_> = failure.lines().filter(|line| !line.is_empty()).collect();
        for (at, line) in lines.iter().enumerate() {
            if at < WHY_LINES || at + WHY_LINES >= lines.len() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Entry, Outcome, Report};
    use crate::meter::Usage;

    fn entry(job: usize, name: &'static str, outcome: Outcome) -> Entry {
        let usage = Usage {
            wall: Duration::from_secs(7),
            cpu: Some(Duration::from_secs(3)),
            memory: Some(50),
            waits: vec![("a block".to_owned(), Duration::from_secs(4))],
        };
        Entry {
            job,
            name,
            statement: name != "root",
            flaky: true,
            tries: u32::from(!matches!(outcome, Outcome::NotStarted(_))),
            outcome,
            usage,
            earlier: Vec::new(),
        }
    }

    fn failed() -> Outcome {
        Outcome::Failed("it is wrong".into())
    }

    #[test]
    fn a_second_try_that_holds_is_passed_counted_and_named() {
        let mut report = Report::default();
        report.add(vec![
            entry(0, "right", Outcome::Passed),
            entry(1, "shaky", failed()),
        ]);
        report.add(vec![entry(1, "shaky", Outcome::Passed)]);
        assert!(report.all_passed());
        let summary = report.summary();
        assert!(summary.starts_with("unsteady: shaky "), "{summary}");
        assert!(summary.contains("\n  it is wrong\n"), "{summary}");
        assert!(
            summary.ends_with("\nsecond tries: 1\n2 passed, 0 failed\n"),
            "{summary}"
        );
    }

    #[test]
    fn two_failures_of_a_task_count_as_one() {
        let mut report = Report::default();
        report.add(vec![entry(0, "wrong", failed())]);
        report.add(vec![entry(0, "wrong", failed())]);
        assert_eq!(report.failed(), [0]);
        let expected =
            "failed: wrong\n  it is wrong\n  it is wrong\nsecond tries: 1\n0 passed, 1 failed\n";
        assert_eq!(report.summary(), expected);
    }

    #[test]
    fn a_preparation_counts_only_if_it_fails() {
        let mut report = Report::default();
        report.add(vec![entry(0, "root", Outcome::Passed)]);
        assert!(report.summary().ends_with("\n0 passed, 0 failed\n"));
        report.add(vec![
            entry(0, "root", failed()),
            entry(1, "case", Outcome::NotStarted("root".into())),
        ]);
        assert!(report.summary().ends_with("\n0 passed, 2 failed\n"));
        assert_eq!((report.failed(), report.not_started()), (vec![0], vec![1]));
    }

    #[test]
    fn the_table_is_markdown_with_a_sum() {
        let mut report = Report::default();
        report.add(vec![
            entry(0, "one", Outcome::Passed),
            entry(1, "another", Outcome::Passed),
        ]);
        let table = report.table(Duration::from_secs(9));
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines[2],
            "| one       |      7 |     3 |  50 |     1 | a block 4 s |"
        );
        assert!(lines[4].starts_with("| all of it |      9 |     6 |"));
    }
}
