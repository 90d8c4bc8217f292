use super::*;
use crate::names::Role;

fn refused(text: &str) -> (String, String) {
    let fault = Settings::parse(text).unwrap_err();
    (fault.chain(), fault.remedy().unwrap_or_default().to_owned())
}

#[test]
fn an_empty_file_is_a_local_node() {
    let settings = Settings::parse("").unwrap();
    assert!(settings.local().is_some() && !settings.has(Role::Sequencer));
    assert_eq!(settings.release.version, "4.1.2");
    assert_eq!(
        settings.l1_rpc_urls()[0].expose().as_str(),
        "http://127.0.0.1:8545/"
    );
}

#[test]
fn every_refusal_names_the_place_and_the_remedy() {
    let live = "network = \"mainnet\"\n[l1]\nrpc_urls = [\"https://l1/KEY\"]\n";
    let cases: &[(&str, &str, &str)] = &[
        (
            "netwrok = \"local\"\n",
            "netwrok",
            "Did you mean `network`?",
        ),
        ("[p2p]\nprot = 1\n", "prot", "Did you mean `port`?"),
        (
            "[hardening]\nnever_ban = [\"10.0.0.0/33\"]\n",
            "kit.toml: hardening.never_ban: `10.0.0.0/33`",
            "10.0.0.0/8",
        ),
        (
            "[hardening]\nfail2bam = false\n",
            "fail2bam",
            "Did you mean `fail2ban`?",
        ),
        (
            "[caddy]\nenabled = true\ndomain = \"not a name\"\n",
            "kit.toml: caddy.domain: `not a name` is not a host name",
            "rpc.example.org",
        ),
        (
            "[caddy]\nenabled = true\nemail = \"ops\"\n",
            "kit.toml: caddy.email: `ops`",
            "ops@example.org",
        ),
        (
            "[caddy]\nenabled = true\nmethods = [\"nodeAdmin_setConfig\"]\n",
            "belongs to the admin API",
            "SSH tunnel",
        ),
        (
            "[caddy]\nenabled = true\nmethods = [\"a_b|.*\"]\n",
            "is not a JSON-RPC method",
            "with its namespace",
        ),
        (
            "network = \"local\"\nrollup = 7\n",
            "kit.toml: rollup: a local network has one rollup",
            "Remove `rollup`",
        ),
        (
            &live.replace("[l1]", "rollup = 0\n[l1]\nconsensus_urls = [\"https://b\"]"),
            "kit.toml: rollup: no rollup has the version 0",
            "Remove `rollup`",
        ),
        (
            "network = \"mainet\"\n",
            "kit.toml: network: `mainet`",
            "Did you mean `mainnet`?",
        ),
        ("network = \"devnet\"\n", "kit.toml: release:", "--release"),
        (
            "release = \"latest\"\n",
            "kit.toml: release: `latest`",
            "exact version",
        ),
        (
            "network = \"mainnet\"\n",
            "kit.toml: l1.rpc_urls:",
            "--l1-rpc-urls",
        ),
        (live, "kit.toml: l1.consensus_urls:", "--l1-consensus-urls"),
        (
            "network = \"mainnet\"\n[l1]\nrpc_urls = [\"l1.example:8545\"]\n",
            "l1.rpc_urls",
            "https://host",
        ),
        (
            "network = \"mainnet\"\n[l1]\nrpc_urls = [\"nonsense\"]\n",
            "not a URL",
            "https://host",
        ),
        (
            "[l1]\nrpc_urls = [\"https://l1\"]\n",
            "has its own L1",
            "Remove",
        ),
        (
            "[ports]\nrpc = 8880\n",
            "port 8880 is already used by ports.rpc",
            "another port",
        ),
        ("[ports]\nrpc = 80\n", "privileged", "1024"),
        ("[ports]\nrpc = 6000\n", "bad port", "another port"),
        ("[ports]\nl1 = 10080\n", "bad port", "another"),
        (
            "[ports]\nbroker = 6000\n[prover]\nenabled = true\n",
            "ports.broker: Node.js",
            "another",
        ),
        ("[ports]\nrpc = 0\n", "0 is not a port", "1024"),
        ("[ports]\nrpc = 99999\n", "line 2", "Write digits"),
        (
            "[p2p]\nip = \"0.0.0.0\"\n",
            "peers cannot reach",
            "public address",
        ),
        (
            "[p2p]\nip = \"host\"\n",
            "not an IP address",
            "public address",
        ),
        (
            "data_dir = \"relative\"\n",
            "cannot be a data directory",
            "absolute",
        ),
        (
            "data_dir = \"/var/../etc\"\n",
            "cannot be a data directory",
            "absolute",
        ),
        (
            "data_dir = \"/\"\n",
            "cannot be a data directory",
            "absolute",
        ),
        (
            "[env]\nAZTEC_PORT = \"1\"\n",
            "derived from `ports.rpc`",
            "Set `ports.rpc`",
        ),
        (
            "[env]\nVALIDATOR_PRIVATE_KEYS = \"0x1\"\n",
            "keys do not belong",
            "keystore",
        ),
        ("[env]\nlower = \"1\"\n", "not the name", "upper case"),
        ("[ports]\nrcp = 1\n", "line 2", "Did you mean `rpc`?"),
        (
            "[pxe]\nenabled = true\n",
            "no release has a PXE server",
            "take the role out",
        ),
        (
            "[node]\nenabled = false\n[sequencer]\nenabled = true\n",
            "this host has no node",
            "node.enabled = true",
        ),
        (
            "[prover_agent]\nenabled = true\n",
            "agents need a broker",
            "--broker-url",
        ),
        (
            "[prover]\nenabled = true\n[prover_agent]\nenabled = true\nbroker_url = \"http://b\"\n",
            "already",
            "prover.agents",
        ),
        (
            "[prover]\nenabled = true\n[ports]\nbroker = 8080\n",
            "port 8080 is already used by ports.rpc",
            "another port",
        ),
        ("network = 1\n", "line 1", ""),
        (
            "[monitoring]\nruntime = \"nativ\"\n",
            "`nativ` is not a runtime",
            "Did you mean `native`?",
        ),
        (
            "[monitoring]\nretention_days = 0\n",
            "0 days",
            "at least one",
        ),
        (
            "[monitoring]\nheartbeat_url = \"hc-ping.com\"\n",
            "monitoring.heartbeat_url: not a URL",
            "https://",
        ),
        (
            "[[monitoring.receivers]]\nurl = \"https://h\"\n",
            "number 1: it has no type",
            "Known types: telegram",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"telegramm\"\n",
            "not a type of receiver",
            "Did you mean `telegram`?",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"telegram\"\ntoken = \"1:A_b-2\"\nchat = 0\n",
            "number 1: no chat has the number 0",
            "begins with -",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"telegram\"\ntoken = \"1:A\"\nchat = \"-100\"\n",
            "line 4: monitoring.receivers.chat: it must be a number without quotes",
            "without quotes",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"discord\"\nurl = \"https://h/<WEBHOOK>\"\n",
            "url: the URL contains a placeholder",
            "your own",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"email\"\nto = \"a@b\"\nfrom = \"c@d\"\n",
            "number 1: a receiver of type email needs `server`",
            "to, from, server",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"email\"\nto = \"a@b\"\nfrom = \"c@d\"\nserver = \"smtp.example\"\n",
            "not a mail server",
            "host:port",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"email\"\nto = \"a\"\nfrom = \"c@d\"\nserver = \"h:25\"\n",
            "`to` is not a mail address",
            "name@",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"email\"\nto = \"a@b\"\nfrom = \"c@d\"\nserver = \"h:25\"\nuser = \"u\"\n",
            "only work together",
            "Set both",
        ),
        (
            "[[monitoring.receivers]]\ntype = \"discord\"\nurl = \"https://h\"\nchat = 1\n",
            "has no `chat`",
            "It has url",
        ),
        (
            "[monitoring]\nenabled = true\n[ports]\nprometheus = 8080\n",
            "port 8080 is already used by ports.rpc",
            "another port",
        ),
        (
            "[monitoring]\nenabled = true\n[env]\nOTEL_SERVICE_NAME = \"x\"\n",
            "env.OTEL_SERVICE_NAME: monitoring sets this variable",
            "monitoring.enabled = false",
        ),
    ];
    for (text, what, fix) in cases {
        let (message, remedy) = refused(text);
        assert!(message.contains(what), "{text:?}: {message}");
        assert!(remedy.contains(fix), "{text:?}: {remedy}");
    }
}

