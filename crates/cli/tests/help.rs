//! The help of every verb, as reviewed snapshots: flags and exit codes are a contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::process::Command;

fn kit(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_aztec-kit"))
        .args(arguments)
        // Help wraps at the width of the terminal, and shows variables that are set.
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

/// The verbs that a help lists, except `help` itself.
fn verbs(help: &str) -> Vec<&str> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    list.lines()
        .take_while(|line| !line.is_empty())
        // A line with more indentation continues the previous one.
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
        })
        .filter_map(|line| line.split(' ').next())
        .filter(|verb| *verb != "help")
        .collect()
}

/// The help of a verb, and of every verb below it.
fn explained(path: &[&str], all: &mut String) {
    let (code, help, _) = kit(&[path, &["--help"]].concat());
    assert_eq!(code, 0, "{path:?}");
    if !path.is_empty() {
        all.push_str(&format!("\n--- {}\n", path.join(" ")));
    }
    all.push_str(&help);
    for verb in verbs(&help) {
        explained(&[path, &[verb]].concat(), all);
    }
}

#[test]
fn every_verb_explains_itself() {
    let mut all = String::new();
    explained(&[], &mut all);
    assert!(all.contains("--- keys new"), "{all}");
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
        // With `--json` the failure is a document too.
        let (code, stdout, _) = kit(&[arguments, &["--json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((code, &document["exit_code"]), (2, &2.into()), "{document}");
        assert_eq!(document["class"], "usage", "{document}");
    }
}

#[test]
fn completions_are_valid_scripts() {
    for (shell, sign) in [
        ("bash", "complete -F _aztec"),
        ("zsh", "#compdef aztec-kit"),
        ("fish", "complete -c aztec-kit"),
    ] {
        let (code, script, _) = kit(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(script.contains(sign), "{script}");
        // Every flag of a role is there, and hidden flags are not.
        assert!(script.contains("with-sequencer"), "{script}");
        // Only bash is on every host.
        if shell == "bash" {
            let mut bash = Command::new("bash");
            let read = bash.args(["-n", "-c", &script]).status().unwrap();
            assert!(read.success());
        }
    }
}

#[test]
fn every_command_has_a_man_page() {
    let mut pages = 0;
    let mut paths = vec![Vec::new()];
    while let Some(path) = paths.pop() {
        let of = |first: &str| {
            let words: Vec<&str> = std::iter::once(first)
                .chain(path.iter().map(String::as_str))
                .collect();
            kit(&words)
        };
        let (code, page, _) = of("man");
        assert_eq!(code, 0, "{path:?}");
        assert!(page.contains(".SH SYNOPSIS"), "{path:?}: {page}");
        pages += 1;
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let (_, help, _) = kit(&words);
        paths.extend(
            verbs(&help)
                .into_iter()
                .map(|verb| [&path[..], &[verb.to_owned()]].concat()),
        );
    }
    assert!(pages > 25, "{pages}");
    let (code, _, said) = kit(&["man", "keys", "nonsense"]);
    assert!(code == 2 && said.contains("`nonsense`"), "{said}");
}
