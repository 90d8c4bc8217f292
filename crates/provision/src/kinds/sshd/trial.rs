//! Tests the new drop-in in a copy of the whole configuration, before it is put in place.

use std::path::Path;

use super::config::{Config, DIR, moved};
use super::desired::Desired;
use super::program::{PRIVSEP, deviations, lacks_directory};
use crate::Fault;
use crate::engine::ApplyCx;
use crate::host::{HostMut, Invocation, NewFile, Output};

const PROGRAM: &str = "/usr/sbin/sshd";
/// The directory of the copy.
const STAGE: &str = "/run/aztec-kit-sshd";

/// Tests whether sshd accepts the drop-in with this text and whether all desired values would be effective.
///
/// # Errors
///
/// The reason why they would not be, or when the copy cannot be made.
pub(super) fn run(
    text: &str,
    desired: &Desired,
    options: &[String],
    cx: &mut ApplyCx<'_>,
) -> Result<(), Fault> {
    let path = desired.path.display();
    let config = Config::read(cx.host_mut.probe(), Some((&desired.path, text)))?;
    stage(&config, cx.host_mut)?;
    let output = ask(options, cx.host_mut)?;
    clear(cx.host_mut)?;
    let output = output
        .map_err(|fault| Fault::new(format!("sshd rejects the new {path}")).because(fault))?;
    match deviations(&desired.values, &output.stdout).first() {
        None => Ok(()),
        Some((keyword, is, desired)) => Err(Fault::new(format!(
            "with the new {path} sshd would still use {is} for {keyword} instead of {desired}"
        ))
        .fix("Find another line with this keyword in the configuration of sshd and remove it.")),
    }
}

/// Removes the copy, also one of a run that was killed during the test.
pub(super) fn clear(host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    host_mut.remove_tree(Path::new(STAGE))
}

/// Copies the configuration.
fn stage(config: &Config, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let stage = Path::new(STAGE);
    clear(host_mut)?;
    host_mut.mkdir(stage, 0, 0, 0o700)?;
    for (file, text) in &config.texts {
        // Files outside of the directory are read where they are.
        let Ok(inside) = file.strip_prefix(DIR) else {
            continue;
        };
        let copy = stage.join(inside);
        let dirs: Vec<_> = copy.ancestors().skip(1).collect();
        for dir in dirs.into_iter().rev() {
            if host_mut.meta(dir)?.is_none() {
                host_mut.mkdir(dir, 0, 0, 0o700)?;
            }
        }
        host_mut.put(&NewFile {
            path: &copy,
            bytes: moved(text, stage).as_bytes(),
            uid: 0,
            gid: 0,
            mode: 0o600,
        })?;
    }
    Ok(())
}

/// The answer of sshd about the copy, or its message.
///
/// # Errors
///
/// When sshd cannot be run.
fn ask(options: &[String], host_mut: &mut dyn HostMut) -> Result<Result<Output, Fault>, Fault> {
    let main = Path::new(STAGE).join("sshd_config").display().to_string();
    let argv = [PROGRAM, "-T", "-f", &main].map(String::from);
    let argv = [&argv, options].concat();
    let order = Invocation::new(argv.clone());
    let output = host_mut.tell(&order)?.answer(&argv);
    if !output.as_ref().is_err_and(lacks_directory) {
        return Ok(output);
    }
    // systemd creates it for the service, which may not run under socket activation.
    host_mut.mkdir(Path::new(PRIVSEP), 0, 0, 0o755)?;
    Ok(host_mut.tell(&order)?.answer(&argv))
}