/// Every role that a release refuses, on a local and on a live network.
#[test]
fn a_role_that_a_release_does_not_have_is_refused_with_the_alternative() {
    let live = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n";
    let cases: &[(&str, &str, &str, &str)] = &[
        ("4.1.2", "pxe", "--pxe", "--pxe"),
        ("4.1.2", "archiver", "", ""),
        ("4.1.2", "prover", "", "acvm"),
        ("5.2.0", "pxe", "inside a wallet", "inside a wallet"),
        ("5.2.0", "archiver", "since 5.0", "since 5.0"),
        ("5.2.0", "prover", "", "acvm"),
    ];
    for (release, role, on_local, on_live) in cases {
        for (network, why) in [("", on_local), (live, on_live)] {
            let text = format!(
                "release = \"{release}\"\nruntime = \"native\"\n{network}[{role}]\nenabled = true\n"
            );
            if why.is_empty() {
                Settings::parse(&text).unwrap();
                continue;
            }
            let (message, remedy) = refused(&text);
            let place = format!("kit.toml: {role}.");
            assert!(
                message.starts_with(&place) && message.contains(release),
                "{message}"
            );
            assert!(
                message.contains(why) && remedy.ends_with('.'),
                "{message}: {remedy}"
            );
        }
    }
}

#[test]
fn a_role_that_only_the_packages_lack_uses_the_image() {
    let live = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n";
    for runtime in ["", "runtime = \"container\"\n"] {
        Settings::parse(&format!("{runtime}{live}[prover]\nenabled = true\n")).unwrap();
    }
    // A prover node opens the programs for real proofs even without agents.
    for release in ["4.1.2", "5.2.0", "6.0.0"] {
        for agents in ["", "agents = 0\n"] {
            let text = format!(
                "release = \"{release}\"\nruntime = \"native\"\n{live}[prover]\nenabled = true\n{agents}"
            );
            let (message, fix) = refused(&text);
            assert!(
                message.contains("a prover node does not start natively"),
                "{message}"
            );
            assert!(!fix.contains("agents"), "{fix}");
        }
    }
    let (message, fix) = refused("runtime = \"docker\"\n");
    assert!(message.contains("unknown name `docker`"), "{message}");
    assert_eq!(fix, "Known names here: native, container.");
}

