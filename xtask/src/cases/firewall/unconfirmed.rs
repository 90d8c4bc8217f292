//! Changes and removals that nobody confirms: they are rolled back, and the operator's rules are as before.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::walled::{CONFIG, KIT_TOML, files};
use crate::cases::KIT;
use crate::cases::support::{Kit, Listing, applied, reached, reaches, rolled_back};
use crate::machine::Machine;
use crate::sh;

/// A later change is rolled back to the confirmed one.
pub(super) fn unconfirmed(host: &Machine, outside: &Machine) -> Result<()> {
    let before = files(host)?;
    let more = KIT_TOML.replace("allow = [", "allow = [{ port = 9090 }, ");
    host.write(CONFIG, &more, 0o600)?;
    Kit(host)
        .run(&["apply", "--yes", "--confirm-within", "30"])?
        .ok()?;
    reached(outside, host, 9090)?;
    rolled_back(host)?;
    ensure!(!reaches(outside, host, 9090)?, "the new port is still open");
    reached(outside, host, 40400)?;
    ensure!(files(host)? == before, "UFW's files differ");
    Kit(host).run(&["plan", "--check"])?.expect(3)?;
    let status = Kit(host).json(&["status", "--json"], 0)?;
    ensure!(
        status["rolled_back"].to_string().contains("firewall[ufw]"),
        "{status}"
    );
    host.write(CONFIG, KIT_TOML, 0o600)
}

/// Configures a host without a firewall. A configuration must enable something.
fn open_host(host: &Machine) -> Result<()> {
    let nothing = "[hardening]\nenabled = true\nssh = false\naide = false\nfail2ban = false\nupdates = false\n\
                   chrony = false\nauditd = false\nkernel = false\n";
    let text = KIT_TOML.replace("= true", "= false");
    host.write(CONFIG, &format!("{nothing}{text}"), 0o600)
}

/// A removal can lock the operator out too: where UFW was on, by its default.
pub(super) fn removal_unconfirmed(host: &Machine, outside: &Machine) -> Result<()> {
    let before = files(host)?;
    open_host(host)?;
    let output = Kit(host)
        .run(&["apply", "--yes", "--confirm-within", "30"])?
        .ok()?;
    let reported = output.stderr.find("unconfirmed:").context("not reported")?;
    let removed = output.stderr.find("remove firewall[ufw]");
    ensure!(removed.is_some_and(|at| reported < at), "{}", output.stderr);
    reached(outside, host, 9090)?;
    rolled_back(host)?;
    ensure!(!reaches(outside, host, 9090)?, "still open");
    ensure!(files(host)? == before, "UFW's files differ");
    host.write(CONFIG, KIT_TOML, 0o600)?;
    let again = Kit(host).run(&["plan", "--check"])?.expect(0)?;
    ensure!(again.stdout.contains("in sync"), "{}", again.stdout);
    Ok(())
}

pub(super) fn removed(host: &Machine, before: &str) -> Result<()> {
    open_host(host)?;
    let refused = Kit(host).run(&["apply"])?.expect(2)?;
    ensure!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    Kit(host).run(&["apply", "--yes", "--confirm"])?.ok()?;
    as_before(host, before)?;
    host.write(CONFIG, KIT_TOML, 0o600)
}

fn as_before(host: &Machine, before: &str) -> Result<()> {
    let now = files(host)?;
    ensure!(now == before, "UFW's files were\n{before}and are\n{now}");
    let status = host.shell("ufw status")?;
    ensure!(status.trim() == "Status: inactive", "{status}");
    let tables = host.shell("nft list tables 2>/dev/null || true")?;
    ensure!(!tables.contains("aztec_kit"), "{tables}");
    Ok(())
}

/// A run is killed as soon as it has begun to close ports, so nobody confirms.
pub(super) fn killed(host: &Machine, before: &str) -> Result<()> {
    let mut kit = host.spawn(&[KIT, "apply", "--yes", "--confirm-within", "15"])?;
    sh::wait_for("rules of aztec-kit", Duration::from_secs(180), || {
        // `aztec-kit: SSH` in the hex of UFW's files.
        let rules = host.read("/etc/ufw/user.rules")?;
        Ok(rules.contains("617a7465632d6b69743a20").then_some(()))
    })?;
    kit.kill()?;
    rolled_back(host)?;
    as_before(host, before)
}

/// The firewall starts with the host, and is rolled back if nobody confirms. The time starts again with the boot.
pub(super) fn power_cut(host: &mut Machine, before: &str) -> Result<()> {
    Kit(host)
        .run(&["apply", "--yes", "--confirm-within", "120"])?
        .ok()?;
    host.kill_power()?;
    host.start()?;
    let status = host.shell("ufw status | head -1")?;
    ensure!(
        status.trim() == "Status: active",
        "after the power cut: {status}"
    );
    rolled_back(host)?;
    as_before(host, before)
}

/// UFW was on before aztec-kit, and sshd has moved since, by its command line: only a rule of aztec-kit allows it.
pub(super) fn no_way_in(host: &Machine, outside: &Machine) -> Result<()> {
    let apply = ["apply", "--yes", "--confirm", "--json"];
    host.shell("ufw allow 22/tcp >&2; ufw --force enable >&2")?;
    Kit(host).json(&apply, 0)?;
    host.shell("echo 'SSHD_OPTS=\"-p 2222\"' >/etc/default/ssh; systemctl restart ssh")?;
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["firewall[ufw]"], "{changed:?}");
    reached(outside, host, 2222)?;
    open_host(host)?;
    let listing = Listing::of(host)?;
    let refusal = Kit(host).run(&["apply", "--yes"])?.expect(2)?;
    ensure!(
        refusal.stderr.contains("SSH at port 2222"),
        "{}",
        refusal.stderr
    );
    listing.still(host, "a refusal")?;
    host.shell("ufw allow 2222/tcp >&2")?;
    Kit(host).json(&apply, 0)?;
    reached(outside, host, 2222)?;
    Ok(())
}
