//! Unit files and their drop-ins: the settings of a service after all of them are read, systemd.unit(5).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The directories of drop-ins, the stronger first: of two drop-ins with the same name only the stronger is read.
const PLACES: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// Settings that accumulate; of any other the last one counts.
const LISTS: &[&str] = &[
    "CapabilityBoundingSet",
    "EnvironmentFile",
    "LoadCredential",
    "LoadCredentialEncrypted",
    "RestrictAddressFamilies",
    "SystemCallFilter",
];

/// Settings without which a service cannot read its inputs.
const NEEDED: &[&str] = &[
    "EnvironmentFile",
    "LoadCredential",
    "LoadCredentialEncrypted",
];

/// The settings of a sandbox.
const CONFINING: &[&str] = &[
    "CapabilityBoundingSet",
    "KeyringMode",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateTmp",
    "PrivateUsers",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "RemoveIPC",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "User",
];

/// The directories of drop-ins for a unit, the stronger first: its own, those of its template and of its name's
/// prefixes (`a-.service.d` for `a-b.service`), and those of its type.
pub fn drop_in_dirs(unit: &str) -> Vec<PathBuf> {
    let (stem, kind) = unit.rsplit_once('.').unwrap_or((unit, "service"));
    let mut names = vec![unit.to_owned()];
    let template = stem.split_once('@').map(|(prefix, _)| prefix);
    names.extend(template.map(|prefix| format!("{prefix}@.{kind}")));
    let prefix = template.unwrap_or(stem);
    let dashes = prefix.rmatch_indices('-').map(|(at, _)| &prefix[..=at]);
    names.extend(
        dashes
            .filter(|begin| begin.len() < prefix.len())
            .map(|begin| format!("{begin}.{kind}")),
    );
    names.push(kind.to_owned());
    let dirs = names.iter().flat_map(|name| {
        let places = PLACES.iter();
        places.map(move |place| Path::new(place).join(format!("{name}.d")))
    });
    dirs.collect()
}

/// A file with settings of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Whether it is the unit file or a drop-in that belongs to it, and not a foreign drop-in.
    pub own: bool,
}

/// A setting that foreign drop-ins remove from a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// The foreign drop-in.
    pub path: PathBuf,
    /// Name of the setting.
    pub setting: String,
    /// Whether the service cannot work without it. Otherwise its sandbox is weaker.
    pub needed: bool,
}

/// The settings that foreign drop-ins remove from a unit; `parts` in the order in which systemd reads them. Settings
/// that they add, or make stricter, are not lost.
pub fn lost(parts: &[Part]) -> BTreeSet<Lost> {
    let own = settings(parts.iter().filter(|part| part.own));
    let all = settings(parts.iter());
    let wide = |setting: &str, ours: &[String], now: &[String]| {
        let missing = ours.iter().any(|value| !now.contains(value));
        let added = |value: &&String| !ours.contains(value) && !value.starts_with('~');
        missing || LISTS.contains(&setting) && now.iter().any(|value| added(&value))
    };
    let mut lost = BTreeSet::new();
    for (setting, ours) in &own {
        let now = all.get(setting).map(Vec::as_slice).unwrap_or_default();
        let needed = NEEDED.contains(&setting.as_str());
        let gone = match needed {
            true => ours.iter().any(|value| !now.contains(value)),
            false => CONFINING.contains(&setting.as_str()) && wide(setting, ours, now),
        };
        if !gone {
            continue;
        }
        let mut strangers = parts.iter().rev().filter(|part| !part.own);
        let names = |part: &&Part| {
            assignments(&part.text)
                .iter()
                .any(|(name, _)| name == setting)
        };
        if let Some(part) = strangers.find(names) {
            lost.insert(Lost {
                path: part.path.clone(),
                setting: setting.clone(),
                needed,
            });
        }
    }
    lost
}

