//! Who can connect, seen from a second host; and that nobody is locked out, whatever happens in between.
//!
//! No role of Aztec runs here: small listeners use the ports of one. So the case needs no node, and any Debian will do.

mod closed;
mod refusals;
mod scan;
mod unconfirmed;
mod walled;

use anyhow::{Context as _, Result};

use super::Context;
use closed::holds;
use refusals::{refused, sshd_late_or_mute};
use unconfirmed::{killed, no_way_in, power_cut, removal_unconfirmed, removed, unconfirmed};
use walled::Walled;
pub(super) use walled::root;

pub(super) fn run(context: &Context) -> Result<()> {
    let mut case = Walled::boot(context, "trixie")?;
    let Walled { host, outside, .. } = &case;
    refused(host, outside).context("a change that would lock someone out")?;
    holds(&case)?;
    sshd_late_or_mute(&case.host).context("an sshd that does not answer")?;
    let Walled {
        host,
        outside,
        before,
        ..
    } = &mut case;
    unconfirmed(host, outside).context("a change that nobody confirms")?;
    removal_unconfirmed(host, outside).context("a removal that nobody confirms")?;
    removed(host, before).context("the removal")?;
    killed(host, before).context("a kill in the middle")?;
    power_cut(host, before).context("a power cut in the window")?;
    no_way_in(host, outside).context("a removal that leaves no way in")
}

/// UFW, iptables, Docker and sshd have other versions there. Refusals do not depend on them, and `ssh-old` tests the timer
/// that rolls back.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let case = Walled::boot(context, "bookworm")?;
    holds(&case)?;
    removed(&case.host, &case.before).context("the removal")
}
