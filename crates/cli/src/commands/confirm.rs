//! `aztec-kit confirm`, and the roll back of changes that could lock out the operator.

use std::fmt::Write;
use std::time::Duration;

use aztec::kinds::Kind;
use provision::Fault;
use provision::engine::{self, Guard, Receipt, ResourceId, Unconfirmed};
use provision::host::Probe;

use crate::args::{Changing, RollBackArgs};
use crate::context::{Context, View};
use crate::documents::Confirmed;
use crate::exit::{self, Failure};
use crate::printer::Printer;
use crate::render;
use crate::styles::{CHANGED, GOOD};

/// Confirms every change that waits.
pub fn confirm(cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    cx.view.require_root()?;
    let kept = keep(cx)?;
    if kept.is_empty() {
        printer.text("no change waits for confirmation");
    } else {
        printer.text(&format!(
            "{GOOD}confirmed:{GOOD:#} {}",
            render::joined(&kept)
        ));
    }
    printer.document(&Confirmed { kept: &kept });
    Ok(exit::OK)
}

/// How long a run may delay the roll back of its own changes. The longest step, the first integrity check of a full disk,
/// takes most of an hour. A run that locks out its operator ends with their session.
const LONGEST_RUN: Duration = Duration::from_secs(3600);

/// Rolls back every change that waits. With `--due`, it first waits for a running run, which restarts the time at its end.
pub fn roll_back(args: &RollBackArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    cx.view.require_root()?;
    let patience = args.due.then_some(LONGEST_RUN);
    // The operator may be locked out, so a run that hangs must not delay this forever.
    let mut note = |text: &str| printer.say(text);
    let instead = cx.access.instead_of_a_run(patience, &mut note)?;
    if args.due && !engine::due(cx.view.probe()) {
        printer.text(
            "the run that made the change has just ended, so the time to confirm starts again",
        );
        return Ok(exit::OK);
    }
    let rolled_back = instead.roll_back::<Kind>();
    for what in &rolled_back.all {
        let kept = what.kept.as_deref().map(|why| format!(" (kept: {why})"));
        printer.text(&format!(
            "rolled back, because nobody confirmed it: {}{}",
            what.id,
            kept.unwrap_or_default()
        ));
    }
    rolled_back.whole()?;
    Ok(exit::OK)
}

/// The guard that rolls back changes that could lock out the operator; `None` if they have another way in.
pub fn guard(args: &Changing, cx: &Context) -> Result<Option<Guard>, Failure> {
    if args.confirm {
        return Ok(None);
    }
    let program = (cx.program)()
        .map_err(|error| Fault::new("failed to find the aztec-kit binary").because(error))?;
    Ok(Some(Guard {
        state: cx.access.paths().state.clone(),
        program,
        window: Duration::from_secs(args.confirm_within),
    }))
}

/// Handles the unconfirmed changes of a finished run. If `agreed`, it confirms them; otherwise it prints how to confirm
/// them. Returns the changes that still wait.
pub fn settle(
    receipt: &Receipt,
    agreed: bool,
    cx: &Context,
    printer: &mut Printer,
) -> Result<Vec<ResourceId>, Failure> {
    if receipt.unconfirmed.is_empty() {
        return Ok(Vec::new());
    }
    if agreed {
        keep(cx)?;
        return Ok(Vec::new());
    }
    printer.say(&waiting(&receipt.unconfirmed, cx.view.probe()));
    Ok(ids(&receipt.unconfirmed))
}

/// The same after a failed run, which confirms nothing.
pub fn still_waiting(view: &View, printer: &mut Printer) -> Vec<ResourceId> {
    // The failure itself is already reported.
    let receipt = view.records.receipt();
    let waits = receipt.unwrap_or_default().unconfirmed;
    if !waits.is_empty() {
        printer.say(&waiting(&waits, view.probe()));
    }
    ids(&waits)
}

/// The text of `status` about changes that wait or were rolled back.
pub fn summary(receipt: &Receipt, probe: &dyn Probe) -> String {
    let now_us = probe.clock().realtime_us;
    let mut text = String::new();
    if !receipt.unconfirmed.is_empty() {
        text.push_str(&waiting(&receipt.unconfirmed, probe));
        text.push('\n');
    }
    for what in &receipt.rolled_back {
        // The clock may have been set back in the meantime.
        let minutes = (now_us - what.at_us).max(0) / 60_000_000;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{CHANGED}rolled back:{CHANGED:#} {}, {minutes} min ago, because nobody confirmed the change",
            what.id
        );
    }
    text
}

fn keep(cx: &Context) -> Result<Vec<ResourceId>, Failure> {
    Ok(cx.access.beside_a_run().confirm()?)
}

fn ids(changes: &[Unconfirmed]) -> Vec<ResourceId> {
    changes.iter().map(|change| change.id.clone()).collect()
}

/// The text about changes that wait on this host.
fn waiting(changes: &[Unconfirmed], probe: &dyn Probe) -> String {
    render::unconfirmed(changes, engine::left(probe))
}
