//! The kinds that decide who can connect, tested on a host in memory.

use std::path::Path;

use provision::engine::{Change, Graph, Journal, MemoryJournal, Plan, Receipt, confirm, roll_back};
use provision::host::FileType;
use provision::host::fake::{FakeHost, FakeUnit};
use provision::kinds::{NftTable, Proto, ROUTED, Rule, Ufw};

use crate::common::{self, KIT, STATE, run_commit_confirmed as run};

provision::resources! {
    /// The resources that close a host.
    enum Host {
        Ufw(Ufw),
        NftTable(NftTable),
    }
}

const RULES: &str = "/etc/ufw/user.rules";

fn rule(proto: Proto, port: u16, from: Option<&str>) -> Rule {
    Rule {
        proto,
        port,
        from: from.map(String::from),
        purpose: "peers".into(),
        limit: false,
    }
}

fn firewall() -> Ufw {
    Ufw {
        rules: vec![
            rule(Proto::Tcp, 40400, None),
            rule(Proto::Udp, 40400, None),
            rule(Proto::Tcp, 8180, Some("10.0.0.0/8")),
        ],
    }
}

fn table(chains: &str) -> NftTable {
    NftTable {
        table: "inet test".into(),
        chains: chains.into(),
        path: "/etc/test.nft".into(),
        unit: "test-table.service".into(),
        about: "A test".into(),
        commit_confirmed: true,
        routed: true,
    }
}

fn host() -> FakeHost {
    let mut host = FakeHost::debian().with_ufw();
    host.plant(KIT, FileType::File, b"program", 0o755);
    host.plant("/usr/sbin/nft", FileType::File, b"", 0o755);
    host
}

fn graph(resources: Vec<Host>) -> Graph<Host> {
    let mut graph = Graph::default();
    for resource in resources {
        graph.add(resource, []);
    }
    graph
}

fn both() -> Graph<Host> {
    graph(vec![table("chain a {}\n").into(), firewall().into()])
}

fn pending(host: &FakeHost, journal: &MemoryJournal, graph: &Graph<Host>) -> Vec<String> {
    let plan = Plan::make(graph, &journal.receipt().unwrap(), host).unwrap();
    plan.pending()
        .flat_map(|step| &step.changes)
        .map(|change| match change {
            Change::Field { field, .. } => field.clone(),
            Change::Content { .. } => "content".into(),
        })
        .collect()
}

/// The host without the files of the guard while it waits.
fn shape(host: &FakeHost) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut shape = host.shape();
    shape.retain(|path, _| {
        !path.starts_with(STATE) && !path.to_string_lossy().contains("take-back")
    });
    shape
}

#[test]
fn the_diff_lists_every_field_and_a_second_run_changes_nothing() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    assert_eq!(
        pending(&host, &journal, &both()),
        [
            "owner",
            "group",
            "mode",
            "content",
            "owner",
            "group",
            "mode",
            "content",
            "at boot",
            "loaded",
            "22/tcp from anywhere",
            "40400/tcp from anywhere",
            "40400/udp from anywhere",
            "8180/tcp from 10.0.0.0/8",
            "enabled",
        ]
    );
    run(&mut host, &mut journal, &both()).unwrap();
    assert_eq!(pending(&host, &journal, &both()), [""; 0]);
    let writes = host.writes;
    assert!(
        run(&mut host, &mut journal, &both())
            .unwrap()
            .applied
            .is_empty()
    );
    assert_eq!(host.writes, writes);
}

#[test]
fn a_rollback_and_a_removal_restore_the_host() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let before = shape(&host);
    run(&mut host, &mut journal, &both()).unwrap();
    roll_back::<Host>(Path::new(STATE), &mut host, &mut journal)
        .whole()
        .unwrap();
    assert_eq!(shape(&host), before, "taken back");
    run(&mut host, &mut journal, &both()).unwrap();
    run(&mut host, &mut journal, &graph(Vec::new())).unwrap();
    assert_eq!(shape(&host), before, "removed");
}

