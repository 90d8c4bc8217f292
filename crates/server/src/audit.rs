//! A log of access to sensitive files: auditd with watches.

use std::fmt::Write;
use std::path::PathBuf;

use provision::engine::{Graph, ResourceId};
use provision::kinds::{File, Input, Owner, Packages, Service};

use crate::Kinds;

/// A watched file or directory.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Its path; its directory must exist.
    pub path: PathBuf,
    /// The resource that creates a directory. The kernel watches the content of a directory only if the directory
    /// existed when the rules were loaded (audit_tree.c of Linux; auditctl(8) calls the two kinds `path` and `dir`).
    pub made_by: Option<ResourceId>,
    /// The logged kinds of access: `r` reads, `w` writes, `a` changes of owner and mode (auditctl(8)).
    pub access: &'static str,
    /// The key for `ausearch --key`.
    pub key: &'static str,
}

/// Paths that are worth a watch on any server.
const ANYWHERE: &[(&str, &str)] = &[
    ("/etc/systemd/system", "units"),
    ("/etc/ssh", "sshd"),
    ("/root/.ssh", "sshd"),
    ("/etc/sudoers", "sudoers"),
    ("/etc/sudoers.d", "sudoers"),
    ("/etc/passwd", "accounts"),
    ("/etc/shadow", "accounts"),
    ("/etc/group", "accounts"),
    ("/etc/audit", "audit"),
];

const RULES: &str = "/etc/audit/rules.d/60-aztec-kit.rules";

/// Adds the rules, on a host that has an audit log of its own and not that of an outer host.
pub fn add<K: Kinds>(graph: &mut Graph<K>, watches: &[Watch]) {
    let packages = graph.add(
        Packages {
            purpose: "audit".into(),
            names: vec!["auditd".into()],
        },
        [],
    );
    let rules = File::new(RULES, rules(watches), Owner::root(0o640));
    let wanted = Some(rules.sha256());
    let made_by = watches.iter().filter_map(|watch| watch.made_by.clone());
    let id = graph.add(rules, made_by.chain([packages]));
    graph.add(
        Service {
            unit: "auditd.service".into(),
            active: true,
            at_boot: true,
            // It loads the rules at its start.
            inputs: vec![Input {
                id: id.clone(),
                path: RULES.into(),
                wanted,
            }],
        },
        [id],
    );
}

fn rules(watches: &[Watch]) -> String {
    let mut text = String::from("# Written by aztec-kit; find events with `ausearch --key KEY`.\n");
    let anywhere = ANYWHERE.iter().map(|&(path, key)| Watch {
        path: path.into(),
        made_by: None,
        access: "wa",
        key,
    });
    for Watch {
        path, access, key, ..
    } in watches.iter().cloned().chain(anywhere)
    {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "-w {} -p {access} -k {key}", path.display());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Watch, rules};

    #[test]
    fn a_key_is_watched_for_reads_too() {
        let keys = Watch {
            path: "/etc/app/keys".into(),
            made_by: None,
            access: "rwa",
            key: "keys",
        };
        let text = rules(&[keys]);
        assert!(
            text.contains("\n-w /etc/app/keys -p rwa -k keys\n"),
            "{text}"
        );
        assert!(
            text.contains("\n-w /etc/sudoers -p wa -k sudoers\n"),
            "{text}"
        );
    }
}
