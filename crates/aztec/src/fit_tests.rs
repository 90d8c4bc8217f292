use super::*;

fn settings(more: &str) -> Settings {
    let text = format!(
        "network = \"mainnet\"\n{more}\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n"
    );
    Settings::parse(&text).unwrap()
}

fn rollup(release: &str) -> Identity {
    let release = Releases::carried().release(release, None).unwrap();
    let own = release.facts.fingerprint.unwrap();
    Identity {
        address: Address::repeat_byte(7),
        version: l1::U256::from(42),
        genesis: own.genesis(Funded::default()).unwrap_or_default(),
        vk_tree: own.vk_tree.unwrap(),
        protocol_contracts: own.protocol_contracts.unwrap(),
    }
}

#[test]
fn a_release_fits_its_own_rollup() {
    for release in ["4.1.2", "5.2.0", "6.0.0"] {
        let fit = judge(
            &settings(&format!("release = \"{release}\"")),
            Ok(&rollup(release)),
        );
        assert_eq!(fit.verdict, Verdict::Fits, "{release}: {}", fit.because);
        assert!(fit.fitting.contains(&release.to_owned()));
    }
}

#[test]
fn another_release_is_reported_with_the_differences() {
    let fit = judge(&settings("release = \"5.2.0\""), Ok(&rollup("6.0.0")));
    assert_eq!(fit.verdict, Verdict::DoesNotFit);
    assert!(
        fit.because
            .contains("Aztec 5.2.0 does not fit the canonical rollup of mainnet")
            && fit
                .because
                .contains("VK tree root and protocol contracts hash"),
        "{}",
        fit.because
    );
    assert!(
        fit.fix.contains("release = \"6.0.0\"") && fit.fix.contains("standby"),
        "{}",
        fit.fix
    );
    assert_eq!(fit.fitting, ["6.0.0"]);
}

#[test]
fn a_genesis_with_other_accounts_is_recognised_by_its_variables() {
    let mut mine = rollup("4.1.2");
    let own = Releases::carried().release("4.1.2", None).unwrap();
    let own = own.facts.fingerprint.unwrap();
    let rich = Funded {
        test_accounts: true,
        sponsored_fpc: true,
    };
    mine.genesis = own.genesis(rich).unwrap();
    let fit = judge(&settings("release = \"4.1.2\""), Ok(&mine));
    assert_eq!(fit.verdict, Verdict::DoesNotFit);
    assert!(
        fit.because.contains("genesis archive root"),
        "{}",
        fit.because
    );
    assert!(fit.fix.contains("TEST_ACCOUNTS = \"true\""), "{}", fit.fix);
    let env = "release = \"4.1.2\"\nenv = { TEST_ACCOUNTS = \"1\", SPONSORED_FPC = \"true\" }";
    assert_eq!(judge(&settings(env), Ok(&mine)).verdict, Verdict::Fits);
}

#[test]
fn a_genesis_with_unknown_accounts_is_not_known() {
    for (release, env) in [
        ("4.1.2", "PREFUND_ADDRESSES = \"0x1\""),
        ("5.2.0", "TEST_ACCOUNTS = \"true\""),
        ("6.0.0", "SPONSORED_FPC = \"1\""),
    ] {
        let text = format!("release = \"{release}\"\nenv = {{ {env} }}");
        let fit = judge(&settings(&text), Ok(&rollup(release)));
        assert_eq!(fit.verdict, Verdict::CannotTell, "{}", fit.because);
        assert!(fit.fix.contains("TEST_ACCOUNTS"), "{}", fit.fix);
        assert!(!fit.fitting.contains(&release.to_owned()));
    }
}

#[test]
fn an_incomplete_fingerprint_fits_nothing() {
    let mut settings = settings("release = \"5.2.0\"");
    let own = settings.release.facts.fingerprint.as_mut().unwrap();
    own.vk_tree = None;
    own.protocol_contracts = None;
    let fit = judge(&settings, Ok(&rollup("6.0.0")));
    assert_eq!(fit.verdict, Verdict::CannotTell, "{}", fit.because);
    assert!(fit.fix.contains("Aztec 6.0.0 fits it"), "{}", fit.fix);
}

#[test]
fn removing_release_is_advised_only_if_that_helps() {
    let fix = |text: &str, of: &str| judge(&settings(text), Ok(&rollup(of))).fix;
    assert!(fix("release = \"5.2.0\"", "6.0.0").contains("or remove `release`"));
    // The usual release of the network is 6.0.0, and this rollup is of another one.
    let advice = fix("release = \"4.1.2\"", "5.2.0");
    assert!(advice.starts_with("Set release = \"5.3.0\". "), "{advice}");
    let mut other = rollup("5.2.0");
    other.vk_tree = B256::repeat_byte(1);
    let text = "release = \"5.2.0\"\nrollup = 4248422647";
    let advice = judge(&settings(text), Ok(&other)).fix;
    assert!(advice.starts_with("That rollup needs"), "{advice}");
}

#[test]
fn a_chain_of_another_network_is_not_compared() {
    let settings = settings("");
    let live = Live {
        rpc_urls: vec![Url::parse(&answering("0xaa36a7")).unwrap().into()],
        ..settings.live().unwrap().clone()
    };
    let why = ask(&settings, &live).unwrap_err();
    assert!(
        why.contains("is on chain 11155111, and mainnet is on chain 1"),
        "{why}"
    );
}

/// An endpoint that gives this result to every request.
fn answering(result: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..count]);
            let id = request.split("\"id\":").nth(1).unwrap_or("0");
            let id: String = id.chars().take_while(char::is_ascii_digit).collect();
            let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":\"{result}\"}}");
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    url
}

#[test]
fn a_network_with_a_new_release_is_recognised() {
    let mut next = rollup("6.0.0");
    next.vk_tree = B256::repeat_byte(1);
    next.protocol_contracts = B256::repeat_byte(2);
    let fit = judge(&settings("release = \"5.2.0\""), Ok(&next));
    assert_eq!(fit.verdict, Verdict::DoesNotFit);
    assert!(
        fit.fix
            .contains("As far as aztec-kit knows, mainnet runs Aztec 6.0.0")
            && fit
                .fix
                .contains("has moved to a release that aztec-kit does not know"),
        "{}",
        fit.fix
    );
    // Values that are not verified prove nothing.
    let fit = judge(&settings(""), Ok(&next));
    assert_eq!(fit.verdict, Verdict::CannotTell, "{}", fit.because);
}

#[test]
fn without_an_answer_the_known_facts_about_the_network_count() {
    let silent = "nobody answers".to_owned();
    let fit = judge(&settings("release = \"5.2.0\""), Err(&silent));
    assert_eq!(fit.verdict, Verdict::DoesNotFit);
    assert!(
        fit.because
            .contains("mainnet has run Aztec 6.0.0 since 2026-10-26"),
        "{}",
        fit.because
    );
    for text in [
        "",
        "release = \"6.99.0\"",
        "release = \"5.3.0\"\nrollup = 4248422647",
    ] {
        let fit = judge(&settings(text), Err(&silent));
        assert_eq!(fit.verdict, Verdict::CannotTell, "{text}: {}", fit.because);
    }
}

#[test]
fn a_release_without_a_fingerprint_cannot_be_judged() {
    let fit = judge(&settings("release = \"6.99.0\""), Ok(&rollup("6.0.0")));
    assert_eq!(fit.verdict, Verdict::CannotTell);
    assert!(fit.fix.contains("Aztec 6.0.0 fits it"), "{}", fit.fix);
}