#[test]
fn zero_agents_are_not_refused() {
    let live = "network = \"mainnet\"\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n";
    Settings::parse(&format!("{live}[prover]\nenabled = true\nagents = 0\n")).unwrap();
}

#[test]
fn a_refusal_never_repeats_an_api_key() {
    let (message, _) = refused("network = \"mainnet\"\n[l1]\nrpc_urls = [\"ftp://host/SECRET\"]\n");
    assert!(!message.contains("SECRET"), "{message}");
    for text in [
        "[[monitoring.receivers]]\ntype = \"discord\"\nurl = \"discord://SECRET\"\n",
        "[[monitoring.receivers]]\ntype = \"slack\"\ntoken = \"SECRET\"\n",
        "[[monitoring.receivers]]\ntype = \"nonsense\"\nkey = \"SECRET\"\n",
    ] {
        let (message, fix) = refused(text);
        assert!(
            !message.contains("SECRET") && !fix.contains("SECRET"),
            "{message} {fix}"
        );
    }
}

#[test]
fn a_public_proxy_needs_a_name_that_an_authority_certifies() {
    let live = "network = \"mainnet\"\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://l1\"]\n";
    for (domain, why) in [
        ("", "needs a host name"),
        ("domain = \"localhost\"\n", "not a public name"),
        ("domain = \"192.0.2.1\"\n", "is an address"),
        ("domain = \"a.example.org {\"\n", "not a host name"),
    ] {
        let (message, _) = refused(&format!("{live}[caddy]\nenabled = true\n{domain}"));
        assert!(message.contains(why), "{domain}: {message}");
    }
    let named = format!("{live}[caddy]\nenabled = true\ndomain = \"rpc.example.org\"\n");
    assert_eq!(
        Settings::parse(&named).unwrap().caddy.unwrap().domain,
        "rpc.example.org"
    );
}

#[test]
fn the_ports_of_all_agents_are_in_the_registry() {
    let on = |first: u16| {
        let text = format!("[prover]\nenabled = true\n[ports]\nagents = {first}\n");
        Settings::parse(&text).unwrap()
    };
    assert!(on(8300).check_agents(64).is_ok());
    assert!(on(8279).check_agents(1).is_ok());
    let taken = on(8279).check_agents(2).unwrap_err().chain();
    assert!(
        taken.contains("8279 to 8280, and 8280 belongs to ports.prover"),
        "{taken}"
    );
    let beyond = on(65535).check_agents(2).unwrap_err().chain();
    assert!(beyond.contains("end at port 65536"), "{beyond}");
}

#[test]
fn only_a_token_that_the_telegram_api_accepts_is_a_token() {
    let parsed = |token: &str| {
        let text = format!(
            "[[monitoring.receivers]]\ntype = \"telegram\"\nchat = -1\ntoken = \"{token}\"\n"
        );
        Settings::parse(&text)
    };
    for token in ["123:ABC", " 123:AB_c-9 "] {
        parsed(token).unwrap();
    }
    for token in [
        "bot123:ABC",
        "https://api.telegram.org/bot123:ABC",
        "123ABC",
        "123:",
        ":ABC",
        "123:A BC",
        "123:<TOKEN>",
    ] {
        let message = parsed(token).unwrap_err().chain();
        assert!(
            message.contains("number 1: `token` is not") && !message.contains(token),
            "{message}"
        );
    }
}

/// Older files set these variables under [env], before they had keys. Their meaning stays the same.
#[test]
fn variables_that_now_have_a_key_set_that_key() {
    let text = "network = \"mainnet\"\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\nKEY\
                [env]\nETHEREUM_DEBUG_HOSTS = \"https://one, https://two\"\nROLLUP_VERSION = \"4248422647\"\n\
                L1_CONSENSUS_HOST_API_KEYS = \"k\"\n";
    let settings =
        Settings::parse(&text.replacen("KEY", "", 1)).unwrap_or_else(|fault| panic!("{fault:?}"));
    let live = settings.live().unwrap();
    assert_eq!(live.debug_urls.len(), 2);
    assert_eq!(live.rollup, Some(4_248_422_647));
    assert_eq!(settings.release.version, "5.3.0");
    assert!(settings.env.is_empty());
    // If both were set, they could disagree.
    let twice = text.replacen("KEY", "debug_urls = [\"https://three\"]\n", 1);
    let fault = Settings::parse(&twice).unwrap_err();
    assert!(
        fault
            .chain()
            .contains("ETHEREUM_DEBUG_HOSTS is derived from `l1.debug_urls`")
    );
}
