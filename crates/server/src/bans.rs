//! Who guesses passwords is shut out: fail2ban, for longer each time.

use provision::engine::Graph;
use provision::kinds::{File, Input, Owner, Packages, Service};

use crate::{Kinds, packet_filter};

/// Read last of all (jail.conf(5)), so that it wins over what packages bring; a later name wins over it.
const JAILS: &str = "/etc/fail2ban/jail.d/aztec-kit.local";

/// fail2ban tests a whole directory: a copy of its own, with the candidate in the place it will have.
const CHECK: &str = "dir=$(mktemp -d) && trap 'rm -r \"$dir\"' EXIT && cp -R /etc/fail2ban/. \"$dir\" && \
    cp \"$1\" \"$dir/jail.d/aztec-kit.local\" && fail2ban-client -c \"$dir\" -t";

/// Adds the bans. `never`: addresses and networks that are never banned, besides this host's own.
pub fn add<K: Kinds>(graph: &mut Graph<K>, never: &[String]) {
    let filter = packet_filter::add(graph);
    let packages = graph.add(
        Packages {
            purpose: "bans".into(),
            // Debian only recommends what reads the journal; nft bans with or without a firewall.
            names: ["fail2ban", "python3-systemd"].map(String::from).into(),
        },
        [],
    );
    let jails = File::new(JAILS, jails(never), Owner::root(0o644))
        .checked_by(["sh", "-c", CHECK, "fail2ban"]);
    let wanted = Some(jails.sha256());
    let id = graph.add(jails, [packages, filter]);
    graph.add(
        Service {
            unit: "fail2ban.service".into(),
            active: true,
            at_boot: true,
            inputs: vec![Input {
                id: id.clone(),
                path: JAILS.into(),
                wanted,
            }],
        },
        [id],
    );
}

/// A ban closes every port: at whichever sshd listens, the guesser is out.
fn jails(never: &[String]) -> String {
    let never: String = never.iter().map(|entry| format!(" {entry}")).collect();
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
         logpath = /var/log/fail2ban.log\n\
         maxretry = 3\n\
         findtime = 1d\n\
         bantime = 1w\n\
         banaction = nftables[type=allports]\n\
         ignoreip = 127.0.0.1/8 ::1{never}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::jails;

    #[test]
    fn nobody_who_shall_never_be_banned_is_in_either_jail() {
        let text = jails(&["192.0.2.7".into(), "2001:db8::/32".into()]);
        let ignored = "ignoreip = 127.0.0.1/8 ::1 192.0.2.7 2001:db8::/32\n";
        assert_eq!(text.matches(ignored).count(), 2, "{text}");
        assert_eq!(text.matches("enabled = true").count(), 2, "{text}");
    }
}
