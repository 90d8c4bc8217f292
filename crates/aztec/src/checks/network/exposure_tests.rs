use provision::host::FileType;
use provision::host::fake::FakeHost;

use super::super::closing::{closes, obstacles};
use super::*;
use crate::Severity;

/// The finding for a host on which something listens, at an address as the kernel writes it. Its kernel has the table for
/// private ports, or not.
fn seen(address: &str, kit_toml: &str, loaded: bool) -> Finding {
    let mut host = FakeHost::debian().with_ufw();
    host.plant("/proc/net", FileType::Directory, b"", 0o755);
    let row = format!("head\n 0: {address}:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n");
    host.plant("/proc/net/tcp", FileType::File, row.as_bytes(), 0o444);
    let settings = Settings::parse(kit_toml).unwrap();
    let facts = HostFacts::debian();
    if let Some(table) = private_table(&settings, &facts).filter(|_| loaded) {
        load(table, &mut host);
    }
    worst(&settings, &facts, &host)
}

/// The worst finding.
fn worst(settings: &Settings, facts: &HostFacts, host: &FakeHost) -> Finding {
    let mut found = exposure(settings, facts, host);
    found.sort_by_key(|finding| finding.severity);
    found.pop().unwrap()
}

#[test]
fn a_port_for_this_host_alone_must_be_closed_to_others() {
    let (everywhere, here) = ("00000000", "0100007F");
    let closed = seen(everywhere, "", true);
    assert!(
        closed.severity == Severity::Pass && closed.text().starts_with("8080 "),
        "{closed:?}"
    );
    let open = seen(everywhere, "", false);
    assert!(
        open.severity == Severity::Fail && open.text().contains("aztec-kit apply"),
        "{open:?}"
    );
    let left = "[firewall]\nclose_private_ports = false\n";
    let left_open = seen(everywhere, left, true);
    assert!(
        left_open.severity == Severity::Warn && left_open.text().contains("close_private_ports"),
        "{left_open:?}"
    );
    assert_eq!(seen(here, "", false).severity, Severity::Pass);
    let elsewhere = seen(everywhere, "[ports]\nrpc = 9080\n", false);
    assert_eq!(
        elsewhere.severity,
        Severity::Pass,
        "not a port of aztec-kit: {elsewhere:?}"
    );
}

const FILTER: &str = "-P INPUT DROP\n-N ufw-before-input\n-A INPUT -j ufw-before-input\n";

/// The finding for a host with a firewall and a kernel to match, after `spoil`.
fn protected(spoil: impl FnOnce(&mut FakeHost)) -> Finding {
    let mut host = FakeHost::debian().with_ufw();
    host.plant("/proc/net", FileType::Directory, b"", 0o755);
    let routes = "head\ndocker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
    host.plant("/proc/net/route", FileType::File, routes.as_bytes(), 0o444);
    host.plant("/proc/net/if_inet6", FileType::File, b"", 0o444);
    loaded(&mut host);
    host.filter[0] = FILTER.into();
    spoil(&mut host);
    worst(&configured(), &HostFacts::debian(), &host)
}

fn configured() -> Settings {
    Settings::parse("[firewall]\nenabled = true\n").unwrap()
}

/// The table that closes published ports, loaded.
fn loaded(host: &mut FakeHost) {
    load(
        server::firewall::table(&ufw(&configured()).unwrap().rules),
        host,
    );
}

/// Loads a table as nft does.
fn load(table: NftTable, host: &mut FakeHost) {
    let block = table.listed(host).unwrap();
    let (_, body) = block.split_once(" {\n").unwrap();
    let body = body.trim_end().trim_end_matches('}');
    host.nft.insert(table.table, body.to_owned());
}

#[test]
fn published_ports_that_will_be_closed_are_named_before() {
    let mut host = FakeHost::debian().with_ufw();
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    host.plant("/proc/net", FileType::Directory, b"", 0o755);
    let routes = "head\nbr-eth\t00001FAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    host.plant("/proc/net/route", FileType::File, routes.as_bytes(), 0o444);
    let chain = "\tchain a {\n\t\ttcp dport 30303 dnat to 172.31.0.2\n\t}\n";
    host.nft.insert("ip nat".into(), chain.into());
    let named = |host: &FakeHost, kit_toml: &str| {
        let found = obstacles(&Settings::parse(kit_toml).unwrap(), host).unwrap();
        found.into_iter().find(|it| it.check == "published ports")
    };
    let kit_toml = "[firewall]\nenabled = true\n";
    let found = named(&host, kit_toml).unwrap();
    assert!(
        found.severity == Severity::Warn && found.text().contains("30303/tcp"),
        "{found:?}"
    );
    let allowed = format!("{kit_toml}[[firewall.allow]]\nport = 30303\n");
    assert_eq!(named(&host, &allowed), None);
    loaded(&mut host);
    assert_eq!(named(&host, kit_toml), None, "closed already");
}

