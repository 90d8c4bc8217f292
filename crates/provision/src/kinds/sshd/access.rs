//! Which accounts could still log in with a key once passwords are refused.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::config::Config;
use crate::Fault;
use crate::host::Probe;
use crate::kinds::Accounts;
use crate::kinds::ufw::sessions;
use crate::tools::accounts::User;
use crate::tools::network::holds;
use crate::tools::sshd_config::covers;

/// sshd_config(5), AuthorizedKeysFile.
const DEFAULT_FILES: &str = ".ssh/authorized_keys .ssh/authorized_keys2";

/// Accounts that can log in with a key, or the reasons why none can.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// At least this account can.
    Somebody(String),
    /// Not only files decide, so it cannot be determined here; the place of that setting.
    Elsewhere(String),
    /// None can; the reason for each account.
    Nobody(Vec<String>),
}

/// Checks every account. `root` is the future value of `PermitRootLogin`.
pub(super) fn look(probe: &dyn Probe, config: &Config, root: &str) -> Result<Access, Fault> {
    for keyword in ["authorizedkeyscommand", "trustedusercakeys"] {
        if let Some(line) = config.first(keyword)
            && line.directive.value != "none"
        {
            return Ok(Access::Elsewhere(line.place()));
        }
    }
    let (accounts, limits) = (Accounts::read(probe)?, Limits::now(probe)?);
    let (mut why, mut authority) = (Vec::new(), None);
    for user in &accounts.users {
        if user.shell.ends_with("/nologin") || user.shell.ends_with("/false") {
            continue;
        }
        let refusal = match user.uid {
            // With the second value, a key needs a command of its own.
            0 if matches!(root, "no" | "forced-commands-only") => {
                Some(format!("PermitRootLogin is {root}"))
            }
            _ => excluded(config, user, &accounts),
        };
        let refusal = match refusal {
            Some(refusal) => Some(refusal),
            None => match keys(probe, config, user, &limits)? {
                Keys::Good => None,
                // Its users are not known here; a key of an account is better evidence.
                Keys::Signed(place) => {
                    authority.get_or_insert(place);
                    continue;
                }
                Keys::None(refusal) => Some(refusal),
            },
        };
        match refusal {
            None => return Ok(Access::Somebody(user.name.clone())),
            // System accounts that happen to have a shell are not worth reporting.
            Some(_) if user.uid != 0 && user.uid < 1000 => {}
            Some(refusal) => why.push(format!("{}: {refusal}", user.name)),
        }
    }
    Ok(match authority {
        Some(place) => Access::Elsewhere(place.display().to_string()),
        None => Access::Nobody(why),
    })
}

/// The reason why the user and group lists refuse this account.
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
            // USER@HOST: the host cannot be checked here.
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
            return Some(format!("{keyword} does not include it"));
        }
    }
    None
}

/// A larger list of keys is not one that an operator maintains.
const LARGEST: u64 = 256 << 10;

/// The login methods of an account.
enum Keys {
    /// A key of its own.
    Good,
    /// Any certificate of an authority that this file names.
    Signed(PathBuf),
    /// None; the reason.
    None(String),
}

/// Which keys of this account sshd would accept.
fn keys(probe: &dyn Probe, config: &Config, user: &User, limits: &Limits) -> Result<Keys, Fault> {
    let files = config.first("authorizedkeysfile");
    let files = files.map_or(DEFAULT_FILES, |line| line.directive.value.as_str());
    let mut why = "no key in its authorized_keys".to_owned();
    let mut signed = None;
    for file in files.split_whitespace().filter(|file| *file != "none") {
        let file = file
            .replace("%%", "%")
            .replace("%h", &user.home)
            .replace("%u", &user.name);
        let path = Path::new(&user.home).join(file);
        // The account controls this path. A special or endless file counts as having no key, and does not end the run.
        let text = match probe.read_up_to(&path, LARGEST) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(fault) => {
                why = fault.chain();
                continue;
            }
        };
        let text = String::from_utf8_lossy(&text);
        let keys: Vec<_> = text.lines().filter_map(options).collect();
        let can_log_in = |key: &&Vec<_>| limits.weakness(key).is_none();
        let mut authorities = keys.iter().filter(can_log_in).map(|key| signs(key));
        let Some(first) = authorities.next() else {
            let weak = keys.iter().find_map(|key| limits.weakness(key));
            why = weak.unwrap_or(why);
            continue;
        };
        let only_signs = first && authorities.all(|signs| signs);
        match open_to_others(probe, &path, user)? {
            None if only_signs => {
                signed.get_or_insert(path);
            }
            None => return Ok(Keys::Good),
            Some(place) => {
                why = format!(
                    "sshd refuses its keys because others can write to {}",
                    place.display()
                );
            }
        }
    }
    Ok(signed.map_or(Keys::None(why), Keys::Signed))
}

/// Whether a key with these options is that of an authority: it accepts a certificate, but not the key itself.
fn signs(options: &[(String, String)]) -> bool {
    options.iter().any(|(option, _)| option == "cert-authority")
}

/// `StrictModes`: sshd refuses keys in a file that another account could have written (auth2-pubkey.c, misc.c
/// `safe_path`).
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

/// The values that restrictions of a key are compared with.
struct Limits {
    /// Days since the epoch.
    today: i64,
    /// The addresses of the clients that are logged in.
    clients: Vec<IpAddr>,
}

