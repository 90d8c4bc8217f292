//! Kernel settings that harden a server and restrict nothing that a server or Docker needs.
//!
//! The set of dev-sec's os-hardening (linux-baseline), except for these: `net.ipv4.ip_forward` and similar settings,
//! which containers need; `kernel.kexec_load_disabled`, `kernel.yama.ptrace_scope=3` and
//! `kernel.unprivileged_bpf_disabled=1`, which only a reboot reverts; `log_martians`, which UFW sets to 0 at every
//! start (`/etc/ufw/sysctl.conf`), because a value has one owner.

use std::collections::BTreeMap;

use provision::engine::Graph;
use provision::kinds::Sysctl;

use crate::Kinds;

/// Setting and value; docs/reference/hardening.md gives the reasons.
///
/// `fs.protected_fifos` is 1, as in `99-protect-links.conf` of procps in Debian 12. That file sorts after the one of aztec-kit, so
/// another value would last only until the next boot.
pub const SETTINGS: &[(&str, &str)] = &[
    ("fs.protected_fifos", "1"),
    ("fs.protected_hardlinks", "1"),
    ("fs.protected_regular", "2"),
    ("fs.protected_symlinks", "1"),
    ("fs.suid_dumpable", "0"),
    ("kernel.dmesg_restrict", "1"),
    ("kernel.kptr_restrict", "2"),
    ("kernel.randomize_va_space", "2"),
    ("kernel.sysrq", "0"),
    ("kernel.unprivileged_bpf_disabled", "2"),
    ("kernel.yama.ptrace_scope", "2"),
    ("net.core.bpf_jit_harden", "2"),
    ("net.ipv4.conf.all.accept_redirects", "0"),
    ("net.ipv4.conf.all.accept_source_route", "0"),
    ("net.ipv4.conf.all.arp_announce", "2"),
    ("net.ipv4.conf.all.arp_ignore", "1"),
    ("net.ipv4.conf.all.rp_filter", "1"),
    ("net.ipv4.conf.all.secure_redirects", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.accept_redirects", "0"),
    ("net.ipv4.conf.default.accept_source_route", "0"),
    ("net.ipv4.conf.default.rp_filter", "1"),
    ("net.ipv4.conf.default.secure_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
    ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
    ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
    ("net.ipv4.tcp_rfc1337", "1"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv6.conf.all.accept_redirects", "0"),
    ("net.ipv6.conf.all.accept_source_route", "0"),
    ("net.ipv6.conf.default.accept_redirects", "0"),
    ("net.ipv6.conf.default.accept_source_route", "0"),
];

/// The setting that drops packets that arrive at another interface than answers leave at. A host with several routes
/// keeps its own value.
const REVERSE_PATH: &str = ".rp_filter";

/// Adds the settings, for now and for the next boot; `asymmetric`: whether answers may leave at another interface than
/// requests arrive at.
pub fn add<K: Kinds>(graph: &mut Graph<K>, asymmetric: bool) {
    let values = SETTINGS
        .iter()
        .filter(|(name, _)| !asymmetric || !name.ends_with(REVERSE_PATH))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sysctl = Sysctl {
        // It sorts after the performance settings of aztec-kit, and after the files of the distribution.
        name: "61-aztec-hardening.conf".into(),
        values: values.collect::<BTreeMap<_, _>>(),
    };
    graph.add(sysctl, []);
}

#[cfg(test)]
mod tests {
    use super::SETTINGS;

    #[test]
    fn settings_that_containers_need_stay() {
        let names: Vec<_> = SETTINGS.iter().map(|(name, _)| *name).collect();
        assert!(names.is_sorted() && names.iter().all(|name| !name.contains("forward")));
    }
}