/// The old table is loaded again, whatever it contained: without it, published ports are open.
#[test]
fn a_rolled_back_update_of_a_table_leaves_the_old_one_loaded() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    for name in ["old", "new"] {
        let desired = graph(vec![table(&format!("\tchain {name} {{\n\t}}\n")).into()]);
        run(&mut host, &mut journal, &desired).unwrap();
        if name == "old" {
            confirm(Path::new(STATE), &mut host, &mut journal).unwrap();
        }
    }
    assert!(host.nft["inet test"].contains("chain new"));
    roll_back::<Host>(Path::new(STATE), &mut host, &mut journal)
        .whole()
        .unwrap();
    assert!(
        host.nft["inet test"].contains("chain old"),
        "{:?}",
        host.nft
    );
}

#[test]
fn wherever_a_run_dies_it_can_continue_and_be_rolled_back() {
    let before = shape(&host());
    let mut writes = 0;
    loop {
        let (mut first, mut journal) = (host(), MemoryJournal::default());
        first.dies_at = Some(writes);
        let ended = run(&mut first, &mut journal, &both()).is_ok();
        first.dies_at = None;
        let (mut second, mut second_journal) = (first.clone(), journal.clone());
        run(&mut second, &mut second_journal, &both()).unwrap();
        assert_eq!(
            pending(&second, &second_journal, &both()),
            [""; 0],
            "write {writes}"
        );
        roll_back::<Host>(Path::new(STATE), &mut second, &mut second_journal)
            .whole()
            .unwrap();
        assert_eq!(
            shape(&second),
            before,
            "gone on after write {writes}, then taken back"
        );
        roll_back::<Host>(Path::new(STATE), &mut first, &mut journal)
            .whole()
            .unwrap();
        assert_eq!(shape(&first), before, "taken back after write {writes}");
        if ended {
            break;
        }
        writes += 1;
    }
    assert!(writes > 15, "only {writes} writes were tried");
}

#[test]
fn whatever_is_killed_is_healed() {
    // Rules that are added again after half a removal come in another order, which has no effect for these. A test
    // below checks that the rules of the operator are restored byte for byte.
    common::walked(&both(), host(), &[RULES, "/etc/ufw/user6.rules"]);
}

#[test]
fn the_operators_rules_stay_and_count() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let own = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### allow tcp 9999 0.0.0.0/0 any 0.0.0.0/0 in\n";
    let own6 = "### tuple ### allow tcp 22 ::/0 any ::/0 in\n";
    host.plant(RULES, FileType::File, own.as_bytes(), 0o640);
    host.plant(
        "/etc/ufw/user6.rules",
        FileType::File,
        own6.as_bytes(),
        0o640,
    );
    let fields = pending(&host, &journal, &graph(vec![firewall().into()]));
    assert!(
        !fields.contains(&"22/tcp from anywhere".into()),
        "{fields:?}"
    );
    run(&mut host, &mut journal, &graph(vec![firewall().into()])).unwrap();
    assert!(host.text(RULES).unwrap().starts_with(own));
    // A rule that the operator adds meanwhile stays after the removal.
    let later = "### tuple ### allow tcp 7777 0.0.0.0/0 any 0.0.0.0/0 in\n";
    let text = host.text(RULES).unwrap() + later;
    host.plant(RULES, FileType::File, text.as_bytes(), 0o640);
    run(&mut host, &mut journal, &graph(Vec::new())).unwrap();
    assert_eq!(host.text(RULES).unwrap(), format!("{own}{later}"));
}

