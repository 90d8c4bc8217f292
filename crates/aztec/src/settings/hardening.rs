//! `[hardening]`: the protection of this host.

use provision::Fault;
use provision::tools::network;
use serde::Deserialize;

use super::values::bad;

/// `[hardening]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardeningFile {
    /// Whether this host is hardened at all.
    pub enabled: Option<bool>,
    /// Keys instead of passwords; on by default, as every topic.
    pub ssh: Option<bool>,
    /// Bans of hosts that guess passwords.
    pub fail2ban: Option<bool>,
    /// Addresses and networks that are never banned; `setup` puts its own SSH client here.
    pub never_ban: Vec<String>,
    /// Automatic security upgrades.
    pub updates: Option<bool>,
    /// Time synchronisation.
    pub chrony: Option<bool>,
    /// Detection of files that change unexpectedly.
    pub aide: Option<bool>,
    /// Audit of access to keys, units and accounts.
    pub auditd: Option<bool>,
    /// Kernel settings.
    pub kernel: Option<bool>,
}

/// The topics of hardening that are on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardening {
    /// Keys instead of passwords.
    pub ssh: bool,
    /// Bans of hosts that guess passwords.
    pub fail2ban: bool,
    /// Addresses and networks that are never banned.
    pub never_ban: Vec<String>,
    /// Automatic security upgrades.
    pub updates: bool,
    /// Time synchronisation.
    pub chrony: bool,
    /// Detection of files that change unexpectedly.
    pub aide: bool,
    /// Audit of access to keys, units and accounts.
    pub auditd: bool,
    /// Kernel settings.
    pub kernel: bool,
}

impl Hardening {
    /// The topics of the file; `None` if this host is not hardened.
    pub(super) fn from_file(file: HardeningFile) -> Result<Option<Self>, Fault> {
        for entry in &file.never_ban {
            never_banned(entry)?;
        }
        let on = |topic: Option<bool>| topic.unwrap_or(true);
        Ok(file.enabled.unwrap_or(false).then(|| Self {
            ssh: on(file.ssh),
            fail2ban: on(file.fail2ban),
            never_ban: file.never_ban,
            updates: on(file.updates),
            chrony: on(file.chrony),
            aide: on(file.aide),
            auditd: on(file.auditd),
            kernel: on(file.kernel),
        }))
    }
}

/// Refuses any text except `ADDRESS` and `ADDRESS/BITS`, because fail2ban would read it as a host name.
fn never_banned(text: &str) -> Result<(), Fault> {
    if network::parse(text).is_some_and(|network| network.prefix_len() > 0) {
        return Ok(());
    }
    Err(bad(
        "hardening.never_ban",
        format!("`{text}` is neither an address nor a network"),
    )
    .fix("Write it as 203.0.113.7 or 10.0.0.0/8."))
}
