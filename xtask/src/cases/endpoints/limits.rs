//! What preflight may take, however an endpoint behaves: memory and time.

use anyhow::{Context as _, Result};

use super::disagrees::{self, MEMORY, TIME};
use super::matrix::Line;
use super::preflight::{self, Said};
use super::urls::{FIRST, Urls, port};
use super::world::World;
use crate::say;

/// MB. An endless answer may cost half of it more than a good one.
const MOST_MEMORY: u64 = 60;
const MORE_MEMORY: u64 = 32;

/// Seconds for ten endpoints of which eight never answer. The budget is 12 s; a busy machine adds to it.
const MOST_TIME: f64 = 20.0;

/// Asks preflight about ten endpoints of which the first eight never answer.
pub(super) fn ten(world: &World<'_>) -> Result<Said> {
    let (never, fine) = (port("never answers")?, port("fine")?);
    let silent = (1..=8).map(|at| format!("http://127.0.0.1:{never}/{at}"));
    let good = (1..=2).map(|at| format!("http://127.0.0.1:{fine}/{at}"));
    let urls = Urls {
        // No row has it.
        port: FIRST - 1,
        execution: silent.chain(good).collect(),
        consensus: Vec::new(),
        key: false,
    };
    preflight::ask(world.machine, "ten", &world.kit_toml(&urls))
}

/// Prints what preflight took, and returns what is too much.
pub(super) fn wrong(lines: &[Line], ten: &Said) -> Result<Vec<String>> {
    let peak = |name: &str| {
        let line = lines.iter().find(|line| line.name == name);
        line.map(|line| line.preflight.peak).context("no such row")
    };
    let (usual, huge) = (peak("fine")?, peak("300 MiB")?);
    let memory = format!("at most {usual} MB, and {huge} MB with an answer of 300 MiB");
    let little = huge <= MOST_MEMORY && huge <= usual + MORE_MEMORY;
    let time = format!(
        "{:.1} s for ten endpoints of which eight never answer",
        ten.seconds
    );
    say!("{MEMORY}: {memory}\n{TIME}: {time}");
    let found = [
        disagrees::wrong(MEMORY, little, &memory),
        disagrees::wrong(TIME, ten.seconds <= MOST_TIME, &time),
    ];
    Ok(found.into_iter().flatten().collect())
}
