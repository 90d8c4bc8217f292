//! Tests of a target, and the report of an input for which it does not hold.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Mutator, Target};

/// The time limit for one input, also for one that derives a key on a busy machine.
const HANGS: Duration = Duration::from_secs(60);

/// The test of one target.
#[derive(Debug)]
pub struct Trial<'t> {
    target: &'t Target,
    mutator: Mutator,
    seed: u64,
    /// The number of inputs so far.
    pub runs: u64,
}

/// An input for which a target does not hold.
#[derive(Debug)]
pub struct Broken {
    target: &'static str,
    again: String,
    input: Vec<u8>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            again,
            input,
        } = self;
        writeln!(
            f,
            "{target} does not hold for this input, as short as could be made:"
        )?;
        writeln!(f, "    b\"{}\"", input.escape_ascii())?;
        write!(f, "once more: cargo xtask fuzz {target} --again {again}")
    }
}

impl<'t> Trial<'t> {
    /// Prepares the test of a target. The same seed makes the same inputs.
    pub fn new(target: &'t Target, seed: u64) -> Self {
        Self {
            target,
            mutator: Mutator::new(target),
            seed,
            runs: 0,
        }
    }

    /// Tests each seed without a change.
    pub fn seeds(&self) -> Option<Broken> {
        let seeds = self.mutator.seeds().iter().enumerate();
        let mut seeds = seeds.filter(|(_, seed)| !holds(self.target, seed));
        seeds
            .next()
            .map(|(at, seed)| self.broken(format!("seed:{at}"), seed.clone()))
    }

    /// Tests the next input.
    pub fn one(&mut self) -> Option<Broken> {
        let run = self.runs;
        self.runs += 1;
        self.again(run)
    }

    /// Tests the input with this number.
    pub fn again(&self, run: u64) -> Option<Broken> {
        let mut hasher = DefaultHasher::new();
        (self.seed, self.target.name, run).hash(&mut hasher);
        let input = self.mutator.input(hasher.finish());
        (!holds(self.target, &input)).then(|| self.broken(format!("{}:{run}", self.seed), input))
    }

    fn broken(&self, again: String, input: Vec<u8>) -> Broken {
        Broken {
            target: self.target.name,
            again,
            input: shortest(self.target, input),
        }
    }
}

/// The current test and its start, for [`watch`].
static NOW: Mutex<Option<(Instant, &str, Vec<u8>)>> = Mutex::new(None);

fn holds(target: &Target, input: &[u8]) -> bool {
    *NOW.lock().unwrap() = Some((Instant::now(), target.name, input.to_vec()));
    let held = panic::catch_unwind(AssertUnwindSafe(|| (target.hold)(input))).is_ok();
    *NOW.lock().unwrap() = None;
    held
}

/// Ends the process at an input that takes too long, and reports the input.
pub fn watch() {
    thread::spawn(|| {
        loop {
            thread::sleep(HANGS / 10);
            if let Some((since, name, input)) = &*NOW.lock().unwrap()
                && since.elapsed() > HANGS
            {
                eprintln!(
                    "{name} does not end for this input:\n    b\"{}\"",
                    input.escape_ascii()
                );
                std::process::exit(1);
            }
        }
    });
}

/// A shorter input that breaks it too: parts are removed as long as it stays broken.
fn shortest(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let mut part = input.len().div_ceil(2);
    while part > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..(at + part).min(input.len()));
            if holds(target, &shorter) {
                at += part;
            } else {
                input = shorter;
            }
        }
        part /= 2;
    }
    panic::set_hook(hook);
    input
}
