//! Pulls an image.

use std::time::Duration;

use super::names::Names;
use super::pin::Pin;
use super::store::{self, Stored};
use crate::Fault;
use crate::engine::{ApplyCx, Cx};
use crate::host::Invocation;
use crate::tools::images::Row;

/// Enough for some gigabytes over a slow line.
const PULL: Duration = Duration::from_secs(3600);

/// The pinned image, or without a pin the one that the tag names; pulled if it is missing.
pub(super) fn fetch(
    names: Names<'_>,
    pin: Option<&Pin>,
    cx: &mut ApplyCx<'_>,
) -> Result<Row, Fault> {
    if let Some(row) = here(names, pin, cx)? {
        return Ok(row);
    }
    let version = match pin {
        None => format!(":{}", names.tag),
        Some(pin) => {
            let digest = pin.digest.as_ref();
            let digest = digest.ok_or_else(|| store::gone(names, pin))?;
            format!("@{digest}")
        }
    };
    pull(names, &version, cx)?;
    here(names, pin, cx)?.ok_or_else(|| match pin {
        Some(pin) => store::gone(names, pin),
        None => Fault::new(format!("{} was pulled but is missing", names.reference())),
    })
}

/// The image, if the engine has it.
fn here(names: Names<'_>, pin: Option<&Pin>, cx: &mut ApplyCx<'_>) -> Result<Option<Row>, Fault> {
    match Stored::ask(names, pin, &Cx::of(cx.host_mut.probe()))? {
        Stored::Has { pinned, tagged } => Ok(match pin {
            Some(_) => pinned,
            None => tagged,
        }),
        Stored::Missing => Err(
            Fault::new(format!("{} is not installed", names.engine.program()))
                .fix("Install it, or choose runtime = \"native\"."),
        ),
        Stored::Silent(why) => Err(store::silent(names.engine, &why)),
    }
}

fn pull(names: Names<'_>, version: &str, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    let source = names.source(version);
    (cx.note)(&format!("pulling {source}"));
    let argv = [names.engine.program(), "pull", "--quiet", &source].map(String::from);
    let order = Invocation::new(argv.clone()).timeout(PULL).dies_with_us();
    cx.host_mut.tell(&order)?.ok(&argv).map(drop).map_err(|fault| {
        Fault::new(format!("failed to pull {source}"))
            .fix(format!(
                "Check that this host reaches the registry and has enough free space. Without a network, \
                 run `docker save` elsewhere and `{} load` here. Then run the same command again.",
                names.engine.name()
            ))
            .because(fault)
    })?;
    // An engine reports an image before its layers are synced, and the record is trusted.
    cx.host_mut.run(&Invocation::new(["sync"]).timeout(PULL))
}
