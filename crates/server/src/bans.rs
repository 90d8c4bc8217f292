//! Bans clients that guess passwords: fail2ban, for longer each time.

use std::path::Path;

use provision::engine::Graph;
use provision::kinds::{Directory, File, Input, Owner, Packages, Service};
use provision::systemd::{Section, UnitFile, Value};

use crate::{Kinds, packet_filter};

/// The last file that is read (jail.conf(5)), so it overrides the files of packages. A file with a later name overrides
/// it.
const JAILS: &str = "/etc/fail2ban/jail.d/aztec-kit.local";

/// The log of fail2ban, unless an operator sends it to the journal.
const LOG: &str = "/var/log/fail2ban.log";

/// Tests a copy of the whole directory with the new file in its final place, as fail2ban requires. A missing log is not
/// an error of the new file.
const CHECK: &str = "dir=$(mktemp -d) && trap 'rm -r \"$dir\"' EXIT && cp -R /etc/fail2ban/. \"$dir\" && \
    cp \"$1\" \"$dir/jail.d/aztec-kit.local\" && { [ -e \"$2\" ] || { : > \"$dir/log\" && \
    printf '[recidive]\\nlogpath = %s/log\\n' \"$dir\" > \"$dir/jail.d/zzzz-log.local\"; }; } && \
    fail2ban-client -c \"$dir\" -t";

const DROP_IN: &str = "/etc/systemd/system/fail2ban.service.d/50-aztec-kit.conf";

/// Keeps fail2ban running. It does not start while the log of one jail is missing, because it was rotated away or
/// /var/log is empty at each boot, so the log is created: owner and mode are those of its own logrotate file. Nor does
/// systemd start it for the sixth time in ten seconds by default, and each reload of nftables is a start: see
/// [`again`]. Twenty in a minute allow that, and still end a service that dies within a second.
fn starts() -> UnitFile {
    let script = format!("[ -e {LOG} ] || install -m 0640 -g adm /dev/null {LOG}");
    let make = ["/bin/sh -c".into(), Value::script(script)];
    UnitFile::drop_in()
        .section(
            Section::unit()
                .set("StartLimitIntervalSec", "60")
                .set("StartLimitBurst", "20"),
        )
        .section(Section::service().list("ExecStartPre", make))
}

/// Restarts fail2ban together with nftables. `nftables.service` flushes all rules when it is started, reloaded or
/// stopped, including the bans, which fail2ban still counts as active. fail2ban creates them again when it is
/// restarted. `PartOf` would also stop it together with nftables.
fn again() -> UnitFile {
    const AGAIN: &str = "-/usr/bin/systemctl --no-block try-restart fail2ban.service";
    let service = ["ExecStartPost", "ExecReload", "ExecStopPost"]
        .into_iter()
        .fold(Section::service(), |service, when| service.set(when, AGAIN));
    UnitFile::drop_in().section(service)
}

/// Adds the bans. `never`: addresses and networks that are never banned, in addition to the host's own.
pub fn add<K: Kinds>(graph: &mut Graph<K>, never: &[String]) {
    let filter = packet_filter::add(graph);
    packet_filter::follow(graph, "60-aztec-kit-bans", &again());
    let packages = graph.add(
        Packages {
            purpose: "bans".into(),
            // The package that reads the journal is only a recommendation in Debian. nft bans with or without a
            // firewall.
            names: ["fail2ban", "python3-systemd"].map(String::from).into(),
        },
        [],
    );
    let parent = Path::new(DROP_IN).parent().unwrap_or(Path::new("/"));
    let parent = graph.add(
        Directory {
            path: parent.into(),
            owner: Owner::root(0o755),
        },
        [],
    );
    let drop_in = File::new(DROP_IN, starts().to_string(), Owner::root(0o644));
    let jails = File::new(JAILS, jails(never), Owner::root(0o644))
        .checked_by(["sh", "-c", CHECK, "fail2ban", "{}", LOG]);
    let mut inputs = Vec::new();
    for (file, path, after) in [(drop_in, DROP_IN, parent), (jails, JAILS, packages.clone())] {
        inputs.push(Input {
            wanted: Some(file.sha256()),
            id: graph.add(file, [after]),
            path: path.into(),
        });
    }
    let after: Vec<_> = inputs.iter().map(|input| input.id.clone()).collect();
    let service = Service {
        unit: "fail2ban.service".into(),
        active: true,
        at_boot: true,
        inputs,
    };
    graph.add(service, after.into_iter().chain([packages, filter]));
}

