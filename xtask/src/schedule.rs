//! The choice of the next task. Nothing here runs anything, and time is only a number.
//!
//! Tasks are started by list scheduling: of the tasks whose needs are done, the one with the longest critical path
//! first, as far as cores and memory go. A task that does not fit is not overtaken by one that would make it wait
//! longer ("EASY backfilling"), so that long tasks do not end up last.

/// The cost of a task, measured on two cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Seconds from its start to its end.
    pub wall: u32,
    /// Seconds of processor time.
    pub cpu: u32,
    /// MiB of memory at the most that the kernel cannot reclaim.
    pub memory: u32,
}

impl Cost {
    /// The number of cores that it keeps busy, on average.
    pub fn load(self) -> f64 {
        f64::from(self.cpu) / f64::from(self.wall.max(1))
    }
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its cost.
    pub cost: Cost,
    /// The tasks that it needs, all of which come before it in the list.
    pub needs: Vec<usize>,
    /// Whether it uses only the processor time that others leave, so that it counts as no load. One such task runs at a
    /// time.
    pub filler: bool,
}

/// The resources for all tasks together.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Cores. More than the machine has, since tasks wait in turns.
    pub cores: f64,
    /// MiB of memory.
    pub memory: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Running { since: f64 },
    Done,
    Lost,
}

/// The tasks, each with its state.
#[derive(Debug)]
pub struct Schedule {
    tasks: Vec<Task>,
    states: Vec<State>,
    /// Of each task: its own time and that of the longest chain of tasks that need it, seconds.
    paths: Vec<f64>,
    capacity: Capacity,
    /// Processor time of the ended tasks, planned and actual, in seconds.
    planned: f64,
    took: f64,
}

/// The speed of a machine is judged after tasks with this much planned processor time together, in seconds.
const JUDGED_BY: f64 = 40.0;

impl Schedule {
    /// A schedule in which nothing has started.
    pub fn new(tasks: Vec<Task>, capacity: Capacity) -> Schedule {
        let mut paths: Vec<f64> = tasks.iter().map(|task| task.cost.wall.into()).collect();
        // The tasks that need a task come after it, so their paths are known here.
        for (at, task) in tasks.iter().enumerate().rev() {
            for &need in &task.needs {
                paths[need] = paths[need].max(f64::from(tasks[need].cost.wall) + paths[at]);
            }
        }
        Schedule {
            states: vec![State::Waiting; tasks.len()],
            tasks,
            paths,
            capacity,
            planned: 0.0,
            took: 0.0,
        }
    }

    /// The task to start now, which counts as running from here on. `None` if it is better to wait for the end of one.
    pub fn start(&mut self, now: f64) -> Option<usize> {
        let mut ready: Vec<usize> = (0..self.tasks.len())
            .filter(|&task| self.ready(task))
            .collect();
        ready.sort_by(|a, b| self.paths[*b].total_cmp(&self.paths[*a]));
        // The time at which the first task that does not fit can start, if the running tasks take as long as planned.
        let mut reserved: Option<f64> = None;
        for task in ready {
            let ends = now + f64::from(self.tasks[task].cost.wall);
            let late = reserved.is_some_and(|from| ends > from) && !self.tasks[task].filler;
            if !late && self.fits(task, &self.running()) {
                self.states[task] = State::Running { since: now };
                return Some(task);
            }
            if reserved.is_none() && !self.tasks[task].filler {
                reserved = Some(self.fits_from(task, now));
            }
        }
        None
    }

    /// Records the end of a task, and its processor time in seconds if it is known. If it failed, returns the tasks
    /// that cannot run any more, in the order of the list.
    pub fn end(&mut self, task: usize, done: bool, cpu: Option<f64>) -> Vec<usize> {
        if let Some(cpu) = cpu.filter(|_| done) {
            self.planned += f64::from(self.tasks[task].cost.cpu);
            self.took += cpu;
        }
        self.states[task] = if done { State::Done } else { State::Lost };
        let mut lost = Vec::new();
        for task in 0..self.tasks.len() {
            let needs = &self.tasks[task].needs;
            if self.states[task] == State::Waiting
                && needs.iter().any(|need| self.states[*need] == State::Lost)
            {
                self.states[task] = State::Lost;
                lost.push(task);
            }
        }
        lost
    }

    /// The factor by which this machine is slower than the one on which the costs were measured. On a slow machine a
    /// task that mostly waits keeps more cores busy, and one that computes takes longer, but the kind of a task is not
    /// known. A faster machine gets no more tasks: waiting for a slot of a chain takes as long there.
    fn slower(&self) -> f64 {
        if self.planned < JUDGED_BY {
            return 1.0;
        }
        (self.took / self.planned).clamp(1.0, 4.0)
    }