#[test]
fn a_change_that_would_lock_someone_out_is_refused() {
    let mut host = host();
    // A session at a port that the configuration of the SSH server does not name.
    host.plant("/proc/net", FileType::Directory, b"", 0o755);
    let row = "head\n 0: 0203D50A:08AE 0103D50A:9C4C 01 0:0 0:0 0 0 0 4712 1\n";
    host.plant("/proc/net/tcp", FileType::File, row.as_bytes(), 0o444);
    for dir in ["/proc/77", "/proc/77/fd"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    host.plant("/proc/77/comm", FileType::File, b"sshd-session\n", 0o444);
    host.plant("/proc/77/fd/4", FileType::Symlink, b"socket:[4712]", 0o777);
    let obstacles = firewall().obstacles(&host).unwrap();
    assert_eq!(obstacles.len(), 1);
    let message = obstacles[0].chain();
    assert!(
        message.contains("10.213.3.1") && message.contains("port 2222"),
        "{message}"
    );
    let before = host.shape();
    run(
        &mut host,
        &mut MemoryJournal::default(),
        &graph(vec![firewall().into()]),
    )
    .unwrap_err();
    assert_eq!(host.text("/etc/ufw/ufw.conf").unwrap(), "ENABLED=no\n");
    assert_eq!(host.shape()[Path::new(RULES)], before[Path::new(RULES)]);
    // A port that is open for that client alone is enough.
    let mut open = firewall();
    open.rules
        .push(rule(Proto::Tcp, 2222, Some("10.213.0.0/16")));
    assert!(open.obstacles(&host).unwrap().is_empty());
    // A rule of the operator that blocks SSH is not turned into one that allows it.
    let own = "### tuple ### deny tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n";
    host.plant(RULES, FileType::File, own.as_bytes(), 0o640);
    let message = open.obstacles(&host).unwrap()[0].chain();
    assert!(message.contains("deny 22/tcp"), "{message}");
}

#[test]
fn a_removal_that_nobody_confirms_is_undone() {
    common::removal_rolled_back(&both(), host());
}

#[test]
fn a_table_that_the_kernel_lost_is_loaded_again() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let chain = "\tchain a {\n\t\ttype filter hook forward priority 0; policy accept;\n\t\toifname \"x\" drop\n\t}\n";
    let desired = graph(vec![table(chain).into()]);
    run(&mut host, &mut journal, &desired).unwrap();
    let good = host.nft.clone();
    let rule = "\t\toifname \"x\" drop\n";
    let without = good["inet test"].replace(rule, "");
    for spoilt in [None, Some(String::new()), Some(without)] {
        // `nft flush ruleset`, an empty table of the same name, `nft flush table`: the unit still reports that it ran.
        host.nft.clear();
        host.nft
            .extend(spoilt.map(|text| ("inet test".to_owned(), text)));
        assert_eq!(pending(&host, &journal, &desired), ["loaded"]);
        run(&mut host, &mut journal, &desired).unwrap();
        assert_eq!(host.nft, good);
        assert_eq!(pending(&host, &journal, &desired), [""; 0]);
    }
    run(&mut host, &mut journal, &graph(Vec::new())).unwrap();
    assert!(host.nft.is_empty());
}

/// `nftables.service` begins with `flush ruleset`, at boot and whenever it is started or reloaded.
#[test]
fn a_table_comes_after_whoever_flushes_it() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let desired = graph(vec![table("\tchain a {\n\t}\n").into()]);
    run(&mut host, &mut journal, &desired).unwrap();
    let unit = host.text("/etc/systemd/system/test-table.service").unwrap();
    let names = |key: &str| {
        let mut lines = unit.lines();
        let found = lines.find_map(|line| line.strip_prefix(&format!("{key}=")));
        found
            .unwrap_or_default()
            .split(' ')
            .any(|it| it == "nftables.service")
    };
    for key in ["After", "PartOf", "ReloadPropagatedFrom"] {
        assert!(names(key), "{key}: {unit}");
    }
}

