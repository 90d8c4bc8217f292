//! The protection of this host: SSH, bans, updates, time, audit, kernel settings.

use std::path::PathBuf;

use provision::engine::{Graph, ResourceId};
use server::audit::Watch;
use server::integrity::Unread;
use server::{audit, bans, clock, integrity, kernel, ssh, updates};

use crate::facts::HostFacts;
use crate::kinds::Kind;
use crate::layout;
use crate::roles::base::Base;
use crate::settings::Settings;

/// The prefix of every unit of aztec-kit.
const UNITS: &str = "aztec-";

pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings, facts: &HostFacts, _base: &Base) {
    let Some(hardening) = &settings.hardening else {
        return;
    };
    // A container shares the clock and the audit log of its host.
    let owned = !facts.container;
    if hardening.kernel {
        kernel::add(graph, facts.asymmetric.is_some());
    }
    if hardening.updates {
        updates::add(graph, UNITS);
    }
    if hardening.chrony {
        clock::add(graph, owned);
    }
    // Without it, the package installs units that fail at each boot (`audit-rules.service` of Debian 13).
    if hardening.auditd && owned {
        let watches = watches(graph);
        audit::add(graph, &watches);
    }
    // Without an SSH server, nobody can guess passwords.
    if hardening.fail2ban && facts.sshd {
        bans::add(graph, &hardening.never_ban);
    }
    // SSH comes last, because it may lock the operator out.
    if hardening.ssh && facts.sshd {
        graph.add(ssh::sshd(), []);
    }
}

/// Watches files, including those of aztec-kit. It comes after everything that creates files.
pub(crate) fn watch(graph: &mut Graph<Kind>, settings: &Settings) {
    if !settings
        .hardening
        .as_ref()
        .is_some_and(|hardening| hardening.aide)
    {
        return;
    }
    let keys = [layout::KEYSTORE, layout::PROVER_KEYSTORE].map(PathBuf::from);
    // A release has a hundred thousand files, each verified by its digest when it is installed.
    let unread = [&keys[..], &[layout::admin_key(), layout::OPT.into()]].concat();
    let unread: Vec<_> = unread.into_iter().map(|path| Unread { path }).collect();
    let installed = graph
        .nodes()
        .iter()
        .filter_map(|node| match &node.resource {
            Kind::Packages(packages) => Some(packages.names.clone()),
            _ => None,
        });
    let installed = installed.flatten().collect();
    integrity::add(graph, &unread, keys.into(), installed);
}

/// Keys are watched for reads as well, because only systemd and aztec-kit need to read them. The keys of a role that
/// is added later change the rules, which are then loaded once the keys' directory exists.
fn watches(graph: &Graph<Kind>) -> Vec<Watch> {
    let keystores = [
        (layout::KEYSTORE, "directory", layout::KEYSTORE),
        (layout::CLAIMED, "signers", layout::KEYSTORE),
        (
            layout::PROVER_KEYSTORE,
            "directory",
            layout::PROVER_KEYSTORE,
        ),
    ];
    let keystores = keystores.into_iter().filter_map(|(path, kind, name)| {
        let made_by = ResourceId::new(kind, name);
        graph.get(&made_by)?;
        Some(Watch {
            path: path.into(),
            made_by: Some(made_by),
            access: "rwa",
            key: "aztec-keys",
        })
    });
    let watch = |path, access, key| Watch {
        path,
        made_by: None,
        access,
        key,
    };
    keystores
        .chain([
            watch(layout::admin_key(), "rwa", "aztec-keys"),
            watch(layout::ETC.into(), "wa", "aztec"),
        ])
        .collect()
}