    /// The tasks that run.
    pub fn running(&self) -> Vec<usize> {
        let all = 0..self.tasks.len();
        all.filter(|task| matches!(self.states[*task], State::Running { .. }))
            .collect()
    }

    /// The number of tasks that are neither done nor lost.
    pub fn left(&self) -> usize {
        let over = |state: &&State| !matches!(state, State::Done | State::Lost);
        self.states.iter().filter(over).count()
    }

    fn ready(&self, task: usize) -> bool {
        let mut needs = self.tasks[task].needs.iter();
        self.states[task] == State::Waiting && needs.all(|need| self.states[*need] == State::Done)
    }

    /// Whether it can run beside these tasks. One that is too big for the machine runs alone.
    fn fits(&self, task: usize, beside: &[usize]) -> bool {
        let filler = self.tasks[task].filler;
        if filler && beside.iter().any(|other| self.tasks[*other].filler) {
            return false;
        }
        let sum = |of: &dyn Fn(&Task) -> f64| -> f64 {
            let others = beside.iter().map(|other| of(&self.tasks[*other]));
            others.sum::<f64>() + of(&self.tasks[task])
        };
        let slower = self.slower();
        let load = sum(&|task| {
            if task.filler {
                0.0
            } else {
                task.cost.load() * slower
            }
        });
        let memory = sum(&|task| task.cost.memory.into());
        beside.is_empty() || (load <= self.capacity.cores && memory <= self.capacity.memory)
    }

