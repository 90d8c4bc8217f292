//! Runs that would lock the operator out: they are refused, or change nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::walled::session;
use crate::cases::support::{Kit, Listing, reaches, still_prints, unknown};
use crate::machine::Machine;
use crate::sh;

/// A session at a port that would be closed, and a kernel that cannot filter.
pub(super) fn refused(host: &Machine, outside: &Machine) -> Result<()> {
    host.shell("mkdir -p /run/sshd; systemd-run --quiet --collect --unit=other-sshd /usr/sbin/sshd -D -p 2222")?;
    sh::wait_for("the other sshd", Duration::from_secs(180), || {
        Ok(reaches(outside, host, 2222)?.then_some(()))
    })?;
    let mut other = session(outside, "2222")?;
    let listing = Listing::of(host)?;
    let refusal = Kit(host).run(&["apply", "--yes"])?.expect(2)?;
    ensure!(
        refusal.stderr.contains("port 2222") && refusal.stderr.contains("firewall.allow"),
        "{}",
        refusal.stderr
    );
    listing.still(host, "a refusal")?;
    still_prints(&other)?;
    other.kill_tree()?;
    host.shell("systemctl stop other-sshd; rm -f /run/systemd/transient/other-sshd.service")?;

    host.write(
        "/usr/local/sbin/iptables",
        "#!/bin/sh\necho no such table >&2; exit 3\n",
        0o755,
    )?;
    let listing = Listing::of(host)?;
    let refusal = Kit(host).run(&["apply", "--yes"])?.expect(2)?;
    ensure!(
        refusal.stderr.contains("cannot filter"),
        "{}",
        refusal.stderr
    );
    listing.still(host, "a refusal")?;
    host.shell("rm /usr/local/sbin/iptables")?;
    Ok(())
}

/// Replacements of sshd: one leaves a process behind that keeps its output open, and one prints nothing. A plan once took
/// the second for an sshd without a port, and removed the rule that allows SSH.
const LATE: &str = "#!/bin/sh\nsleep 3 &\nexec /root/sshd \"$@\"\n";
const MUTE: &str = "#!/bin/sh\n";

pub(super) fn sshd_late_or_mute(host: &Machine) -> Result<()> {
    let kit = Kit(host);
    host.shell("cp /usr/sbin/sshd /root/sshd")?;
    for (script, answers) in [(LATE, true), (MUTE, false)] {
        host.write("/root/instead", script, 0o755)?;
        host.shell("mount --bind /root/instead /usr/sbin/sshd")?;
        let plan = kit.run(&["plan", "--check"]);
        let status = kit.json(&["status", "--json"], 0);
        let apply = kit.run(&["apply", "--yes", "--confirm", "--patience", "0"]);
        host.shell("umount /usr/sbin/sshd")?;
        let (plan, status, apply) = (plan?, status?, apply?);
        if answers {
            plan.expect(0)?;
            ensure!(unknown(&status).is_empty(), "{status}");
            apply.expect(0)?;
        } else {
            let plan = plan.expect(1)?;
            ensure!(plan.stderr.contains("printed nothing"), "{}", plan.stderr);
            let unanswered = format!("{:?}", unknown(&status));
            ensure!(unanswered.contains("firewall[ufw]"), "{status}");
            ensure!(status["pending"] == serde_json::json!([]), "{status}");
            let apply = apply.expect(1)?;
            ensure!(apply.stderr.contains("printed nothing"), "{}", apply.stderr);
        }
    }
    host.shell("rm /root/sshd /root/instead")?;
    kit.run(&["plan", "--check"])?.expect(0)?;
    Ok(())
}