impl Limits {
    fn now(probe: &dyn Probe) -> Result<Self, Fault> {
        let clients = sessions(probe)?.into_iter().map(|(remote, ..)| remote);
        Ok(Self {
            today: probe.clock().realtime_us / 86_400_000_000,
            clients: clients.collect(),
        })
    }

    /// The reason why a key with these options cannot log in again; `None` when it can.
    fn weakness(&self, options: &Options) -> Option<String> {
        let has = |name: &str| options.iter().any(|(option, _)| option == name);
        let value = |name: &str| options.iter().find(|(option, _)| option == name);
        if has("command") {
            return Some("its key runs one command only".into());
        }
        // The later of the two counts; nobody writes both.
        if has("no-pty") || has("restrict") && !has("pty") {
            return Some("its key does not allow a terminal".into());
        }
        if let Some((_, time)) = value("expiry-time")
            && day(time).is_none_or(|day| day <= self.today + 1)
        {
            return Some("its key has expired, or will within a day".into());
        }
        let (_, from) = value("from")?;
        let is_listed = |client: &IpAddr| listed(from, *client);
        // At a console there is no client to compare with.
        let shut = !self.clients.is_empty() && !self.clients.iter().any(is_listed);
        shut.then(|| {
            "its key is restricted to other addresses than those of the present sessions".into()
        })
    }
}

/// Whether a pattern list of sshd matches this address. Names are not looked up (`UseDNS no`).
fn listed(patterns: &str, client: IpAddr) -> bool {
    let fits = |pattern: &str| covers(pattern, &client.to_string()) || holds(pattern, client);
    let mut any = false;
    for pattern in patterns.split(',').map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(not) if fits(not) => return false,
            Some(_) => {}
            None => any |= fits(pattern),
        }
    }
    any
}

/// The days since the epoch of `YYYYMMDD[HHMM[SS]][Z]`.
fn day(time: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    // Howard Hinnant, days_from_civil: years begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Parses a line of `authorized_keys`, for a day and a client.
#[cfg(feature = "fuzz")]
pub(crate) fn key(line: &str, today: i64, client: IpAddr) -> Option<(Options, Option<String>)> {
    let options = options(line)?;
    let clients = vec![client];
    let weakness = Limits { today, clients }.weakness(&options);
    Some((options, weakness))
}

/// Options of a key with their values.
pub(crate) type Options = Vec<(String, String)>;

/// The options of a line of `authorized_keys` with a key, in lower case; `None` for any other line: sshd(8),
/// AUTHORIZED_KEYS FILE FORMAT.
fn options(line: &str) -> Option<Options> {
    let line = line.trim_start();
    if line.starts_with('#') {
        return None;
    }
    let (before, rest) = split(line, char::is_whitespace);
    let is_kind = |word: &str| {
        let mut kinds = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter();
        kinds.any(|prefix| word.starts_with(prefix))
    };
    let (given, key) = match is_kind(before) {
        true => ("", line),
        false => (before, rest.trim_start()),
    };
    let mut words = key.split_whitespace();
    // Base64 of a length of four bytes, of which the first two are zero.
    if !is_kind(words.next()?) || !words.next()?.starts_with("AAAA") {
        return None;
    }
    let (mut found, mut left) = (Vec::new(), given);
    while !left.is_empty() {
        let (option, after) = split(left, |c| c == ',');
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        found.push((
            name.to_ascii_lowercase(),
            value.trim_matches('"').to_owned(),
        ));
        left = after.strip_prefix(',').unwrap_or_default();
    }
    Some(found)
}

/// Splits at the first match outside of quotes.
fn split(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (place, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            other if !quoted && at(other) => return text.split_at(place),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::{Limits, day, options};

    #[test]
    fn keys_are_told_from_other_lines() {
        for (line, names) in [
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@home", Some("")),
            (
                "from=\"10.0.0.0/8\",command=\"a \\\"b, c\" ssh-rsa AAAAB3Nza",
                Some("from command"),
            ),
            ("# ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", None),
            ("ssh-ed25519 PASTE-YOUR-KEY-HERE", None),
            ("", None),
        ] {
            let found = options(line).map(|options| {
                let names: Vec<_> = options.into_iter().map(|(name, _)| name).collect();
                names.join(" ")
            });
            assert_eq!(found.as_deref(), names, "{line}");
        }
    }

    #[test]
    fn a_key_that_is_limited_is_none_to_come_back_with() {
        assert_eq!((day("19700102"), day("20261129")), (Some(1), Some(20_786)));
        let limits = Limits {
            today: 20_786,
            clients: vec![[10, 1, 2, 3].into()],
        };
        let weak = |options_: &str| {
            let line = format!("{options_} ssh-ed25519 AAAAC3Nza me");
            limits.weakness(&options(&line).unwrap_or_default())
        };
        for strong in [
            "",
            "no-agent-forwarding",
            "restrict,pty",
            "from=\"10.0.0.0/8\"",
            "from=\"192.0.2.1,10.1.*\"",
            "expiry-time=\"20270101\"",
        ] {
            assert_eq!(weak(strong), None, "{strong}");
        }
        for limited in [
            "command=\"echo 'Please login as the user debian'\"",
            "cert-authority,restrict",
            "restrict",
            "no-pty",
            "from=\"192.0.2.0/24\"",
            "from=\"!10.1.2.3,10.*\"",
            "from=\"home.example\"",
            "expiry-time=\"20261129\"",
            "expiry-time=\"20200101Z\"",
        ] {
            assert!(weak(limited).is_some(), "{limited}");
        }
    }
}
