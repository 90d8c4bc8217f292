//! The real node and `preflight` agree about L1 endpoints that misbehave.
//!
//! Each row of the table is a configuration. The node is started with it, and preflight is asked about it. A node that
//! starts must get no `fail`, and a node that does not start must get one. What the node does is stated in the table and
//! measured in every run, and the error dictionary has to explain it.

mod clients;
mod dictionary;
mod disagrees;
mod limits;
mod matrix;
mod node;
mod preflight;
mod rows;
mod urls;
mod world;

pub(super) use clients::installed;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::Context;
use crate::say;
use dictionary::Dictionary;
use matrix::Line;
use preflight::Said;
use rows::{ROWS, Row};
use urls::Urls;
use world::World;

/// Starts at once, without those that mostly wait. A start takes three to six seconds of a core.
const AT_ONCE: usize = 3;

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = world::boot(context)?;
    let world = World::of(&machine)?;
    let (lines, ten) = measured(&world)?;
    say!("{}", matrix::table(&lines));
    let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    let wrong = [
        matrix::wrong(&lines),
        limits::wrong(&lines, &ten)?,
        disagrees::unknown(&names),
    ];
    let wrong = wrong.concat();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Measures every row, several at once, and beside them a preflight of endpoints that never answer.
fn measured(world: &World<'_>) -> Result<(Vec<Line>, Said)> {
    let dictionary = Dictionary::read()?;
    let rows = clients::installed_rows(world.machine)?;
    let (slow, quick): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(|row| row.slow);
    let (next, lines) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let add = |row: &Row| -> Result<()> {
        let line = line(world, &dictionary, row).with_context(|| row.name.to_owned())?;
        lines
            .lock()
            .map_err(|_| anyhow!("another row panicked"))?
            .push(line);
        Ok(())
    };
    let add = &add;
    let work = || -> Result<()> {
        while let Some(row) = quick.get(next.fetch_add(1, Ordering::Relaxed)) {
            add(row)?;
        }
        Ok(())
    };
    let ten = std::thread::scope(|scope| {
        let ten = scope.spawn(|| limits::ten(world));
        let waiting = slow.into_iter().map(|row| scope.spawn(move || add(row)));
        let workers = (0..AT_ONCE).map(|_| scope.spawn(work));
        let workers: Vec<_> = waiting.chain(workers).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a row panicked"))??;
        }
        ten.join().map_err(|_| anyhow!("a preflight panicked"))?
    })?;
    let mut lines = lines.into_inner().map_err(|_| anyhow!("a row panicked"))?;
    lines.sort_by_key(|line| line.port);
    Ok((lines, ten))
}

fn line(world: &World<'_>, dictionary: &Dictionary, row: &Row) -> Result<Line> {
    let urls = Urls::of(row)?;
    let said = preflight::ask(
        world.machine,
        &urls.port.to_string(),
        &world.kit_toml(&urls),
    )?;
    if row.name.ends_with("at first") {
        world.forget(&urls)?;
    }
    let seen = node::start(world, &urls, row.node)?;
    if let Some(dir) = std::env::var_os("AZTEC_KIT_ENDPOINT_LOGS") {
        let name = row.name.replace('/', "-");
        std::fs::write(std::path::Path::new(&dir).join(name), &seen.log)?;
    }
    Ok(Line::new(row, urls.port, seen, said, dictionary))
}
