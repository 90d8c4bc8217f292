//! Who could still log in with a key when passwords are no longer taken.

use std::path::{Path, PathBuf};

use super::config::Config;
use crate::Fault;
use crate::host::Probe;
use crate::kinds::Accounts;
use crate::tools::accounts::User;
use crate::tools::sshd_config::covers;

/// sshd_config(5), AuthorizedKeysFile.
const DEFAULT_FILES: &str = ".ssh/authorized_keys .ssh/authorized_keys2";

/// Accounts that can log in with a key, or why none can.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// At least this one.
    Somebody(String),
    /// Keys do not come from files alone, so it cannot be told from here.
    Elsewhere(String),
    /// Why, by account.
    Nobody(Vec<String>),
}

/// Looks at every account. `root`: what `PermitRootLogin` will say.
pub(super) fn look(probe: &dyn Probe, config: &Config, root: &str) -> Result<Access, Fault> {
    for keyword in ["authorizedkeyscommand", "trustedusercakeys"] {
        if let Some(line) = config.first(keyword)
            && line.directive.value != "none"
        {
            return Ok(Access::Elsewhere(line.place()));
        }
    }
    let accounts = Accounts::read(probe)?;
    let mut why = Vec::new();
    for user in &accounts.users {
        if user.shell.ends_with("/nologin") || user.shell.ends_with("/false") {
            continue;
        }
        let refusal = match user.uid {
            0 if root == "no" => Some("PermitRootLogin is no".to_owned()),
            _ => excluded(config, user, &accounts),
        };
        let refusal = match refusal {
            Some(refusal) => Some(refusal),
            None => keyless(probe, config, user)?,
        };
        match refusal {
            None => return Ok(Access::Somebody(user.name.clone())),
            // Accounts of the system that happen to have a shell are no news.
            Some(_) if user.uid != 0 && user.uid < 1000 => {}
            Some(refusal) => why.push(format!("{}: {refusal}", user.name)),
        }
    }
    Ok(Access::Nobody(why))
}

/// Whether the lists of who may log in leave this one out.
fn excluded(config: &Config, user: &User, accounts: &Accounts) -> Option<String> {
    let list = |keyword: &str| {
        let lines = config
            .lines
            .iter()
            .filter(move |line| line.only_for.is_none() && line.directive.keyword == keyword);
        let values: Vec<_> = lines.map(|line| line.directive.value.as_str()).collect();
        values.join(" ")
    };
    let groups: Vec<_> = accounts
        .groups
        .iter()
        .filter(|group| group.gid == user.gid || group.members.contains(&user.name))
        .map(|group| group.name.as_str())
        .collect();
    let name = [user.name.as_str()];
    let among = |list: &str, names: &[&str]| {
        list.split_whitespace().any(|pattern| {
            // USER@HOST: whether the host fits cannot be told from here.
            let pattern = pattern.split('@').next().unwrap_or_default();
            names.iter().any(|name| covers(pattern, name))
        })
    };
    for (keyword, names, allows) in [
        ("denyusers", &name[..], false),
        ("allowusers", &name[..], true),
        ("denygroups", &groups[..], false),
        ("allowgroups", &groups[..], true),
    ] {
        let list = list(keyword);
        if !list.is_empty() && among(&list, names) != allows {
            return Some(format!("{keyword} leaves it out"));
        }
    }
    None
}

/// A list of keys that is larger is none that somebody keeps.
const LARGEST: u64 = 256 << 10;

/// Why no key of this account would be taken.
fn keyless(probe: &dyn Probe, config: &Config, user: &User) -> Result<Option<String>, Fault> {
    let files = config.first("authorizedkeysfile");
    let files = files.map_or(DEFAULT_FILES, |line| line.directive.value.as_str());
    let mut why = "no key in its authorized_keys".to_owned();
    for file in files.split_whitespace().filter(|file| *file != "none") {
        let file = file
            .replace("%%", "%")
            .replace("%h", &user.home)
            .replace("%u", &user.name);
        let path = Path::new(&user.home).join(file);
        // It is the account's own: what is no file, or has no end, has no key, and does not end the run.
        let text = match probe.read_up_to(&path, LARGEST) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(fault) => {
                why = fault.chain();
                continue;
            }
        };
        if !String::from_utf8_lossy(&text).lines().any(is_key) {
            continue;
        }
        match open_to_others(probe, &path, user)? {
            None => return Ok(None),
            Some(place) => {
                why = format!(
                    "sshd does not trust its keys: others can write to {}",
                    place.display()
                );
            }
        }
    }
    Ok(Some(why))
}

/// `StrictModes`: sshd takes no key from a file that another one could have written (auth2-pubkey.c,
/// misc.c `safe_path`).
fn open_to_others(probe: &dyn Probe, file: &Path, user: &User) -> Result<Option<PathBuf>, Fault> {
    for path in file.ancestors() {
        if let Some(meta) = probe.meta(path)?
            && (meta.mode & 0o022 != 0 || ![0, user.uid].contains(&meta.uid))
        {
            return Ok(Some(path.to_owned()));
        }
        if path == Path::new(&user.home) {
            break;
        }
    }
    Ok(None)
}

/// Whether a line of `authorized_keys` is a key: sshd(8), AUTHORIZED_KEYS FILE FORMAT.
fn is_key(line: &str) -> bool {
    let mut words = line.split_whitespace();
    if line.trim_start().starts_with('#') {
        return false;
    }
    // Options may stand before the type; they may hold spaces in quotes, so each word is tried.
    while let Some(word) = words.next() {
        let kind = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"]
            .iter()
            .any(|prefix| word.starts_with(prefix));
        if kind {
            // Base64 of a length of four bytes, of which the first two are zero.
            return words.next().is_some_and(|key| key.starts_with("AAAA"));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_key;

    #[test]
    fn keys_are_told_from_other_lines() {
        for (line, key) in [
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@home", true),
            (
                "from=\"10.0.0.0/8\",command=\"a b\" ssh-rsa AAAAB3Nza",
                true,
            ),
            ("# ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", false),
            ("ssh-ed25519 PASTE-YOUR-KEY-HERE", false),
            ("", false),
        ] {
            assert_eq!(is_key(line), key, "{line}");
        }
    }
}
