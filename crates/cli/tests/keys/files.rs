//! Files of other tools and systems, interrupted backups, and many keys at once.

use super::stub::chain;
use super::support::*;

/// A directory with the keys of this many attesters, and one publisher.
fn keystores(temp: &Temp, count: &str) -> PathBuf {
    let dir = temp.path("keystore");
    let import = [
        "import",
        "--mnemonic-stdin",
        "--count",
        count,
        "--publishers",
        "1",
    ];
    let output = keys(&[&import[..], &["--out", text(&dir)]].concat(), JUNK);
    assert_eq!(output.code, 0, "{output:?}");
    dir
}

fn export(dir: &Path, backup: &Path, password: &str) -> Output {
    let export = [
        "export",
        text(dir),
        "--out",
        text(backup),
        "--password-stdin",
    ];
    keys(&export, password)
}

/// A backup of the first attester of the mnemonic that everybody knows, sealed with "right" and as little work as both
/// formats allow.
fn sealed(temp: &Temp, name: &str) -> PathBuf {
    const BLS_FILE: &str = "bls-0x8bc32126860a70c7.json";
    let backup = temp.path(name);
    fs::DirBuilder::new().mode(0o700).create(&backup).unwrap();
    let eth = format!("eth-{FIRST}.json");
    write(&backup.join(&eth), include_str!("data/eth.json"), 0o600);
    write(&backup.join(BLS_FILE), include_str!("data/bls.json"), 0o600);
    let pair =
        format!("{{\"eth\": {{\"path\": \"{eth}\"}}, \"bls\": {{\"path\": \"{BLS_FILE}\"}}}}");
    let entry = format!("{{\"attester\": {pair}, \"feeRecipient\": \"{ZERO}\"}}");
    let keystore = format!("{{\"schemaVersion\": 1, \"validators\": [{entry}]}}");
    write(&backup.join("key1.json"), &keystore, 0o600);
    backup
}

fn import(from: &Path, into: &Path, input: &str) -> Output {
    let import = [
        "import",
        "--from",
        text(from),
        "--out",
        text(into),
        "--password-stdin",
    ];
    keys(&import, input)
}

#[test]
fn an_interrupted_backup_continues_only_with_its_password() {
    let temp = Temp::new();
    let (dir, backup) = (keystores(&temp, "2"), temp.path("backup"));
    assert_eq!(export(&dir, &backup, "right").code, 0);
    let complete = temp.all();
    // The state after a kill: the keystore comes last.
    fs::remove_file(backup.join("key1.json")).unwrap();
    let one = backup.join(format!("eth-{FIRST}.json"));
    fs::remove_file(&one).unwrap();
    let begun = temp.all();
    let output = export(&dir, &backup, "wrong");
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output.err.contains("does not belong to this backup"),
        "{output:?}"
    );
    assert_eq!(temp.all(), begun);
    let output = export(&dir, &backup, "right");
    assert_eq!(output.code, 0, "{output:?}");
    let now = temp.all();
    assert!(begun.iter().all(|file| now.contains(file)) && now.len() == complete.len());
    assert_eq!(
        import(&backup.join("key1.json"), &temp.path("again"), "right").code,
        0
    );
    // A foreign file stays, and nothing is added.
    write(&backup.join("notes.txt"), "mine", 0o600);
    let before = temp.all();
    let output = export(&dir, &backup, "right");
    assert_eq!(output.code, 2);
    assert!(output.err.contains("notes.txt"), "{output:?}");
    assert_eq!(temp.all(), before);
}

#[test]
fn a_backup_has_a_password_that_every_wallet_accepts() {
    let temp = Temp::new();
    let (dir, backup) = (keystores(&temp, "1"), temp.path("backup"));
    let output = export(&dir, &backup, "pass\u{b2}");
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output
            .err
            .contains("wallets treat this password differently"),
        "{output:?}"
    );
    assert!(!backup.exists());
}

