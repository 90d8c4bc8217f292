//! The command line and the output of apt-get: apt-get(8).

use super::redact;
use crate::Fault;
use crate::host::Output;

/// The command line that installs packages, and removes those with a `-` behind their name. apt does not wait for its
/// locks: the caller does, and reports it.
pub fn install(entries: &[String], options: &[&str]) -> Vec<String> {
    let fixed = [
        "apt-get",
        "--quiet",
        "--assume-yes",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=0",
        "-o",
        "Dpkg::Options::=--force-confold",
    ];
    let words = fixed.iter().chain(options).chain(&["install", "--"]);
    words
        .map(ToString::to_string)
        .chain(entries.iter().cloned())
        .collect()
}

/// The packages that `--simulate` would remove, in order: lines such as `Remv npm [9.2.0~ds1-3]`.
///
/// # Errors
///
/// When their number differs from the summary.
pub fn removals(output: &str) -> Result<Vec<String>, Fault> {
    let names = output
        .lines()
        // `Purg` if apt.conf has APT::Get::Purge.
        .filter_map(|line| line.strip_prefix("Remv ").or(line.strip_prefix("Purg ")))
        .filter_map(|rest| rest.split_whitespace().next());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if output.lines().find_map(summary) != Some(names.len()) {
        return Err(Fault::new(format!(
            "apt-get named {} packages to remove, but its summary has another number",
            names.len()
        ))
        .fix("Run `apt-get --simulate autoremove` and read its output for the cause."));
    }
    Ok(names)
}

/// `0 upgraded, 0 newly installed, 2 to remove and 0 not upgraded.`
fn summary(line: &str) -> Option<usize> {
    let (before, _) = line.split_once(" to remove and ")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// The value of a setting in `apt-config dump`: lines such as `APT::Periodic::Unattended-Upgrade "1";`.
pub fn setting<'d>(dump: &'d str, name: &str) -> Option<&'d str> {
    let mut values = dump.lines().filter_map(|line| {
        let (found, value) = line.trim_end().strip_suffix("\";")?.split_once(" \"")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    });
    values.next_back()
}

/// The holder of a lock that stopped apt or dpkg: `process 812 (apt-get), which has /var/lib/dpkg/lock-frontend`.
pub fn held(output: &Output) -> Option<String> {
    if output.code == 0 {
        return None;
    }
    output.stderr.lines().find_map(|line| {
        if let Some((_, rest)) = line.split_once("Could not get lock ") {
            return Some(match rest.split_once(". It is held by ") {
                Some((lock, holder)) => {
                    format!("{}, which has {lock}", holder.trim_end_matches('.'))
                }
                None => format!(
                    "the process that has {}",
                    rest.split(" - ").next().unwrap_or(rest)
                ),
            });
        }
        // dpkg, run without apt.
        let (_, holder) = line.split_once("lock was locked by another ")?;
        Some(format!("{holder}, which has the lock of dpkg"))
    })
}

/// The error messages of apt, without its advice on what to read: lines such as `E: The repository … is not signed.`
/// Possible keys in the URL of a repository are redacted.
pub fn complaints(output: &Output) -> Vec<String> {
    let lines = |mark: &str| -> Vec<String> {
        let lines = output.stderr.lines();
        let lines = lines.filter_map(|line| line.strip_prefix(mark));
        lines.map(redact::secrets).collect()
    };
    let errors = lines("E: ");
    if errors.is_empty() {
        lines("W: ")
    } else {
        errors
    }
}