/// The values of each setting after all of these are read.
fn settings<'p>(parts: impl Iterator<Item = &'p Part>) -> BTreeMap<String, Vec<String>> {
    let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in parts.flat_map(|part| assignments(&part.text)) {
        let values = settings.entry(name.clone()).or_default();
        if value.is_empty() || !LISTS.contains(&name.as_str()) {
            values.clear();
        }
        if !value.is_empty() {
            values.push(value);
        }
    }
    settings
}

/// Every setting of the `[Service]` sections, in order; booleans as `yes` or `no`.
fn assignments(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let mut service = false;
    let mut found = Vec::new();
    for line in joined.lines().map(str::trim) {
        if line.starts_with('[') {
            service = line == "[Service]";
        } else if service
            && !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            let value = match value.trim() {
                "1" | "true" | "on" => "yes",
                "0" | "false" | "off" => "no",
                value => value,
            };
            found.push((name.trim().to_owned(), value.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "[Unit]\nDescription=x\n[Service]\nLoadCredential=a:/etc/a\nNoNewPrivileges=yes\nProtectSystem=strict\n\
                        CapabilityBoundingSet=\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged\n";

    fn lost_to(theirs: &str) -> Vec<(String, bool)> {
        let part = |path: &str, text: &str, own| Part {
            path: path.into(),
            text: text.into(),
            own,
        };
        let parts = [
            part("/etc/systemd/system/x.service", OURS, true),
            part("/run/systemd/system/service.d/zzz.conf", theirs, false),
        ];
        let lost = super::lost(&parts).into_iter();
        lost.map(|lost| (lost.setting, lost.needed)).collect()
    }

    #[test]
    fn what_a_drop_in_takes_away_is_told_and_what_it_adds_is_not() {
        let one = |setting: &str, needed| vec![(setting.to_owned(), needed)];
        for (theirs, lost) in [
            ("[Service]\nTimeoutStopSec=9\n", vec![]),
            ("[Unit]\nLoadCredential=\n", vec![]),
            ("[Service]\n# LoadCredential=\n", vec![]),
            ("[Service]\nLoadCredential=\n", one("LoadCredential", true)),
            ("[Service]\nLoadCredential=b:/etc/b\n", vec![]),
            (
                "[Service]\nLoadCredential=\nLoadCredential=a:/etc/a\n",
                vec![],
            ),
            (
                "[Service]\nNoNewPrivileges=0\n",
                one("NoNewPrivileges", false),
            ),
            ("[Service]\nNoNewPrivileges=true\n", vec![]),
            (
                "[Service]\nProtectSystem=full\n",
                one("ProtectSystem", false),
            ),
            (
                "[Service]\nCapabilityBoundingSet=CAP_NET_ADMIN\n",
                one("CapabilityBoundingSet", false),
            ),
            ("[Service]\nSystemCallFilter=~@mount\n", vec![]),
            (
                "[Service]\nSystemCallFilter=\n",
                one("SystemCallFilter", false),
            ),
            // A setting that the other unit does not have.
            ("[Service]\nProtectHome=no\n", vec![]),
        ] {
            assert_eq!(lost_to(theirs), lost, "{theirs}");
        }
    }

    #[test]
    fn what_is_read_later_by_its_own_gives_it_back() {
        let parts = [
            (OURS, true),
            ("[Service]\nProtectSystem=no\n", false),
            ("[Service]\nProtectSystem=strict\n", true),
        ]
        .map(|(text, own)| Part {
            path: "/x".into(),
            text: text.into(),
            own,
        });
        assert!(lost(&parts).is_empty());
    }

    #[test]
    fn a_unit_has_the_drop_ins_of_its_names_beginnings_and_of_its_type() {
        let dirs = drop_in_dirs("aztec-prover-agent@1.service");
        let names: Vec<_> = dirs
            .iter()
            .filter_map(|dir| dir.strip_prefix("/run/systemd/system").ok()?.to_str())
            .collect();
        assert_eq!(
            names,
            [
                "aztec-prover-agent@1.service.d",
                "aztec-prover-agent@.service.d",
                "aztec-prover-.service.d",
                "aztec-.service.d",
                "service.d"
            ]
        );
    }
}
