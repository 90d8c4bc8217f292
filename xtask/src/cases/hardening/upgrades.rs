//! Unattended upgrades: what they install, and what they restart.

use anyhow::{Context as _, Result, ensure};

use crate::cases::support::{Kit, finding, said};
use crate::machine::Machine;

/// Only security origins are upgraded, without a reboot, and no service of Aztec is restarted.
pub(super) fn upgrades(machine: &Machine) -> Result<()> {
    let output = machine.exec_ok(&["unattended-upgrade", "--dry-run", "--debug"])?;
    let output = format!("{}{}", output.stdout, output.stderr);
    let origins = output
        .lines()
        .find(|line| line.contains("Allowed origins are:"))
        .with_context(|| format!("no origins: {output}"))?;
    ensure!(
        origins.contains("-security,label=Debian-Security") && !origins.contains("label=Debian,"),
        "{origins}"
    );
    ensure!(!origins.contains("label=Debian'"), "{origins}");
    let config = machine.exec_ok(&["apt-config", "dump"])?.stdout;
    for line in [
        "Unattended-Upgrade::Automatic-Reboot \"false\";",
        "APT::Periodic::Unattended-Upgrade \"1\";",
    ] {
        ensure!(config.contains(line), "apt does not read {line}");
    }
    // needrestart reads its own files here.
    machine.shell(
        "export DEBIAN_FRONTEND=noninteractive; \
         apt-get -qq --yes --no-install-recommends install needrestart >&2",
    )?;
    let verdict = machine.shell(
        "perl -e 'our %nrconf; my $LOGPREF = q(); eval do { local(@ARGV, $/) = q(/etc/needrestart/needrestart.conf); <> }; \
         die $@ if $@; my ($re) = grep { q(aztec-sequencer.service) =~ /$_/ } keys %{$nrconf{override_rc}}; \
         print qq($nrconf{restart} $nrconf{override_rc}{$re}\\n)'",
    )?;
    ensure!(
        verdict.trim() == "l 0",
        "needrestart would restart: {verdict}"
    );
    Ok(())
}

/// A finding names a later file of the operator.
pub(super) fn overridden_upgrades(machine: &Machine) -> Result<()> {
    let later = "/etc/apt/apt.conf.d/99-mine";
    let text = "Unattended-Upgrade { Automatic-Reboot \"true\"; };\n";
    machine.write(later, text, 0o644)?;
    let status = Kit(machine).json(&["status", "--json"], 0)?;
    let message = finding(&status, "updates").map(said).unwrap_or_default();
    let sets = format!("{later} sets Unattended-Upgrade::Automatic-Reboot to \"true\"");
    ensure!(message.contains(&sets), "{message}");
    machine.shell(&format!("rm {later}"))?;
    let status = Kit(machine).json(&["status", "--json"], 0)?;
    ensure!(finding(&status, "updates").is_none(), "{status}");
    Ok(())
}
