//! The program sshd: the options that it was started with, its answer about its configuration, and its reload.

use std::path::Path;

use super::strict::normal;
use crate::Fault;
use crate::engine::ApplyCx;
use crate::host::{Invocation, Probe, Query};
use crate::tools::sshd_command;
use crate::tools::sshd_config::effective;

pub(super) const UNIT: &str = "ssh.service";
/// The directory to which sshd restricts its child processes.
pub(super) const PRIVSEP: &str = "/run/sshd";

/// The options of the running sshd; none when it does not run.
pub(super) fn current_options(probe: &dyn Probe) -> Result<Vec<String>, Fault> {
    running_options(probe.unit(UNIT)?.main_pid, probe)
}

/// The options of the running sshd with that main process; none when it does not run.
pub(in crate::kinds) fn running_options(pid: u32, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
    if pid == 0 {
        return Ok(Vec::new());
    }
    // It may end meanwhile.
    let cmdline = probe.read(&Path::new("/proc").join(pid.to_string()).join("cmdline"))?;
    Ok(sshd_command::options(&cmdline.unwrap_or_default()))
}

/// The effective configuration in the form of `sshd -T`.
///
/// # Errors
///
/// When sshd rejects its configuration, with its message.
pub(in crate::kinds) fn effective_config(
    options: &[String],
    probe: &dyn Probe,
) -> Result<String, Fault> {
    probe
        .ask(&Query::Sshd(options.to_vec()))
        .map(|output| output.stdout)
        .map_err(|fault| {
            let fix = match lacks_directory(&fault) {
                true => format!("Run `mkdir -p {PRIVSEP}`, then the same command again."),
                false => "Correct the configuration until `sshd -t` reports nothing, then run the same command again.".into(),
            };
            Fault::new("the SSH server rejects its own configuration, so its settings are not known")
                .fix(fix)
                .because(fault)
        })
}

/// Whether sshd fails because of a missing directory that systemd creates for the service and for each connection.
pub(super) fn lacks_directory(fault: &Fault) -> bool {
    fault.chain().contains("privilege separation directory")
}

/// Compares the desired values with the output of `sshd -T`. Returns keyword, effective value and desired value where
/// they differ; pure.
pub(super) fn deviations(
    desired: &[(String, String)],
    output: &str,
) -> Vec<(String, String, String)> {
    const UNKNOWN: &str = "(unknown)";
    desired
        .iter()
        .filter_map(|(keyword, desired)| {
            let is = effective(output, keyword).unwrap_or(UNKNOWN);
            let right = match desired.strip_prefix('-') {
                // A list that is not in the output does not have them.
                Some(out) => {
                    let mut out = out.split(',');
                    is != UNKNOWN && out.all(|out| is.split(',').all(|has| has != out))
                }
                None => normal(is).eq_ignore_ascii_case(normal(desired)),
            };
            (!right).then(|| (keyword.clone(), is.to_owned(), desired.clone()))
        })
        .collect()
}

/// Makes a running sshd read its configuration. Sessions survive that. A socket starts an sshd that reads the
/// configuration each time.
pub(super) fn reload(active: bool, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    if !active {
        return Ok(());
    }
    cx.host_mut
        .run(&Invocation::new(["systemctl", "reload", UNIT]))
        .map_err(|fault| {
            Fault::new("sshd failed to load its new configuration")
                .fix(format!(
                    "Read `journalctl --unit {UNIT} --lines 50` for the cause."
                ))
                .because(fault)
        })
}