/// `aztec validator-keys new --data-dir ks` writes paths relative to its working directory, and the node reads them so.
#[test]
fn a_path_in_a_keystore_is_relative_to_it_or_to_the_working_directory() {
    let temp = Temp::new();
    let backup = sealed(&temp, "ks");
    let keystore = backup.join("key1.json");
    let there = fs::read_to_string(&keystore).unwrap();
    fs::remove_file(&keystore).unwrap();
    let from_here = there.replace("\"path\": \"", "\"path\": \"ks/");
    write(&keystore, &from_here, 0o600);
    let again = temp.path("again");
    let call = [
        "import",
        "--from",
        "ks/key1.json",
        "--out",
        text(&again),
        "--password-stdin",
    ];
    let output = keys_in(Path::new("/"), &call, "right");
    assert_eq!(output.code, 2);
    let output = keys_in(&temp.0, &call, "right");
    assert_eq!(output.code, 0, "{output:?}");
    let brought = fs::read_to_string(again.join("key1.json")).unwrap();
    assert!(brought.contains(ETH) && brought.contains(BLS));
    // Neither: both places are named.
    fs::remove_file(backup.join(format!("eth-{FIRST}.json"))).unwrap();
    let output = keys_in(&temp.0, &[&call[..], &["--name", "x"]].concat(), "right");
    assert_eq!(output.code, 2);
    assert!(
        output.err.contains("neither ks/ks/eth-") && output.err.contains("nor ks/eth-"),
        "{output:?}"
    );
}

/// The node reads every `.json` file of the directory.
#[test]
fn a_path_in_a_keystore_may_be_a_directory() {
    let temp = Temp::new();
    let (dir, backup) = (keystores(&temp, "3"), temp.path("backup"));
    assert_eq!(export(&dir, &backup, "right").code, 0);
    let eth = temp.path("eth");
    fs::create_dir(&eth).unwrap();
    for entry in fs::read_dir(&backup).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name.to_str().unwrap().starts_with("eth-") {
            fs::rename(&path, eth.join(name)).unwrap();
        }
    }
    let keystore = temp.path("all.json");
    let entry = r#"{"attester":{"path":"eth","password":"right"},"feeRecipient":"ZERO"}"#;
    let text_of = format!("{{\"schemaVersion\":1,\"validators\":[{entry}]}}").replace("ZERO", ZERO);
    write(&keystore, &text_of, 0o600);
    let again = temp.path("again");
    let output = keys(
        &["import", "--from", text(&keystore), "--out", text(&again)],
        "",
    );
    assert_eq!(output.code, 0, "{output:?}");
    let listed = keys(&["list", text(&again), "--json"], "").json()["attesters"].take();
    // Three attesters and the publisher, each of which pays for all, since no other publisher is named.
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert_eq!(listed[0]["publishers"].as_array().unwrap().len(), 4);
}

#[test]
fn files_of_other_systems_are_imported() {
    let temp = Temp::new();
    let backup = sealed(&temp, "backup");
    // Everybody may read encrypted files: cast and the official tool create them so.
    for entry in fs::read_dir(&backup).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let keystore = backup.join("key1.json");
    // UTF-16 and the line breaks of Windows.
    let words = fs::read_to_string(&keystore).unwrap();
    let utf16: Vec<u8> = ("\u{feff}".to_owned() + &words)
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(&keystore, utf16).unwrap();
    let output = import(&keystore, &temp.path("a"), "right\r\nright\r\n");
    assert_eq!(output.code, 0, "{output:?}");
    let output = import(&keystore, &temp.path("d"), "right\nwrong\n");
    assert_eq!(output.code, 2);
    assert!(output.err.contains("bls-0x"), "{output:?}");
    let output = import(&keystore, &temp.path("d"), "right\nright\nright\n");
    assert!(output.err.contains("more than two lines"), "{output:?}");
    assert!(!temp.path("d").exists());
}

#[test]
fn a_private_key_on_a_command_line_is_not_repeated() {
    let temp = Temp::new();
    let digits = &ETH[2..];
    let at = format!("--attester-address={ETH}");
    for call in [
        &[
            "import",
            "--attester-address",
            ETH,
            "--remote-signer",
            "http://h",
        ][..],
        &["import", &at, "--remote-signer", "http://h"],
        &["import", "--attester-key", ETH],
        &["import", "--from", digits],
        // One digit too few, and one blank too many.
        &["list", &ETH[..65]],
        &["list", &format!("{ETH} ")],
    ] {
        let output = keys_in(&temp.0, call, "");
        assert_eq!(output.code, 2, "{output:?}");
        let all = format!("{}{}", output.out, output.err);
        assert!(
            all.contains("hexadecimal digits of a private key") && !all.contains(&digits[..16]),
            "{output:?}"
        );
    }
}