#[test]
fn the_state_of_the_kernel_counts_and_not_the_files() {
    let good = protected(|_| ());
    assert_eq!(good.severity, Severity::Pass, "{good:?}");
    let fails = |spoil: fn(&mut FakeHost), words: &[&str]| {
        let found = protected(spoil);
        assert_eq!(found.severity, Severity::Fail, "{found:?}");
        for word in words {
            assert!(found.text().contains(word), "{found:?}");
        }
    };
    fails(
        |host| host.filter[0] = "-P INPUT ACCEPT\n-N ufw-before-input\n".into(),
        &["everybody can connect", "ufw-init flush-all; ufw reload"],
    );
    fails(
        |host| host.filter[0] = "-P INPUT DROP\n-N ufw-before-input\n".into(),
        &["nobody can connect", "ufw-init flush-all; ufw reload"],
    );
    fails(
        |host| host.filter[0] = FILTER.replace("DROP", "ACCEPT"),
        &["UFW has no rule for", "`ufw reload`"],
    );
    fails(
        |host| host.filter[0].push_str("-A INPUT -j ACCEPT\n"),
        &["`-A INPUT -j ACCEPT`"],
    );
    fails(
        |host| host.nft.clear(),
        &["inet aztec_kit", "aztec-kit apply"],
    );
    fails(
        |host| host.plant("/proc/net/if_inet6", FileType::File, b"fe80 eth0", 0o444),
        &["IPv6"],
    );
}

/// A table without the mark of aztec-kit, as an earlier version wrote it, or from before a change of kit.toml.
#[test]
fn a_table_of_an_earlier_version_closes_too() {
    let unmarked = |host: &mut FakeHost| {
        for body in host.nft.values_mut() {
            *body = body.replacen("aztec-kit", "somebody", 1);
        }
    };
    let found = protected(unmarked);
    assert!(
        found.severity == Severity::Warn && found.text().contains("another version"),
        "{found:?}"
    );
    let mut host = FakeHost::debian().with_ufw();
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    loaded(&mut host);
    unmarked(&mut host);
    let ufw = ufw(&configured()).unwrap();
    assert_eq!(closes(&ufw, &host), None);
}

#[test]
fn the_kernel_is_asked_once_for_all_of_it() {
    let mut calls = None;
    protected(|host| calls = Some(host.asked.clone()));
    // `nft list ruleset`, and `iptables -S` for the one family.
    let calls = calls.unwrap();
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn others_that_open_close_or_forward_ports_are_named() {
    let warns = |spoil: fn(&mut FakeHost), word: &str| {
        let found = protected(spoil);
        assert_eq!(found.severity, Severity::Warn, "{found:?}");
        assert!(found.text().contains(word), "{found:?}");
    };
    warns(
        |host| host.filter[0].insert_str(0, "-A INPUT -p tcp --dport 9999 -j ACCEPT\n"),
        "`-A INPUT -p tcp --dport 9999 -j ACCEPT`",
    );
    warns(
        |host| {
            let chain = "\tchain a {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n";
            host.nft.insert("inet firewalld".into(), chain.into());
        },
        "inet firewalld",
    );
    let dnat = |host: &mut FakeHost, port: u16, to: &str| {
        let chain = format!("\tchain a {{\n\t\ttcp dport {port} dnat to {to}\n\t}}\n");
        host.nft.insert(format!("ip nat{port}"), chain);
    };
    let elsewhere = protected(|host| dnat(host, 9000, "10.1.1.2:9000"));
    assert!(
        elsewhere.severity == Severity::Warn && elsewhere.text().contains("9000/tcp (to 10.1.1.2)"),
        "{elsewhere:?}"
    );
    let closed = protected(|host| dnat(host, 30303, "172.17.0.2:80"));
    assert!(
        closed.severity == Severity::Pass && !closed.text().contains("30303"),
        "{closed:?}"
    );
    let routed = protected(|host| {
        dnat(host, 30303, "172.17.0.2:80");
        let rule = "### tuple ### route:allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n";
        host.plant(
            "/etc/ufw/user.rules",
            FileType::File,
            rule.as_bytes(),
            0o640,
        );
        loaded(host);
    });
    assert!(
        routed.severity == Severity::Pass && routed.text().contains("30303/tcp (to 172.17.0.2)"),
        "{routed:?}"
    );
    let open = protected(|host| dnat(host, 40400, "172.17.0.2:80"));
    assert!(
        open.severity == Severity::Pass && open.text().contains("40400/tcp (to 172.17.0.2)"),
        "{open:?}"
    );
}
