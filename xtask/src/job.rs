//! A task with its work, for the runner and the report.

use anyhow::Result;

use crate::schedule::Task;

/// A task with its work.
pub struct Job {
    /// Its name, which is unique.
    pub name: &'static str,
    /// Its cost, and the positions of the tasks that it needs in the list of jobs.
    pub task: Task,
    /// Whether it is a statement about the project. If not, it is a preparation for others.
    pub statement: bool,
    /// Whether its result depends on more than the code, so that it may be tried again.
    pub flaky: bool,
    /// The work.
    pub run: Box<dyn Fn() -> Result<()> + Send + Sync>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({})", self.name)
    }
}