/// An unexpected word may be a password, or a part of a mnemonic.
#[test]
fn an_unexpected_word_on_a_command_line_is_not_repeated() {
    let temp = Temp::new();
    let path = format!("./{}", &ETH[2..]);
    let bad_recipient = format!("0x{}", "ff".repeat(32));
    for (call, secret) in [
        (&["import", "--mnemonic-stdin", JUNK][..], "junk"),
        (&["import", "--mnemonic-stdin=some words"], "words"),
        (
            &["import", "--from", "x", "--password-stdin", "hunter2"],
            "hunter2",
        ),
        (
            &[
                "import",
                "--attester-address",
                FIRST,
                "--remote-signer",
                "u:hunter2@h:9000",
            ],
            "hunter2",
        ),
        (
            &[
                "import",
                "--attester-key",
                "x",
                "--fee-recipient",
                &bad_recipient,
            ],
            "ffffffff",
        ),
        (&["import", "--attester-key", &path], &ETH[2..20]),
    ] {
        let output = keys_in(&temp.0, call, "");
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            !output.err.is_empty() && !output.err.contains(secret),
            "{output:?}"
        );
    }
}

/// The result of an import is checked like `keys check`, before anything is written.
#[test]
fn an_import_never_makes_a_directory_unsound() {
    const ETH_2: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    let prover = |key: &str| format!("{{\"schemaVersion\":1,\"prover\":\"{key}\"}}");
    let pair = |eth: &str| {
        format!(
            "{{\"attester\":{{\"eth\":\"{eth}\",\"bls\":\"{BLS}\"}},\"feeRecipient\":\"{ZERO}\"}}"
        )
    };
    let of = |validators: String| format!("{{\"schemaVersion\":1,\"validators\":[{validators}]}}");
    let remote = |coinbase: &str, more: &str| {
        format!(
            "{{\"schemaVersion\":2,\"feeRecipient\":\"{ZERO}\",\"coinbase\":\"{coinbase}\",{more}}}"
        )
    };
    let (a, b) = (
        "0x000000000000000000000000000000000000000a",
        "0x000000000000000000000000000000000000000b",
    );
    let cases = [
        // Two provers; one BLS key for two; one attester twice; an address that nobody signs for.
        (prover(ETH), prover(ETH_2), "prover"),
        (of(pair(ETH)), of(pair(ETH_2)), "BLS"),
        (
            prover(ETH),
            of([pair(ETH_2), pair(ETH_2)].join(",")),
            "once",
        ),
        (of(pair(ETH)), prover(FIRST), "no remote signer"),
        // The file name decides which coinbase applies.
        (
            remote(
                a,
                &format!("\"validators\":[{{\"attester\":\"{ETH}\",\"coinbase\":\"{a}\"}}]"),
            ),
            remote(
                b,
                &format!("\"validators\":[{{\"attester\":\"{ETH_2}\"}}],\"prover\":\"{ETH_2}\""),
            ),
            "another coinbase",
        ),
        // A publisher would get another remote signer.
        (
            of(format!(
                "{{\"attester\":\"{ETH}\",\"publisher\":\"{a}\",\"feeRecipient\":\"{ZERO}\"}}"
            ))
            .replace(
                "\"validators\"",
                "\"remoteSigner\":\"http://127.0.0.1:1\",\"validators\"",
            ),
            format!(
                "{{\"schemaVersion\":1,\"remoteSigner\":\"http://127.0.0.1:2\",\"prover\":\"{b}\"}}"
            ),
            "remoteSigner",
        ),
    ];
    for (there, new, why) in cases {
        let temp = Temp::new();
        let dir = temp.path("keystore");
        fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
        write(&dir.join("key5.json"), &there, 0o600);
        let file = temp.path("new.json");
        write(&file, &new, 0o600);
        let before = temp.all();
        let output = keys(&["import", "--from", text(&file), "--out", text(&dir)], "");
        assert_eq!(output.code, 2, "{why}: {output:?}");
        assert!(output.err.contains(why), "{why}: {output:?}");
        assert_eq!(temp.all(), before);
    }
}

