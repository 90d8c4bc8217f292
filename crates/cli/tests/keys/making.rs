//! Creating and importing keys.

use super::support::*;

#[test]
fn a_mnemonic_gives_the_keys_of_the_official_tool() {
    let temp = Temp::new();
    let dir = temp.path("deep/keystore");
    let output = keys(
        &[
            "import",
            "--mnemonic-stdin",
            "--count",
            "2",
            "--publishers",
            "1",
            "--coinbase",
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "--out",
            text(&dir),
            "--json",
        ],
        &format!("  {JUNK}\n"),
    );
    assert_eq!(output.code, 0, "{output:?}");
    let file = dir.join("key1.json");
    let keystore = fs::read_to_string(&file).unwrap();
    output.silent_about(&keystore, "test test");
    assert_eq!((mode(&dir), mode(&file)), (0o700, 0o600));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    let keystore: Value = serde_json::from_str(&keystore).unwrap();
    // m/44'/60'/1'/0/0 of the mnemonic.
    let second = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    assert_eq!(
        keystore["validators"][0]["attester"],
        json!({"eth": ETH, "bls": BLS})
    );
    assert_eq!(keystore["validators"][1]["attester"]["eth"], second);
    assert_eq!(
        keystore["validators"][1]["attester"]["bls"],
        "0x23ef9bdaf48228f4479ade66987623a161ccb66f69e128fa70c155ff0dcc4f2f"
    );
    assert_eq!(
        keystore["validators"][0]["publisher"],
        keystore["validators"][1]["publisher"]
    );
    let paying = &keystore["validators"][0]["publisher"][0];
    assert!(paying != ETH && paying != second);
    let listed = output.json();
    assert_eq!(listed["file"], text(&file));
    assert_eq!(listed["attesters"][0]["attester"], FIRST);
    assert_eq!(
        listed["attesters"][0]["coinbase"],
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
    );
    assert_eq!(
        listed["attesters"][0]["bls_public_key"],
        "0x8bc32126860a70c71bc6b37ff9aa7d0eabfae432d5c9f08db63dab0072e2620e"
    );
    let list = keys(&["list", text(&dir), "--json"], "");
    assert_eq!(
        (list.code, &list.json()["attesters"]),
        (0, &listed["attesters"])
    );
    let list = keys(&["list", text(&dir)], "");
    list.silent_about(&fs::read_to_string(&file).unwrap(), "test test");
    assert_eq!(keys(&["check", text(&dir)], "").code, 0);
}

#[test]
fn nothing_is_overwritten_and_no_attester_is_imported_twice() {
    let temp = Temp::new();
    let dir = temp.keystore(&validator(""));
    let before = temp.all();
    let import = ["import", "--mnemonic-stdin", "--out", text(&dir)];
    let output = keys(&import, JUNK);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("is already in key1.json"), "{output:?}");
    let taken = [&import[..], &["--first-index", "5", "--name", "key1"]].concat();
    let output = keys(&taken, JUNK);
    assert_eq!(output.code, 2);
    assert!(
        output.err.contains("keys are never overwritten"),
        "{output:?}"
    );
    assert_eq!(temp.all(), before);
    let output = keys(&[&import[..], &["--first-index", "5"]].concat(), JUNK);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(dir.join("key2.json").exists());
}