    /// The time at which it would fit, if every running task ends as planned and no other one starts.
    fn fits_from(&self, task: usize, now: f64) -> f64 {
        let mut beside = self.running();
        let ends = |task: usize| match self.states[task] {
            // A task that takes longer than planned may end at any moment.
            State::Running { since } => (since + f64::from(self.tasks[task].cost.wall)).max(now),
            _ => now,
        };
        beside.sort_by(|a, b| ends(*b).total_cmp(&ends(*a)));
        let mut from = now;
        while !self.fits(task, &beside) {
            match beside.pop() {
                Some(first) => from = ends(first),
                None => break,
            }
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use super::{Capacity, Cost, Schedule, Task};

    fn task(wall: u32, cpu: u32, memory: u32, needs: &[usize]) -> Task {
        let cost = Cost { wall, cpu, memory };
        Task {
            cost,
            needs: needs.to_vec(),
            filler: false,
        }
    }

    fn filler(wall: u32, cpu: u32) -> Task {
        Task {
            filler: true,
            ..task(wall, cpu, 1, &[])
        }
    }

    fn capacity(cores: f64) -> Capacity {
        Capacity {
            cores,
            memory: 100.0,
        }
    }

    /// Lets every task take as long as planned. Returns the start of each, and the end of all.
    fn simulated(tasks: &[Task], capacity: Capacity) -> (Vec<f64>, f64) {
        let mut schedule = Schedule::new(tasks.to_vec(), capacity);
        let mut begun = vec![f64::NAN; tasks.len()];
        let end_of = |task: usize, begun: &[f64]| begun[task] + f64::from(tasks[task].cost.wall);
        let mut now = 0.0;
        loop {
            while let Some(task) = schedule.start(now) {
                begun[task] = now;
                let running = schedule.running();
                let load = running.iter().filter(|task| !tasks[**task].filler);
                let load: f64 = load.map(|task| tasks[*task].cost.load()).sum();
                let memory: u32 = running.iter().map(|task| tasks[*task].cost.memory).sum();
                assert!(
                    running.len() == 1
                        || (load <= capacity.cores && f64::from(memory) <= capacity.memory),
                    "{running:?}: {load} cores, {memory} MiB"
                );
            }
            let running = schedule.running();
            let Some(&next) = running
                .iter()
                .min_by(|a, b| end_of(**a, &begun).total_cmp(&end_of(**b, &begun)))
            else {
                assert_eq!(schedule.left(), 0, "nothing runs, and something is left");
                return (begun, now);
            };
            now = end_of(next, &begun);
            let cpu = f64::from(tasks[next].cost.cpu);
            assert!(schedule.end(next, true, Some(cpu)).is_empty());
        }
    }

    #[test]
    fn the_longest_critical_path_goes_first() {
        // 1 is short, but 2 needs it.
        let tasks = [
            task(50, 50, 1, &[]),
            task(10, 10, 1, &[]),
            task(60, 60, 1, &[1]),
        ];
        assert_eq!(simulated(&tasks, capacity(1.0)).0, [70.0, 0.0, 10.0]);
    }

    #[test]
    fn cores_and_memory_are_not_given_twice() {
        let tasks = [
            task(10, 5, 60, &[]),
            task(10, 5, 60, &[]),
            task(10, 5, 30, &[]),
        ];
        assert_eq!(simulated(&tasks, capacity(1.0)).0, [0.0, 10.0, 0.0]);
        assert_eq!(simulated(&tasks, capacity(16.0)).0, [0.0, 10.0, 0.0]);
    }

    #[test]
    fn a_task_that_is_too_big_runs_alone() {
        let tasks = [task(10, 40, 500, &[]), task(10, 1, 1, &[])];
        assert_eq!(simulated(&tasks, capacity(1.0)).0, [0.0, 10.0]);
    }

    #[test]
    fn a_small_task_overtakes_only_tasks_that_it_does_not_delay() {
        // 1 has to wait for 0. 2 has ended by then, and 3 has not.
        let tasks = [
            task(20, 16, 1, &[]),
            task(19, 16, 1, &[]),
            task(10, 1, 1, &[]),
            task(18, 1, 1, &[]),
        ];
        let (begun, _) = simulated(&tasks, capacity(0.95));
        assert_eq!(begun[..2], [0.0, 20.0]);
        assert_eq!(begun[3], 0.0);
        assert!(begun[2] >= 0.0 && begun[2] <= 20.0);
        let tasks = [
            task(20, 16, 1, &[]),
            task(30, 27, 1, &[]),
            task(25, 2, 1, &[]),
        ];
        assert_eq!(
            simulated(&tasks, capacity(0.95)).0,
            [20.0 + 10.0, 0.0, 30.0]
        );
    }

    #[test]
    fn fillers_run_beside_anything_one_at_a_time() {
        let tasks = [task(30, 30, 1, &[]), filler(20, 40), filler(10, 20)];
        assert_eq!(simulated(&tasks, capacity(1.0)).0, [0.0, 0.0, 20.0]);
    }

    #[test]
    fn tasks_that_need_a_failed_one_are_lost_and_the_others_run() {
        let tasks = vec![
            task(1, 1, 1, &[]),
            task(1, 1, 1, &[0]),
            task(1, 1, 1, &[1]),
            task(1, 1, 1, &[]),
        ];
        let mut schedule = Schedule::new(tasks, capacity(1.0));
        assert_eq!(schedule.start(0.0), Some(0));
        assert_eq!(schedule.end(0, false, None), [1, 2]);
        assert_eq!(schedule.start(1.0), Some(3));
        assert_eq!(schedule.left(), 1);
    }

    #[test]
    fn a_machine_that_is_slower_is_given_less_at_once() {
        let tasks = || {
            let mut tasks = vec![task(40, 40, 1, &[])];
            tasks.extend((0..4).map(|_| task(10, 5, 1, &[0])));
            tasks
        };
        for (took, at_once) in [(20.0, 4), (40.0, 4), (80.0, 2), (4000.0, 1)] {
            let mut schedule = Schedule::new(tasks(), capacity(2.0));
            assert_eq!(schedule.start(0.0), Some(0));
            assert!(schedule.end(0, true, Some(took)).is_empty());
            let begun = std::iter::from_fn(|| schedule.start(took)).count();
            assert_eq!(begun, at_once, "{took}");
        }
    }

    /// For any tasks: everything is done, nothing is overbooked (see [`simulated`]), nothing starts before its needs,
    /// and the whole run takes no longer than one task after the other.
    #[test]
    fn any_tasks_are_all_done() {
        let mut dice = fastrand::Rng::with_seed(7);
        let mut below = |limit: u32| dice.u32(..limit);
        for _ in 0..300 {
            let count = 1 + below(30);
            let mut tasks = Vec::new();
            for at in 0..count {
                let wall = 1 + below(300);
                let mut needs = Vec::new();
                for _ in 0..below(3).min(at) {
                    needs.push(usize::try_from(below(at)).unwrap());
                }
                let task = task(wall, below(wall * 2), below(60), &needs);
                tasks.push(Task {
                    filler: below(8) == 0,
                    ..task
                });
            }
            let one_by_one: u32 = tasks.iter().map(|task| task.cost.wall).sum();
            for cores in [1.0, 2.4, 16.0] {
                let (begun, end) = simulated(&tasks, capacity(cores));
                assert!(end <= f64::from(one_by_one));
                for (at, task) in tasks.iter().enumerate() {
                    for &need in &task.needs {
                        assert!(begun[at] >= begun[need] + f64::from(tasks[need].cost.wall));
                    }
                }
            }
        }
    }
}
