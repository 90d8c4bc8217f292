//! `aztec-kit confirm`, and what becomes of a change that can cut the operator off.

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
use crate::printer::{CHANGED, GOOD, Printer, STRONG};

/// Keeps whatever waits.
pub fn confirm(cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    cx.view.require_root()?;
    let kept = keep(cx)?;
    if kept.is_empty() {
        printer.text("nothing waits for a confirmation");
    } else {
        printer.text(&format!("{GOOD}kept:{GOOD:#} {}", named(&kept)));
    }
    printer.document(&Confirmed { kept: &kept });
    Ok(exit::OK)
}

/// How long a run that goes on may keep its own changes from being taken back: the longest step, the first pass of an
/// integrity check over a full disk, takes most of an hour. A run that cut its operator off ends with their session.
const LONGEST_RUN: Duration = Duration::from_secs(3600);

/// Takes back whatever waits; when the time is over, not before a run that goes on has ended, which begins it anew.
pub fn roll_back(args: &RollBackArgs, cx: &Context, printer: &mut Printer) -> Result<u8, Failure> {
    cx.view.require_root()?;
    let patience = args.due.then_some(LONGEST_RUN);
    // Nobody may be able to log in: a run that hangs must not be in the way.
    let mut note = |text: &str| printer.say(text);
    let instead = cx.access.instead_of_a_run(patience, &mut note)?;
    if args.due && !engine::due(cx.view.probe()) {
        printer.text("the run that made the change has ended just now: its time begins anew");
        return Ok(exit::OK);
    }
    let back = instead.roll_back::<Kind>();
    for what in &back.all {
        let kept = what.kept.as_deref().map(|why| format!(" (left: {why})"));
        printer.text(&format!(
            "taken back, because nobody confirmed it: {}{}",
            what.id,
            kept.unwrap_or_default()
        ));
    }
    back.whole()?;
    Ok(exit::OK)
}

/// What takes changes back that can cut the operator off; `None` when they have another way in.
pub fn guard(args: &Changing, cx: &Context) -> Result<Option<Guard>, Failure> {
    if args.confirm {
        return Ok(None);
    }
    let program = (cx.program)()
        .map_err(|error| Fault::new("failed to find this program's own file").because(error))?;
    Ok(Some(Guard {
        state: cx.access.paths().state.clone(),
        program,
        window: Duration::from_secs(args.confirm_within),
    }))
}

/// After a run that left this receipt: keeps what waits when that was agreed to in advance, else says how to
/// keep it, and says what waits still.
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

/// The same after a run that failed, which keeps nothing.
pub fn waits_still(view: &View, printer: &mut Printer) -> Vec<ResourceId> {
    // What failed is said already.
    let receipt = view.records.receipt();
    let waits = receipt.unwrap_or_default().unconfirmed;
    if !waits.is_empty() {
        printer.say(&waiting(&waits, view.probe()));
    }
    ids(&waits)
}

/// What `status` says of changes that wait, or that were taken back.
pub fn told(receipt: &Receipt, probe: &dyn Probe) -> String {
    let now_us = probe.clock().realtime_us;
    let mut text = String::new();
    if !receipt.unconfirmed.is_empty() {
        text.push_str(&waiting(&receipt.unconfirmed, probe));
        text.push('\n');
    }
    for what in &receipt.rolled_back {
        // The clock may have been set back since.
        let minutes = (now_us - what.at_us).max(0) / 60_000_000;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{CHANGED}taken back:{CHANGED:#} {} is as it was before, since {minutes} min: nobody confirmed the change",
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

fn named(ids: &[ResourceId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}

/// How to keep what waits, and until when.
pub fn waiting(changes: &[Unconfirmed], probe: &dyn Probe) -> String {
    let when = match engine::left(probe) {
        Some(left) if !left.is_zero() => format!("in {} s", left.as_secs().max(1)),
        _ => "soon".into(),
    };
    format!(
        "{CHANGED}not yet kept:{CHANGED:#} {} can cut you off. Open a second session to this host now; if that works, run\n\
         \x20             {STRONG}aztec-kit confirm{STRONG:#} in it. Otherwise the change is taken back {when}.",
        named(&ids(changes))
    )
}
