//! The effect of a drop-in that is not in place yet: whether all its settings would be effective, and whether somebody
//! could still log in.

use std::path::Path;

use super::access::{self, Access};
use super::config::{Config, DIR, Line, MAIN};
use super::desired::Desired;
use super::program::{current_options, effective_config, lacks_directory};
use super::strict;
use crate::Fault;
use crate::host::Probe;

/// The effect of a drop-in.
#[derive(Debug)]
pub enum Outlook {
    /// It would be effective, and somebody can log in with a key.
    Clear,
    /// It would be effective, but the files of this host do not tell whether somebody can log in; the reason.
    Doubt(String),
    /// It would not be effective for everybody, or would lock everybody out.
    Obstacle(Fault),
}

/// The effect of settings in a drop-in at this path. Changes nothing.
///
/// # Errors
///
/// When the host cannot be observed.
pub(super) fn outlook(
    path: &Path,
    settings: &[(String, String)],
    probe: &dyn Probe,
) -> Result<Outlook, Fault> {
    let options = current_options(probe)?;
    if let Some(fault) = other_file(&options) {
        return Ok(Outlook::Obstacle(fault));
    }
    // An sshd that refuses its present configuration is reported first, with its own message.
    if let Err(fault) = effective_config(&options, probe)
        && !lacks_directory(&fault)
    {
        return Ok(Outlook::Obstacle(fault));
    }
    let desired = Desired::read(path, settings, &options, probe)?;
    let config = Config::read(probe, Some((path, &desired.text)))?.after(&options);
    let obstacle = not_included(path, &config)
        .or_else(|| overridden(&desired, &config))
        .or_else(|| second_factor(&config));
    if let Some(fault) = obstacle {
        return Ok(Outlook::Obstacle(fault));
    }
    // Where the drop-in is live already, whoever runs aztec-kit logged in without it.
    let live = probe.read(path)?;
    if live.is_some_and(|live| live == desired.text.as_bytes()) {
        return Ok(Outlook::Clear);
    }
    somebody(&desired, &config, probe)
}

/// The obstacle if the running sshd does not read the configuration file of the host.
fn other_file(options: &[String]) -> Option<Fault> {
    let at = options.iter().position(|option| option == "-f")?;
    let other = options.get(at + 1).map_or("another file", String::as_str);
    let fault = Fault::new(format!("the running sshd reads {other} instead of {MAIN}"));
    Some(fault.fix("Remove `-f` from SSHD_OPTS in /etc/default/ssh."))
}

/// The obstacle if the configuration does not include the drop-in for everybody.
fn not_included(path: &Path, config: &Config) -> Option<Fault> {
    let mut lines = config.lines.iter();
    if lines.any(|line| line.file == path && line.only_for.is_none()) {
        return None;
    }
    let fault = Fault::new(format!("{MAIN} does not include {}", path.display()));
    Some(fault.fix(format!(
        "Add `Include {DIR}/sshd_config.d/*.conf` as its first line."
    )))
}

/// The obstacle if another line overrides a value of the drop-in.
fn overridden(desired: &Desired, config: &Config) -> Option<Fault> {
    let (line, value) = desired.values.iter().find_map(|(keyword, value)| {
        let mut lines = config.lines.iter();
        let line = lines.find(|line| beats(line, &desired.path, keyword, value, config))?;
        Some((line, value))
    })?;
    let fault = Fault::new(format!(
        "{} sets `{} {}`{}, which overrides `{value}`",
        line.place(),
        line.directive.keyword,
        line.directive.value,
        line.only_for
            .as_ref()
            .map_or(String::new(), |who| format!(" for `Match {who}`")),
    ));
    Some(fault.fix("Remove that line."))
}

/// Whether a line overrides a setting of aztec-kit and is not as strict.
fn beats(line: &Line, own: &Path, keyword: &str, desired: &str, config: &Config) -> bool {
    if line.directive.keyword != keyword || line.file == own {
        return false;
    }
    let counts = match line.only_for {
        Some(_) => true,
        None => config.first(keyword).is_some_and(|first| {
            (&first.file, first.directive.line) == (&line.file, line.directive.line)
        }),
    };
    counts && !strict::is_as_strict(keyword, &line.directive.value, desired)
}

/// The obstacle if a line requires more than a key, which could no longer be fulfilled.
fn second_factor(config: &Config) -> Option<Fault> {
    let line = config.lines.iter().find(|line| {
        let mut lists = line.directive.value.split_whitespace();
        line.directive.keyword == "authenticationmethods"
            && !lists.any(|list| matches!(list, "any" | "publickey"))
    })?;
    let fault = Fault::new(format!(
        "{} requires more than a key: `{}`",
        line.place(),
        line.directive.value
    ));
    Some(fault.fix("Remove that line."))
}

/// Whether somebody can log in.
fn somebody(desired: &Desired, config: &Config, probe: &dyn Probe) -> Result<Outlook, Fault> {
    let mut values = desired.values.iter();
    let root = values.find(|(keyword, _)| keyword == "permitrootlogin");
    let root = root.map_or("prohibit-password", |(_, value)| value.as_str());
    Ok(match access::look(probe, config, root)? {
        Access::Somebody(_) => Outlook::Clear,
        Access::Elsewhere(place) => Outlook::Doubt(format!(
            "the files of this host do not tell whether anybody can log in with a key or a certificate ({place})"
        )),
        Access::Nobody(why) => Outlook::Obstacle(
            Fault::new(format!(
                "nobody could log in any more, because no account has a key that sshd accepts ({})",
                why.join("; ")
            ))
            .fix("Add your public key to the authorized_keys of your account, for example with ssh-copy-id."),
        ),
    })
}
