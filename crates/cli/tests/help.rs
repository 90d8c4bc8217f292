//! The help of every verb, as reviewed snapshots: flags and exit codes are a contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::Command;

fn kit(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_aztec-kit"))
        .args(arguments)
        // Help wraps at the width of the terminal, and says which variables are set.
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn every_verb_explains_itself() {
    let mut all = String::new();
    let verbs = [
        "setup",
        "bootstrap",
        "plan",
        "apply",
        "preflight",
        "smoke",
        "status",
        "confirm",
        "start",
        "stop",
        "logs",
        "keys",
        "alert",
        "metrics",
        "collect",
        "beacon",
        "forget",
    ];
    let (code, help, _) = kit(&["--help"]);
    assert_eq!(code, 0);
    all.push_str(&help);
    for verb in verbs {
        assert!(
            help.contains(&format!("  {verb} ")),
            "{verb} is not in the help"
        );
        let (code, text, _) = kit(&[verb, "--help"]);
        assert_eq!(code, 0);
        all.push_str(&format!("\n--- {verb}\n{text}"));
    }
    for verb in ["new", "import", "list", "check", "staker-output", "export"] {
        let (code, text, _) = kit(&["keys", verb, "--help"]);
        assert_eq!(code, 0);
        all.push_str(&format!("\n--- keys {verb}\n{text}"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn bad_usage_exits_with_2_and_says_so_on_standard_error() {
    for arguments in [
        &["setup", "--nonsense"][..],
        &["nonsense"],
        &[],
        &["smoke", "--patience", "x"],
    ] {
        let (code, stdout, stderr) = kit(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert_eq!(stdout, "", "{arguments:?}");
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
}