/// A running ssh.service whose process listens at that port, whatever its configuration says.
fn listening(host: &mut FakeHost, port: u16) {
    let unit = FakeUnit {
        active: "active".into(),
        ..FakeUnit::default()
    };
    host.units.insert("ssh.service".into(), unit);
    for dir in ["/proc/net", "/proc/1", "/proc/1/fd"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    let row = format!("head\n 0: 00000000:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 4711 1\n");
    host.plant("/proc/net/tcp", FileType::File, row.as_bytes(), 0o444);
    host.plant("/proc/1/fd/3", FileType::Symlink, b"socket:[4711]", 0o777);
}

#[test]
fn the_port_at_which_sshd_really_listens_is_open() {
    let mut host = host();
    listening(&mut host, 2222);
    let fields = pending(
        &host,
        &MemoryJournal::default(),
        &graph(vec![firewall().into()]),
    );
    for port in ["22/tcp from anywhere", "2222/tcp from anywhere"] {
        assert!(fields.contains(&port.to_owned()), "{fields:?}");
    }
}

/// A session from 10.213.3.1 at that port of 10.213.3.2.
fn session(host: &mut FakeHost, port: u16) {
    host.plant("/proc/net", FileType::Directory, b"", 0o755);
    let row = format!("head\n 0: 0203D50A:{port:04X} 0103D50A:9C4C 01 0:0 0:0 0 0 0 4712 1\n");
    host.plant("/proc/net/tcp", FileType::File, row.as_bytes(), 0o444);
    for dir in ["/proc/77", "/proc/77/fd"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    host.plant("/proc/77/comm", FileType::File, b"sshd-session\n", 0o444);
    host.plant("/proc/77/fd/4", FileType::Symlink, b"socket:[4712]", 0o777);
}

/// UFW was enabled before, with these rules.
fn with_rules(lines: &[&str]) -> FakeHost {
    let mut host = host();
    let lines = lines.iter().map(|line| format!("### tuple ### {line}\n"));
    let text: String = lines.collect();
    host.plant(RULES, FileType::File, text.as_bytes(), 0o640);
    // A rule without an IPv4 address applies to both families.
    let both = text.split_inclusive('\n').filter(|it| !it.contains(" 10."));
    let text = both.collect::<String>().replace("0.0.0.0/0", "::/0");
    let path = "/etc/ufw/user6.rules";
    host.plant(path, FileType::File, text.as_bytes(), 0o640);
    host.plant("/etc/ufw/ufw.conf", FileType::File, b"ENABLED=yes\n", 0o644);
    host
}

const SSH: &str = "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in";

#[test]
fn a_removal_that_leaves_no_way_in_is_refused_before_anything() {
    let desired = graph(vec![firewall().into()]);
    let moved = |port: u16| {
        let (mut host, mut journal) = (with_rules(&[SSH]), MemoryJournal::default());
        let config = format!("ListenAddress 0.0.0.0:{port}\n");
        host.plant(
            "/etc/ssh/sshd_config",
            FileType::File,
            config.as_bytes(),
            0o640,
        );
        run(&mut host, &mut journal, &desired).unwrap();
        (host, journal)
    };
    let (mut host, mut journal) = moved(2222);
    let before = host.shape();
    let stop = run(&mut host, &mut journal, &graph(Vec::new())).unwrap_err();
    assert!(
        stop.fault.is_refusal() && stop.fault.chain().contains("SSH at port 2222"),
        "{}",
        stop.fault.chain()
    );
    assert_eq!(host.shape(), before);
    // With a rule of the operator for it, or at the port that is open anyway, the removal succeeds.
    let more = "### tuple ### allow tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in\n";
    let text = host.text(RULES).unwrap() + more;
    host.plant(RULES, FileType::File, text.as_bytes(), 0o640);
    run(&mut host, &mut journal, &graph(Vec::new())).unwrap();
    let (mut host, mut journal) = moved(22);
    session(&mut host, 22);
    run(&mut host, &mut journal, &graph(Vec::new())).unwrap();
    // A session at a port that only aztec-kit opened.
    let (mut host, mut journal) = moved(22);
    session(&mut host, 8180);
    let stop = run(&mut host, &mut journal, &graph(Vec::new())).unwrap_err();
    assert!(stop.fault.chain().contains("10.213.3.1 at port 8180"));
}

#[test]
fn a_narrow_rule_for_ssh_is_not_widened() {
    let fields = |host: &FakeHost| {
        pending(
            host,
            &MemoryJournal::default(),
            &graph(vec![firewall().into()]),
        )
    };
    let any = "22/tcp from anywhere".to_owned();
    for narrow in [
        "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in_wg0",
        "allow tcp 22 0.0.0.0/0 any 10.213.0.0/16 in",
    ] {
        let mut host = with_rules(&[narrow]);
        assert!(!fields(&host).contains(&any), "{narrow}");
        // While UFW was disabled, its rules had no effect and everybody could connect.
        host.plant("/etc/ufw/ufw.conf", FileType::File, b"ENABLED=no\n", 0o644);
        assert!(fields(&host).contains(&any), "{narrow}");
        run(
            &mut host,
            &mut MemoryJournal::default(),
            &graph(vec![firewall().into()]),
        )
        .unwrap();
        assert_eq!(fields(&host), [""; 0]);
    }
}

#[test]
fn an_old_rule_that_comes_alive_is_seen_by_whom_it_shuts_out() {
    let mut host = with_rules(&["deny any any 0.0.0.0/0 any 10.213.0.0/16 in"]);
    host.plant("/etc/ufw/ufw.conf", FileType::File, b"ENABLED=no\n", 0o644);
    assert!(firewall().obstacles(&host).unwrap().is_empty());
    session(&mut host, 22);
    let message = firewall().obstacles(&host).unwrap()[0].chain();
    assert!(message.contains("10.213.3.1"), "{message}");
}

#[test]
fn a_session_of_ipv6_comes_in_where_its_answers_go_out() {
    let comes_by = |interface: &str| {
        let mut host = with_rules(&["allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in_wg0"]);
        session(&mut host, 22);
        host.plant("/proc/net/tcp", FileType::File, b"head\n", 0o444);
        let (here, there) = (
            "B80D0120000000000000000001000000",
            "B80D0120000001000000000002000000",
        );
        let row = format!("head\n 0: {here}:0016 {there}:9C4C 01 0:0 0:0 0 0 0 4712 1\n");
        host.plant("/proc/net/tcp6", FileType::File, row.as_bytes(), 0o444);
        let none = "0".repeat(32);
        let route = format!("{none} 00 {none} 00 {none} 00000400 1 0 00000003 {interface}\n");
        let path = "/proc/net/ipv6_route";
        host.plant(path, FileType::File, route.as_bytes(), 0o444);
        let found = firewall().obstacles(&host).unwrap();
        found.first().map(provision::Fault::chain)
    };
    assert_eq!(comes_by("wg0"), None);
    let shut = comes_by("eth0").unwrap();
    assert!(shut.contains("session from 2001:db8:1::2"), "{shut}");
}

#[test]
fn another_manager_of_the_firewall_is_named() {
    let managed = |spoil: &dyn Fn(&mut FakeHost)| {
        let mut host = host();
        spoil(&mut host);
        let found = firewall().obstacles(&host).unwrap();
        found.first().map(provision::Fault::chain)
    };
    let starts = |host: &mut FakeHost, unit: &str| {
        let active = FakeUnit {
            loaded: Some(Vec::new()),
            active: "active".into(),
            ..FakeUnit::default()
        };
        host.units.insert(unit.into(), active);
    };
    for unit in ["firewalld.service", "netfilter-persistent.service"] {
        let message = managed(&|host| starts(host, unit)).unwrap();
        assert!(message.contains(unit), "{message}");
    }
    // nftables.service counts only if a chain of its file blocks connections.
    let conf = |host: &mut FakeHost, policy: &str| {
        starts(host, "nftables.service");
        let text = format!(
            "flush ruleset\ntable inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority filter; {policy}\n\t}}\n}}\n"
        );
        host.plant("/etc/nftables.conf", FileType::File, text.as_bytes(), 0o755);
    };
    assert_eq!(managed(&|host| conf(host, "")), None, "as packaged");
    let message = managed(&|host| conf(host, "policy drop;")).unwrap();
    assert!(message.contains("nftables.service"), "{message}");
    let message = managed(&|host| {
        let chain = "\tchain a {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n";
        host.nft.insert("inet mine".into(), chain.into());
    });
    assert!(message.unwrap().contains("table inet mine"));
}

#[test]
fn a_ufw_that_cannot_be_enabled_is_off_again() {
    let mut host = host();
    host.plant(
        "/etc/ufw/before6.rules",
        FileType::File,
        b"nonsense\n",
        0o640,
    );
    let stop = run(
        &mut host,
        &mut MemoryJournal::default(),
        &graph(vec![firewall().into()]),
    )
    .unwrap_err();
    assert!(stop.fault.remedy().unwrap().contains("IPV6=no"));
    assert_eq!(host.filter[0], "-P INPUT ACCEPT\n", "half a firewall");
}

#[test]
fn an_sshd_that_does_not_answer_hides_nothing_else() {
    let mut host = host();
    host.plant(
        "/etc/ssh/sshd_config",
        FileType::File,
        b"Nonsense 1\n",
        0o640,
    );
    let desired = graph(vec![firewall().into()]);
    let (plan, unseen) = Plan::survey(&desired, &Receipt::default(), &host, None).unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    let fault = &unseen.first().unwrap().fault;
    assert!(fault.chain().contains("Nonsense"), "{fault}");
    let fault = firewall().obstacles(&host).unwrap_err();
    assert!(fault.remedy().unwrap().contains("sshd -t"));
}

#[test]
fn what_the_operator_routes_is_let_through() {
    let (mut host, mut journal) = (host(), MemoryJournal::default());
    let chain = format!(
        "\tchain a {{\n\t\ttype filter hook forward priority 0; policy accept;\n{ROUTED}\t\toifname \"x\" drop\n\t}}\n"
    );
    let desired = graph(vec![table(&chain).into()]);
    run(&mut host, &mut journal, &desired).unwrap();
    assert!(!host.nft["inet test"].contains("30303"));
    let rule = "### tuple ### route:allow tcp 30303 0.0.0.0/0 any 0.0.0.0/0 in\n";
    host.plant(RULES, FileType::File, rule.as_bytes(), 0o640);
    assert_eq!(pending(&host, &journal, &desired), ["content", "loaded"]);
    run(&mut host, &mut journal, &desired).unwrap();
    let listed = &host.nft["inet test"];
    assert!(
        listed.contains("th dport { 30303 } ct status dnat accept"),
        "{listed}"
    );
    assert_eq!(pending(&host, &journal, &desired), [""; 0]);
}

#[test]
fn a_rule_of_the_operator_for_one_family_stays_his() {
    for action in ["allow", "limit"] {
        let own = format!("### tuple ### {action} tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n");
        let (mut host, mut journal) = (host(), MemoryJournal::default());
        host.plant(RULES, FileType::File, own.as_bytes(), 0o640);
        run(&mut host, &mut journal, &graph(vec![firewall().into()])).unwrap();
        assert!(host.text(RULES).unwrap().starts_with(&own), "{action}");
        let six = host.text("/etc/ufw/user6.rules").unwrap();
        assert!(six.contains("limit tcp 22 ::/0"), "{six}");
        let desired = graph(vec![firewall().into()]);
        assert_eq!(pending(&host, &journal, &desired), [""; 0]);
        run(&mut host, &mut journal, &graph(Vec::new())).unwrap();
        assert_eq!(host.text(RULES).unwrap(), own, "{action}");
    }
}