/// A ban in the journal. fail2ban's own filter matches it only if it was sent by syslog: `logtarget = SYSTEMD-JOURNAL`
/// (1.0.2) writes neither the level nor the name of the logger.
const BANNED: &str = r"^\s*(?:\S+\s+)?fail2ban(?:[-.]\S+)?(?:\[\d+\])?:\s+(?:fail2ban\.actions\s*\[\d+\]:\s+)?(?:NOTICE\s+)?\[(?!recidive)[^\]]*\]\s+Ban\s+<HOST>\s*$";

/// A ban closes every port, so it works wherever sshd listens. Repeat offenders are searched in the log and in the
/// journal, because fail2ban writes to only one of them, depending on the operator's `logtarget`.
fn jails(never: &[String]) -> String {
    let never: String = never.iter().map(|entry| format!(" {entry}")).collect();
    let repeated = format!(
        "maxretry = 3\n\
         findtime = 1d\n\
         bantime = 1w\n\
         banaction = nftables[type=allports]\n\
         ignoreip = 127.0.0.1/8 ::1{never}\n"
    );
    format!(
        "# Written by aztec-kit; changes here are undone by its next run. Put yours into a file that sorts later.\n\
         [sshd]\n\
         enabled = true\n\
         backend = systemd\n\
         filter = sshd[mode=aggressive]\n\
         journalmatch = _COMM=sshd + _COMM=sshd-session\n\
         maxretry = 4\n\
         findtime = 10m\n\
         bantime = 1h\n\
         bantime.increment = true\n\
         bantime.maxtime = 1w\n\
         banaction = nftables[type=allports]\n\
         ignoreip = 127.0.0.1/8 ::1{never}\n\
         \n\
         [recidive]\n\
         enabled = true\n\
         backend = polling\n\
         logpath = {LOG}\n\
         {repeated}\
         \n\
         [recidive-journal]\n\
         enabled = true\n\
         backend = systemd\n\
         filter = recidive\n\
         journalmatch = _SYSTEMD_UNIT=fail2ban.service\n\
         failregex = {BANNED}\n\
         {repeated}"
    )
}

#[cfg(test)]
mod tests {
    use super::{LOG, again, jails, starts};

    #[test]
    fn fail2ban_starts_without_its_log_and_again_with_nftables() {
        let starts = starts().to_string();
        let mut lines = starts.lines();
        let before = lines.find(|line| line.starts_with("ExecStartPre="));
        assert!(before.is_some_and(|line| line.contains(LOG)), "{starts}");
        // Each of them flushes. The restart must neither fail nor delay it, and must not start a service that an operator has
        // stopped.
        let again = again().to_string();
        for moment in ["ExecStartPost", "ExecReload", "ExecStopPost"] {
            let line =
                format!("{moment}=-/usr/bin/systemctl --no-block try-restart fail2ban.service");
            assert!(again.lines().any(|it| it == line), "{moment}: {again}");
        }
    }

    #[test]
    fn no_jail_bans_an_address_that_must_never_be_banned() {
        let text = jails(&["192.0.2.7".into(), "2001:db8::/32".into()]);
        let ignored = "ignoreip = 127.0.0.1/8 ::1 192.0.2.7 2001:db8::/32\n";
        assert_eq!(text.matches(ignored).count(), 3, "{text}");
        assert_eq!(text.matches("enabled = true").count(), 3, "{text}");
    }
}
