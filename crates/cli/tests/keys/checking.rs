//! Checking, backing up and registering keys.

use super::stub::chain;
use super::support::*;

#[test]
fn a_directory_that_is_not_sound_is_refused_before_anything_changes() {
    let swapped = validator(r#","coinbase":"0x70997970c51812dc3A010C7d01b50e0d17dc79C8""#);
    let twice = validator("").replace(
        "]}",
        &format!(",{}]}}", &validator("")[33..validator("").len() - 2]),
    );
    let cases = [
        (
            validator("").replace("feeRecipient", "fee"),
            "fee is not a field of a keystore",
        ),
        (
            validator(r#","extra":1"#),
            "validators[0].extra is not a field",
        ),
        (
            format!(r#"{{"schemaVersion":1,"validators":[{{"attester":"{ETH}"}}]}}"#),
            "validators[0].feeRecipient is missing",
        ),
        (twice, "an attester may occur only once"),
        (
            validator("").replace(ETH, &ETH[2..]),
            "does not begin with 0x",
        ),
        (swapped, "wrong checksum"),
        ("[]".to_owned(), "like a staker output"),
        ("{".to_owned(), "is not JSON"),
    ];
    for (keystore, expected) in cases {
        let temp = Temp::new();
        let dir = temp.keystore(&keystore);
        bad(&temp, &dir, expected);
    }
    type Spoil = fn(&Path);
    let spoil: [(&str, Spoil); 6] = [
        ("has mode 0644", |dir| {
            fs::set_permissions(dir.join("key1.json"), fs::Permissions::from_mode(0o644)).unwrap();
        }),
        ("is a symlink", |dir| {
            fs::rename(dir.join("key1.json"), dir.join("../elsewhere")).unwrap();
            symlink("../elsewhere", dir.join("key1.json")).unwrap();
        }),
        ("has mode 0000, not 0700", |dir| {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o000)).unwrap();
        }),
        ("has mode 0755, not 0700", |dir| {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("/keystore is a symlink", |dir| {
            fs::rename(dir, dir.with_extension("real")).unwrap();
            symlink(dir.with_extension("real"), dir).unwrap();
        }),
        ("is a directory: systemd", |dir| {
            fs::create_dir(dir.join("old")).unwrap()
        }),
    ];
    for (expected, spoil) in spoil {
        let temp = Temp::new();
        let dir = temp.keystore(&validator(""));
        spoil(&dir);
        bad(&temp, &dir, expected);
    }
}

/// Asserts that `check` reports the problem and that every other verb refuses the directory.
fn bad(temp: &Temp, dir: &Path, expected: &str) {
    let before = temp.all();
    let output = keys(&["check", text(dir), "--json"], "");
    assert_eq!(output.code, 1, "{expected}: {output:?}");
    let findings = output.json();
    let failed: Vec<_> = findings["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "fail")
        .map(|finding| finding["seen"].as_str().unwrap())
        .collect();
    assert!(
        failed.iter().any(|message| message.contains(expected)),
        "{expected}: {failed:?}"
    );
    let mnemonic = temp.path("mnemonic");
    let backup = temp.path("backup");
    let calls: [(&[&str], &str); 5] = [
        (
            &[
                "import",
                "--mnemonic-stdin",
                "--first-index",
                "9",
                "--out",
                text(dir),
            ],
            JUNK,
        ),
        (
            &[
                "new",
                "--mnemonic-file",
                text(&mnemonic),
                "--out",
                text(dir),
            ],
            "",
        ),
        (&["list", text(dir)], ""),
        (
            &[
                "export",
                text(dir),
                "--out",
                text(&backup),
                "--password-stdin",
            ],
            "x",
        ),
        (
            &[
                "staker-output",
                text(dir),
                "--l1-rpc-urls",
                "http://127.0.0.1:1",
                "--registry",
                FIRST,
            ],
            "",
        ),
    ];
    for (call, input) in calls {
        let output = keys(call, input);
        assert_eq!(output.code, 2, "{call:?}: {output:?}");
        assert!(
            output.err.contains("fix:") || output.out.contains("\"fix\""),
            "{output:?}"
        );
    }
    assert_eq!(temp.all(), before);
}

#[test]
fn a_backup_restores_its_keys() {
    let temp = Temp::new();
    let dir = temp.path("keystore");
    let made = keys(
        &[
            "import",
            "--mnemonic-stdin",
            "--count",
            "1",
            "--publishers",
            "1",
            "--out",
            text(&dir),
        ],
        JUNK,
    );
    assert_eq!(made.code, 0);
    let keystore = fs::read_to_string(dir.join("key1.json")).unwrap();
    let inside = dir.join("backup");
    let output = keys(
        &[
            "export",
            text(&dir),
            "--out",
            text(&inside),
            "--password-stdin",
        ],
        "secret word\n",
    );
    assert_eq!(output.code, 2, "{output:?}");
    let backup = temp.path("backup");
    let output = keys(
        &[
            "export",
            text(&dir),
            "--out",
            text(&backup),
            "--password-stdin",
        ],
        "secret word\n",
    );
    assert_eq!(output.code, 0, "{output:?}");
    output.silent_about(&keystore, "secret word");
    let mut names = 0;
    for entry in fs::read_dir(&backup).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read_to_string(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(
            !content.contains("secret word") && !content.contains("password"),
            "{content}"
        );
        let mut secrets = Vec::new();
        collect(&serde_json::from_str(&keystore).unwrap(), &mut secrets);
        for secret in secrets {
            assert!(!content.contains(&secret[2..]));
            assert!(!text(&path).contains(&secret[2..10]));
        }
        names += 1;
    }
    assert_eq!(names, 4);
    let again = temp.path("again");
    let from = backup.join("key1.json");
    let restore = ["import", "--from", text(&from), "--out", text(&again)];
    assert_eq!(keys(&restore, "").code, 2);
    let restore = [&restore[..], &["--password-stdin"]].concat();
    let output = keys(&restore, "another word");
    assert_eq!(output.code, 2);
    assert!(output.err.contains("the password is wrong"), "{output:?}");
    assert!(!again.exists());
    let output = keys(&restore, "secret word");
    assert_eq!(output.code, 0, "{output:?}");
    output.silent_about(&keystore, "secret word");
    assert_eq!(
        fs::read_to_string(again.join("key1.json")).unwrap(),
        keystore
    );
}

#[test]
fn key_files_and_remote_signers_are_imported() {
    let temp = Temp::new();
    let dir = temp.path("keystore");
    let (eth, bls, open) = (temp.path("eth"), temp.path("bls"), temp.path("open"));
    write(&eth, &format!("{ETH}\n"), 0o600);
    write(&bls, BLS, 0o400);
    write(&open, ETH, 0o644);
    let output = keys(
        &["import", "--attester-key", text(&open), "--out", text(&dir)],
        "",
    );
    assert_eq!(output.code, 2);
    assert!(output.err.contains("has mode 0644"), "{output:?}");
    let output = keys(
        &[
            "import",
            "--attester-key",
            text(&bls.join("x")),
            "--out",
            text(&dir),
        ],
        "",
    );
    assert_eq!(output.code, 2);
    assert!(!dir.exists());
    let import = [
        "import",
        "--attester-key",
        text(&eth),
        "--bls-key",
        text(&bls),
        "--out",
        text(&dir),
    ];
    let output = keys(&import, "");
    assert_eq!(output.code, 0, "{output:?}");
    let keystore = fs::read_to_string(dir.join("key1.json")).unwrap();
    output.silent_about(&keystore, "junk");
    let expected: Value = serde_json::from_str(&validator("")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&keystore).unwrap(), expected);
    let signer = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
    let other = format!("0x{}7", "0".repeat(63));
    let second = temp.path("second");
    write(&second, &other, 0o600);
    let remote = [
        "import",
        "--attester-address",
        signer,
        "--bls-key",
        text(&second),
        "--publisher-address",
        FIRST,
        "--remote-signer",
        "https://signer.example:9000",
        "--out",
        text(&dir),
        "--name",
        "remote",
    ];
    let output = keys(&remote, "");
    assert_eq!(output.code, 0, "{output:?}");
    let keystore: Value =
        serde_json::from_str(&fs::read_to_string(dir.join("remote.json")).unwrap()).unwrap();
    let url = "https://signer.example:9000/";
    assert_eq!(
        keystore["validators"][0],
        json!({
            "attester": {"eth": {"address": signer, "remoteSignerUrl": url}, "bls": other},
            "publisher": [{"address": FIRST, "remoteSignerUrl": url}],
            "feeRecipient": ZERO,
        })
    );
}

#[test]
fn bad_usage_changes_nothing() {
    let temp = Temp::new();
    let dir = temp.path("keystore");
    let import = ["import", "--mnemonic-stdin", "--out", text(&dir)];
    let cases: [(&[&str], &str); 10] = [
        (
            &["--coinbase", "70997970C51812dc3A010C7d01b50e0d17dc79C8"],
            "does not begin with 0x",
        ),
        (
            &["--coinbase", "0x70997970c51812dc3A010C7d01b50e0d17dc79C8"],
            "wrong checksum",
        ),
        (
            &["--coinbase", "0x0000000000000000000000000000000000000000"],
            "is zero",
        ),
        (
            &[
                "--fee-recipient",
                "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            ],
            "not below the order",
        ),
        (
            &["--remote-signer", "https://me:secret@signer"],
            "contains a password",
        ),
        (&["--remote-signer", "file:///x"], "is not an http"),
        (&["--name", "../x"], "is not 1 to 64 letters"),
        (
            &["--account-index", "1"],
            "account 1 is reserved for publishers",
        ),
        (&["--count", "0"], "0 is not in 1..=1000"),
        (&["--from", "x"], "cannot be used"),
    ];
    for (more, expected) in cases {
        let output = keys(&[&import[..], more].concat(), JUNK);
        assert_eq!(output.code, 2, "{more:?}: {output:?}");
        assert!(output.err.contains(expected), "{more:?}: {output:?}");
    }
    for input in [
        "",
        "sausage",
        &JUNK.replace("junk", "test"),
        &"a ".repeat(5000),
    ] {
        let output = keys(&import, input);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(!output.err.contains("sausage"), "{output:?}");
    }
    assert_eq!(keys(&["import"], "").code, 2);
    assert!(temp.all().is_empty() && !dir.exists());
}

#[test]
fn two_nodes_are_compared() {
    let temp = Temp::new();
    let make = |name: &str, index: &str, publisher: &str| {
        let dir = temp.path(name);
        let output = keys(
            &[
                "import",
                "--mnemonic-stdin",
                "--first-index",
                index,
                "--publishers",
                "1",
                "--first-publisher",
                publisher,
                "--out",
                text(&dir),
            ],
            JUNK,
        );
        assert_eq!(output.code, 0, "{output:?}");
        dir
    };
    let (a, b, c) = (
        make("a", "0", "0"),
        make("b", "1", "0"),
        make("c", "2", "1"),
    );
    let list = temp.path("list.json");
    let listed = keys(&["list", text(&b), "--json"], "").out;
    fs::write(&list, &listed).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let bare = temp.path("bare.json");
    fs::write(&bare, listed["attesters"].to_string()).unwrap();
    for (other, code) in [(&b, 1), (&list, 1), (&bare, 1), (&c, 0)] {
        let output = keys(&["check", text(&a), "--other", text(other)], "");
        assert_eq!(output.code, code, "{output:?}");
        assert_eq!(output.out.contains("use each other's nonces"), code == 1);
    }
    // The default never takes the same publisher for other attesters.
    let output = keys(
        &[
            "import",
            "--mnemonic-stdin",
            "--first-index",
            "3",
            "--publishers",
            "1",
            "--out",
            text(&temp.path("d")),
        ],
        JUNK,
    );
    assert_eq!(output.code, 0);
    assert_eq!(
        keys(&["check", text(&a), "--other", text(&temp.path("d"))], "").code,
        0
    );
}

#[test]
fn a_staker_output_proves_possession_and_stays_out_of_the_keystores() {
    let temp = Temp::new();
    let dir = temp.keystore(&validator(""));
    let (url, _) = chain(|_| true);
    let call = [
        "staker-output",
        text(&dir),
        "--l1-rpc-urls",
        &url,
        "--registry",
        FIRST,
    ];
    let output = keys(&call, "");
    assert_eq!(output.code, 0, "{output:?}");
    output.silent_about(&validator(""), "junk");
    let entries = output.json();
    assert_eq!(entries.as_array().unwrap().len(), 1);
    assert_eq!(entries[0]["attester"], FIRST);
    // The multiple of the generator is the public key itself.
    assert_eq!(entries[0]["proofOfPossession"], entries[0]["publicKeyG1"]);
    assert_eq!(
        entries[0]["publicKeyG1"]["x"],
        "0x0bc32126860a70c71bc6b37ff9aa7d0eabfae432d5c9f08db63dab0072e2620e"
    );
    let file = temp.path("staker_output.json");
    let to_file = [&call[..], &["--out", text(&file)]].concat();
    let output = keys(&to_file, "");
    assert_eq!((output.code, output.out.as_str()), (0, ""));
    let written: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((written, mode(&file)), (entries, 0o644));
    assert_eq!(keys(&to_file, "").code, 2);
    let inside = dir.join("staker_output.json");
    let output = keys(&[&call[..], &["--out", text(&inside)]].concat(), "");
    assert_eq!(output.code, 2);
    assert!(
        output.out.contains("where the node would load it"),
        "{output:?}"
    );
    assert!(!inside.exists());
    let output = keys(
        &[
            &call[..],
            &["--attester", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"],
        ]
        .concat(),
        "",
    );
    assert_eq!(output.code, 2);
    let dead = [
        "staker-output",
        text(&dir),
        "--l1-rpc-urls",
        "http://127.0.0.1:1",
        "--registry",
        FIRST,
    ];
    assert_eq!(keys(&dead, "").code, 1);
}

/// Everybody on a host can read a command line.
#[test]
fn urls_with_keys_are_read_from_a_file_or_standard_input() {
    let temp = Temp::new();
    let dir = temp.keystore(&validator(""));
    let file = temp.path("l1.txt");
    write(&file, "# mine\nhttp://127.0.0.1:1/S3CRET\n", 0o600);
    let at = format!("@{}", text(&file));
    let ask = |urls: &str, input: &str| {
        let call = [
            "staker-output",
            text(&dir),
            "--l1-rpc-urls",
            urls,
            "--registry",
            FIRST,
        ];
        let output = keys(&call, input);
        assert!(
            !output.err.contains("S3CRET") && !output.out.contains("S3CRET"),
            "{output:?}"
        );
        (output.code, output.err)
    };
    for (urls, input, warned) in [
        (at.as_str(), "", false),
        (
            "-",
            "http://127.0.0.1:1/S3CRET, http://127.0.0.1:2/S3CRET\n",
            false,
        ),
        ("http://127.0.0.1:1", "", false),
        ("http://127.0.0.1:1/S3CRET", "", true),
    ] {
        let (code, output) = ask(urls, input);
        assert_eq!(code, 1, "{output}");
        assert!(output.contains("no L1 endpoint answers"), "{output}");
        assert_eq!(
            output.contains("on the command line"),
            warned,
            "{urls}: {output}"
        );
    }
    for (urls, input) in [("-", "\n# S3CRET\n"), ("@/no/such/file", "")] {
        let (code, output) = ask(urls, input);
        assert_eq!(code, 2, "{output}");
        assert!(
            output.contains("--l1-rpc-urls") && output.contains("fix:"),
            "{output}"
        );
    }
}

#[test]
fn an_error_about_a_command_line_hides_its_urls() {
    for call in [
        &["new", "--remote-signer", "https://u:S3CRET@h"][..],
        &["new", "--remote-signer=ftp://h/S3CRET"],
        &["https://h/S3CRET"],
        &["list", ".", "https://h/S3CRET"],
    ] {
        let output = keys(call, "");
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output.err.contains("error:") && !output.err.contains("S3CRET"),
            "{output:?}"
        );
    }
}
