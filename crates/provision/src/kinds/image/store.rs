//! The images that the engine of this host has.

use std::path::Path;

use super::names::Names;
use super::pin::Pin;
use crate::Fault;
use crate::engine::Cx;
use crate::host::{Engine, Probe, Query};
use crate::tools::images::{self, Row};

/// The answer of the engine.
#[derive(Debug)]
pub(super) enum Stored {
    /// It is not installed.
    Missing,
    /// It does not answer; the reason.
    Silent(String),
    /// Its images.
    Has {
        /// The image that the host is pinned to.
        pinned: Option<Row>,
        /// The image that the tag names on this host.
        tagged: Option<Row>,
    },
}

impl Stored {
    /// Asks the engine.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed. An engine that does not answer is not an error.
    pub(super) fn ask(names: Names<'_>, pin: Option<&Pin>, cx: &Cx<'_>) -> Result<Self, Fault> {
        let engine = names.engine;
        if cx.probe.meta(Path::new(engine.program()))?.is_none() {
            return Ok(Self::Missing);
        }
        if let Some(unit) = engine.unit() {
            // A query through its socket would start it.
            let state = cx.unit(unit)?.active;
            if state != "active" {
                return Ok(Self::Silent(format!("{unit} is {state}")));
            }
        } else if unused(engine, cx.probe)? {
            return Ok(Self::Has {
                pinned: None,
                tagged: None,
            });
        }
        let rows = match rows(engine, cx.probe) {
            Ok(rows) => rows,
            Err(fault) => return Ok(Self::Silent(fault.chain())),
        };
        let tagged = rows.iter().find(|row| names.is_named(row));
        let pinned = pin.and_then(|pin| rows.iter().find(|row| pin.is(row)));
        Ok(Self::Has {
            pinned: pinned.cloned(),
            tagged: tagged.cloned(),
        })
    }
}

fn rows(engine: Engine, probe: &dyn Probe) -> Result<Vec<Row>, Fault> {
    images::parse(&probe.ask(&Query::Images(engine))?.stdout)
}

/// Whether the engine has never stored anything: a query would create its directory.
pub(super) fn unused(engine: Engine, probe: &dyn Probe) -> Result<bool, Fault> {
    Ok(probe.meta(Path::new(engine.storage()))?.is_none())
}

/// Whether the engine answers and does not have the image.
pub(super) fn is_gone(names: Names<'_>, probe: &dyn Probe) -> bool {
    let rows = rows(names.engine, probe);
    rows.is_ok_and(|rows| !rows.iter().any(|row| names.is_named(row)))
}

/// The error for an engine that does not answer.
pub(super) fn silent(engine: Engine, why: &str) -> Fault {
    let name = engine.name();
    Fault::new(format!("{name} does not answer: {why}")).fix(format!(
        "Make `{name} image ls` work, then run the same command again."
    ))
}

/// The error for a pinned image that the engine does not have and that cannot be pulled.
pub(super) fn gone(names: Names<'_>, pin: &Pin) -> Fault {
    Fault::new(format!(
        "the image that this host is pinned to, {}, is missing",
        pin.short()
    ))
    .fix(format!(
        "Load it again with `{} load`. {}",
        names.engine.name(),
        names.renewal()
    ))
}

/// # Errors
///
/// When the image is for another architecture.
pub(super) fn check_architecture(
    names: Names<'_>,
    row: &Row,
    probe: &dyn Probe,
) -> Result<(), Fault> {
    let query = Query::Architecture(names.engine, row.id.clone());
    let found = probe.ask(&query)?.stdout.trim().to_owned();
    let host = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    if found == host {
        return Ok(());
    }
    Err(Fault::new(format!(
        "{} is for {found}, but this host is {host}",
        names.reference()
    ))
    .fix(format!(
        "Remove it with `{} image rm {}`, then run the same command again, or load the one for {host}.",
        names.engine.name(),
        names.reference()
    )))
}