/// Whether apt reports packages that are unpacked without their dependencies. It does nothing else until that is fixed.
pub fn is_broken(complaint: &str) -> bool {
    complaint.contains("--fix-broken install")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_removals_are_read() {
        let said = "Reading package lists...\nThe following packages will be REMOVED:\n  node-abbrev npm\n\
                    0 upgraded, 0 newly installed, 2 to remove and 0 not upgraded.\n\
                    Remv npm [9.2.0~ds1-3]\nRemv node-abbrev [1.1.1+~1.1.2-1] [node-nopt:amd64 ]\n\
                    Inst ca-certificates (20250419 Debian:13/stable [all])\n";
        assert_eq!(removals(said).expect("an answer"), ["npm", "node-abbrev"]);
        let (half, _) = said.split_once("Remv node").expect("two");
        assert!(removals(half).is_err() && removals("").is_err());
        let none =
            "0 upgraded, 0 newly installed, 1 reinstalled, 0 to remove and 3 not upgraded.\n";
        assert!(removals(none).expect("an answer").is_empty());
    }

    /// Printed by apt 2.6 on Debian 12 with iptables-persistent installed.
    const UFW: &str = "\
Reading package lists...
Building dependency tree...
Reading state information...
Suggested packages:
  rsyslog
The following packages will be REMOVED:
  iptables-persistent netfilter-persistent
The following NEW packages will be installed:
  ufw
0 upgraded, 1 newly installed, 2 to remove and 80 not upgraded.
Remv iptables-persistent [1.0.20]
Remv netfilter-persistent [1.0.20]
Inst ufw (0.36.2-1 Debian:12.14/oldstable [all])
Conf ufw (0.36.2-1 Debian:12.14/oldstable [all])
";

    fn failed(stderr: &str) -> Output {
        Output {
            code: 100,
            stderr: stderr.into(),
            ..Output::default()
        }
    }

    #[test]
    fn what_an_installation_would_take_along_is_read() {
        assert_eq!(
            removals(UFW).expect("an answer"),
            ["iptables-persistent", "netfilter-persistent"]
        );
    }

    #[test]
    fn a_setting_is_read_whatever_its_case() {
        let dump = "APT \"\";\nAPT::Architecture \"amd64\";\nAPT::Periodic \"\";\n\
                    APT::Periodic::Unattended-Upgrade \"0\";\nUnattended-Upgrade::Automatic-reboot \"true\";\n";
        assert_eq!(
            setting(dump, "APT::Periodic::Unattended-Upgrade"),
            Some("0")
        );
        assert_eq!(
            setting(dump, "Unattended-Upgrade::Automatic-Reboot"),
            Some("true")
        );
        assert_eq!(setting(dump, "APT::Periodic::Enable"), None);
    }

    #[test]
    fn a_lock_is_told_with_its_holder() {
        for (stderr, told) in [
            (
                "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (python3)\n\
                 N: Be aware that removing the lock file is not a solution and may break your system.\n\
                 E: Unable to lock directory /var/lib/apt/lists/\n",
                "process 4711 (python3), which has /var/lib/apt/lists/lock",
            ),
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)\n",
                "process 812 (apt-get), which has /var/lib/dpkg/lock-frontend",
            ),
            (
                "E: Could not get lock /var/lib/dpkg/lock - open (11: Resource temporarily unavailable)\n",
                "the process that has /var/lib/dpkg/lock",
            ),
            (
                "dpkg: error: dpkg frontend lock was locked by another process with pid 77\n",
                "process with pid 77, which has the lock of dpkg",
            ),
        ] {
            assert_eq!(held(&failed(stderr)).as_deref(), Some(told));
        }
        assert_eq!(held(&failed("E: Unable to locate package ufw\n")), None);
    }

    #[test]
    fn a_repository_is_named_and_the_remarks_are_not() {
        let stderr = "W: The repository 'https://me:word@deb.example/debian x Release' does not have a Release file.\n";
        let error = "E: The repository 'http://10.0.0.1 ./ Release' is not signed.\n\
                     N: Updating from such a repository can't be done securely.\n";
        assert_eq!(
            complaints(&failed(&format!("{stderr}{error}"))),
            ["The repository 'http://10.0.0.1 ./ Release' is not signed."]
        );
        assert_eq!(
            complaints(&failed(stderr)),
            ["The repository 'https://…@deb.example/… x Release' does not have a Release file."]
        );
    }

    #[test]
    fn what_is_unpacked_without_what_it_needs_is_known() {
        let stderr = "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).\n";
        assert!(is_broken(stderr));
        assert!(!is_broken("E: Unable to locate package nonexisting\n"));
    }
}
