//! Whether a change of the firewall, or a revert, would lock out the operator or is not possible.

use super::prior::Prior;
use super::rule::Rule;
use super::state::Seen;
use super::way_in::{self, RoutedSession};
use super::{drift, kernel, others};
use crate::Fault;
use crate::host::Probe;
use crate::tools::ufw::{Tuple, tuples};

/// The reasons why the change would lock someone out or is not possible; empty on a host in sync.
pub(super) fn obstacles(
    rules: &[Rule],
    seen: &Seen,
    probe: &dyn Probe,
) -> Result<Vec<Fault>, Fault> {
    if drift::changes(rules, seen).is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    found.extend(kernel::missing_filter(probe)?);
    found.extend(others::manager(probe)?);
    let contradictions = drift::contradictions(rules, seen);
    found.extend(contradictions.iter().map(blocked));
    let desired = drift::desired(rules, seen);
    let sessions = way_in::came(probe)?;
    let closed = sessions.iter().filter(|it| !lets_in(&desired, seen, it));
    found.extend(closed.map(closes));
    Ok(found)
}

fn blocked((rule, tuple): &(Rule, Tuple)) -> Fault {
    let shown = format!("{} {}/{}", tuple.action, tuple.port, tuple.proto);
    Fault::new(format!("a firewall rule of yours ({shown}) blocks {rule} ({})", rule.purpose))
        .fix("Find it with `ufw status numbered`, delete it with `ufw delete`, then run the same command again.")
}

fn closes(session: &RoutedSession) -> Fault {
    let RoutedSession {
        remote,
        local,
        port,
        ..
    } = session;
    Fault::new(format!(
        "the SSH session from {remote} uses {local} port {port}, which the firewall would close"
    ))
    .fix(format!("Log in at a port of the SSH server's configuration, or open this port: add [[firewall.allow]] with port = {port} to kit.toml. A rule of yours may also block it, see `ufw show added`."))
}

/// Whether a new connection like this session would be accepted after the change.
fn lets_in(desired: &[Rule], seen: &Seen, session: &RoutedSession) -> bool {
    let v6 = session.remote.is_ipv6();
    if v6 && !seen.v6 {
        return false;
    }
    let mut stay = seen.tuples(v6);
    stay.retain(|tuple| Rule::of(tuple).is_none() || desired.iter().any(|rule| rule.is(tuple)));
    // New rules are appended after all existing ones.
    way_in::decided(&stay, session).unwrap_or_else(|| {
        desired
            .iter()
            .any(|rule| rule.lets_in(session.remote, session.port))
    })
}

/// The reason why a revert would lock everyone out of a host where UFW stays enabled.
pub(super) fn by_revert(
    prior: &Prior,
    now: Seen,
    probe: &dyn Probe,
) -> Result<Option<Fault>, Fault> {
    if !prior.enabled || prior.policy == "ACCEPT" || now.texts[0].is_none() {
        return Ok(None);
    }
    if let Some(fault) = now.ssh_unknown {
        // The ports that must stay open are not known.
        return Ok(Some(fault.refusal()));
    }
    let texts = prior.texts(probe)?;
    let after = |v6: bool| {
        let before = tuples(texts[usize::from(v6)].as_deref().unwrap_or_default());
        let ours = before.into_iter().filter(|it| Rule::of(it).is_some());
        let mut after = now.foreign(v6);
        after.extend(ours);
        after
    };
    let closed = |port: &u16| {
        let mut families = now.families();
        !families.any(|v6| way_in::open_to_some(&after(v6), *port))
    };
    if let Some(port) = now.ssh.first()
        && now.ssh.iter().all(closed)
    {
        let effect = format!("would block SSH at port {port} for everyone");
        return Ok(Some(refusal(&effect, *port)));
    }
    let blocked = way_in::came(probe)?.into_iter().find(|session| {
        let after = after(session.remote.is_ipv6());
        !way_in::decided(&after, session).unwrap_or(false)
    });
    Ok(blocked.map(|session| {
        let effect = format!(
            "would block the SSH session from {} at port {}",
            session.remote, session.port
        );
        refusal(&effect, session.port)
    }))
}

fn refusal(effect: &str, port: u16) -> Fault {
    Fault::new(format!(
        "without the rules of aztec-kit, the firewall, which was enabled before, {effect}"
    ))
    .fix(format!(
        "Add a rule of your own first (`ufw allow {port}/tcp`), then run the same command again."
    ))
    .refusal()
}