/// A BLS key would sign as an Ethereum key, of an address that nobody knows.
#[test]
fn a_key_of_the_other_kind_is_refused() {
    let temp = Temp::new();
    let backup = sealed(&temp, "backup");
    let keystore = backup.join("key1.json");
    let there = fs::read_to_string(&keystore).unwrap();
    let bls = there
        .split('"')
        .find(|word| word.starts_with("bls-"))
        .unwrap();
    let swapped = there.replace(&format!("eth-{FIRST}.json"), bls);
    fs::write(&keystore, swapped).unwrap();
    let output = import(&keystore, &temp.path("again"), "right");
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output.err.contains("not the kind of key file"),
        "{output:?}"
    );
    // An empty password beside a file is tried first, then the one from standard input.
    let empty = there.replace(".json\"}", ".json\", \"password\": \"\"}");
    assert_ne!(empty, there);
    fs::write(&keystore, empty).unwrap();
    let output = import(&keystore, &temp.path("again"), "right");
    assert_eq!(output.code, 0, "{output:?}");
    let output = keys(
        &[
            "import",
            "--from",
            text(&keystore),
            "--out",
            text(&temp.path("none")),
        ],
        "",
    );
    assert!(output.err.contains("password is wrong"), "{output:?}");
}

/// The node merges all files: a setting for all validators of one file also applies to the others.
#[test]
fn a_second_file_changes_nothing_for_the_first() {
    let (a, b) = (
        "0x000000000000000000000000000000000000000a",
        "0x000000000000000000000000000000000000000b",
    );
    let of = |key: &str, coinbase: &str| {
        let coinbase = match coinbase {
            "" => String::new(),
            address => format!("\"coinbase\":\"{address}\","),
        };
        format!(
            "{{\"schemaVersion\":2,\"feeRecipient\":\"{ZERO}\",{coinbase}\"validators\":[{{\"attester\":\"{key}\"}}]}}"
        )
    };
    let second = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    // Both files have settings for all validators, and each validator keeps those of its own file.
    let temp = Temp::new();
    let dir = temp.keystore(&of(ETH, a));
    let file = temp.path("second.json");
    write(&file, &of(second, b), 0o600);
    let call = ["import", "--from", text(&file), "--out", text(&dir)];
    let output = keys(&call, "");
    assert_eq!(output.code, 0, "{output:?}");
    let listed = keys(&["list", text(&dir), "--json"], "").json()["attesters"].take();
    assert_eq!(
        (&listed[0]["coinbase"], &listed[1]["coinbase"]),
        (&json!(a), &json!(b))
    );
    // The second file has no coinbase, and would get that of the first.
    let temp = Temp::new();
    let dir = temp.keystore(&of(ETH, a));
    let file = temp.path("second.json");
    write(&file, &of(second, ""), 0o600);
    let before = temp.all();
    let call = ["import", "--from", text(&file), "--out", text(&dir)];
    let output = keys(&call, "");
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("another coinbase"), "{output:?}");
    assert_eq!(temp.all(), before);
}

#[test]
fn attesters_are_registered_over_several_endpoints_and_within_their_quota() {
    let temp = Temp::new();
    let dir = keystores(&temp, "3");
    // Some requests exceed the quota, and the other endpoint does not answer.
    let (url, requests) = chain(|number| ![2, 7, 8].contains(&number));
    let (dead, _) = chain(|_| false);
    let urls = format!("http://127.0.0.1:1,{url},{dead}");
    let call = [
        "staker-output",
        text(&dir),
        "--l1-rpc-urls",
        &urls,
        "--registry",
        FIRST,
    ];
    let output = keys(&call, "");
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(output.json().as_array().unwrap().len(), 3);
    let requests = requests.load(Ordering::Relaxed);
    assert!(requests < 20, "{requests} requests");
}