#[test]
fn a_new_mnemonic_needs_a_terminal_or_a_file() {
    let temp = Temp::new();
    let dir = temp.path("keystore");
    let new = [
        "new",
        "--out",
        text(&dir),
        "--count",
        "2",
        "--publishers",
        "2",
        "--json",
    ];
    let output = keys(&new, "");
    assert_eq!(output.code, 2);
    assert!(output.err.contains("there is no terminal"), "{output:?}");
    assert!(temp.all().is_empty());

    let file = temp.path("mnemonic");
    let output = keys(
        &[&new[..], &["--words", "12", "--mnemonic-file", text(&file)]].concat(),
        "",
    );
    assert_eq!(output.code, 0, "{output:?}");
    let mnemonic = fs::read_to_string(&file).unwrap();
    assert_eq!(mnemonic.split_whitespace().count(), 12);
    assert_eq!(mode(&file), 0o600);
    let keystore = fs::read_to_string(dir.join("key1.json")).unwrap();
    output.silent_about(&keystore, mnemonic.trim());
    // The mnemonic restores the same keys.
    let again = temp.path("again");
    let restored = keys(
        &[
            "import",
            "--mnemonic-stdin",
            "--count",
            "2",
            "--publishers",
            "2",
            "--out",
            text(&again),
        ],
        &mnemonic,
    );
    assert_eq!(restored.code, 0);
    assert_eq!(
        fs::read_to_string(again.join("key1.json")).unwrap(),
        keystore
    );
    restored.silent_about(&keystore, mnemonic.trim());

    // A mnemonic never goes into a keystore directory, not even through a link, and never replaces a file.
    symlink(&dir, temp.path("link")).unwrap();
    let before = temp.all();
    for place in ["keystore/m", "link/m", "keystore/../keystore/m", "mnemonic"] {
        let place = temp.path(place);
        let output = keys(&[&new[..], &["--mnemonic-file", text(&place)]].concat(), "");
        assert_eq!(output.code, 2, "{output:?}");
    }
    assert_eq!(temp.all(), before);
}

#[test]
fn the_mnemonic_is_on_the_terminal_only_and_is_verified() {
    for knows in [true, false] {
        let temp = Temp::new();
        let (dir, out, err) = (temp.path("keystore"), temp.path("out"), temp.path("err"));
        let command = format!(
            "{KIT} keys new --out {} --words 12 >{} 2>{}; echo code=$?",
            text(&dir),
            text(&out),
            text(&err)
        );
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &command,
                "/dev/null",
            ])
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut screen = String::new();
        let mut bytes = child.stdout.take().unwrap();
        let mut words: Vec<String> = Vec::new();
        let mut questions = 0;
        let mut byte = [0];
        while bytes.read(&mut byte).unwrap_or(0) == 1 {
            screen.push(char::from(byte[0]));
            if screen.ends_with("Then press Enter. ") {
                let shown = screen.split_whitespace().collect::<Vec<_>>();
                for number in 1..=12 {
                    let number = number.to_string();
                    let at = shown.iter().rposition(|word| *word == number).unwrap();
                    words.push(shown[at + 1].to_owned());
                }
                stdin.write_all(b"\n").unwrap();
            } else if screen.ends_with(": ") && !words.is_empty() {
                let line = screen.lines().last().unwrap().trim();
                let Some(number) = line.strip_prefix("Word ") else {
                    continue;
                };
                let number: usize = number.trim_end_matches(':').parse().unwrap();
                questions += 1;
                let answer = if knows {
                    words[number - 1].as_str()
                } else {
                    // Not "wrong", which is one of the 2048 words.
                    "mistaken"
                };
                stdin.write_all(format!("{answer}\n").as_bytes()).unwrap();
            }
        }
        child.wait().unwrap();
        let output = Output {
            code: 0,
            out: fs::read_to_string(&out).unwrap(),
            err: fs::read_to_string(&err).unwrap(),
        };
        if knows {
            assert!(screen.contains("code=0"), "{screen} {output:?}");
            assert_eq!(questions, 2);
            let keystore = fs::read_to_string(dir.join("key1.json")).unwrap();
            output.silent_about(&keystore, &words.join(" "));
            for pair in words.windows(3) {
                assert!(
                    !output.out.contains(&pair.join(" ")) && !output.err.contains(&pair.join(" "))
                );
            }
        } else {
            assert!(screen.contains("code=2"), "{screen} {output:?}");
            assert_eq!(questions, 3);
            assert!(!dir.exists());
        }
    }
}
