//! The commands for `ufw`, and for systemd about it.

use super::rule::Rule;
use super::state::Seen;
use crate::Fault;
use crate::engine::ApplyCx;
use crate::host::Invocation;

pub(super) fn ufw(cx: &mut ApplyCx<'_>, words: &[&str], more: &[String]) -> Result<(), Fault> {
    let mut argv = vec!["ufw".to_owned()];
    argv.extend(words.iter().map(ToString::to_string));
    argv.extend(more.iter().cloned());
    cx.host_mut.run(&Invocation::new(argv))
}

/// If UFW fails to enable, it leaves its IPv4 rules in the kernel and reports that it is off. Those rules are removed
/// at once.
pub(super) fn enable(cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    let Err(fault) = ufw(cx, &["--force", "enable"], &[]) else {
        return Ok(());
    };
    let left = ufw(cx, &["--force", "disable"], &[]).err();
    // `Problem running '/etc/ufw/before6.rules'`, from ufw 0.36.2.
    let message = fault.chain();
    let by_v6 = message.contains("ip6tables") || message.contains("6.rules");
    let fix = match (&left, by_v6) {
        (Some(_), _) => "Run `ufw disable`, because half of its rules are in the kernel.",
        (None, true) => {
            "Make `ip6tables -S` work. If this host does not need IPv6, set IPV6=no in /etc/default/ufw."
        }
        (None, false) => "Make `ufw enable` work, then run the same command again.",
    };
    Err(Fault::new("failed to enable UFW; it is disabled again")
        .fix(fix)
        .because(fault))
}

pub(super) fn make(cx: &mut ApplyCx<'_>, rule: &Rule, seen: &Seen) -> Result<(), Fault> {
    let mut words = rule.arguments(seen.only(rule));
    words.extend(["comment".into(), rule.comment()]);
    ufw(cx, &[], &words)
}

pub(super) fn delete(cx: &mut ApplyCx<'_>, rule: &Rule, seen: &Seen) -> Result<(), Fault> {
    ufw(cx, &["--force", "delete"], &rule.arguments(seen.only(rule)))
}

pub(super) fn systemctl(cx: &mut ApplyCx<'_>, verb: &str) -> Result<(), Fault> {
    let order = Invocation::new(["systemctl", "--quiet", verb, "ufw.service"]);
    cx.host_mut.run(&order)
}
