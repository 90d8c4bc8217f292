use super::*;

fn lock(entries: &str) -> Result<Lock> {
    let text =
        format!(r#"{{"lockfileVersion": 3, "packages": {{"": {{"name": "x"}}, {entries}}}}}"#);
    Lock::parse(&text, Platform::LINUX_X64)
}

fn integrity() -> String {
    format!("sha512-{}", STANDARD.encode([7; 64]))
}

fn entry(dir: &str, more: &str) -> String {
    format!(
        r#""{dir}": {{"version": "1.0.0", "integrity": "{}"{more}}}"#,
        integrity()
    )
}

fn dirs(entries: &[String]) -> Vec<String> {
    let lock = lock(&entries.join(",")).unwrap();
    lock.packages
        .into_iter()
        .map(|package| package.dir)
        .collect()
}

#[test]
fn packages_for_other_platforms_for_development_or_bundled_are_left_out() {
    let entries = [
        entry("node_modules/a", ""),
        entry(
            "node_modules/arm",
            r#", "optional": true, "cpu": ["arm64"]"#,
        ),
        entry("node_modules/dev", r#", "dev": true"#),
        entry("node_modules/in", r#", "inBundle": true"#),
        entry(
            "node_modules/musl",
            r#", "optional": true, "libc": ["musl"]"#,
        ),
        entry(
            "node_modules/no-mac",
            r#", "optional": true, "os": ["!darwin"]"#,
        ),
        entry("node_modules/one", r#", "os": "linux", "cpu": "x64""#),
    ];
    assert_eq!(
        dirs(&entries),
        ["node_modules/a", "node_modules/no-mac", "node_modules/one"]
    );
}

#[test]
fn an_alias_a_scope_and_a_program_are_understood() {
    let entries = entry(
        "node_modules/a/node_modules/viem",
        r#", "name": "@aztec/viem", "bin": {"x/v": "./bin/v.js"}, "resolved": "https://r.example/npm/@aztec/viem/-/viem-1.0.0.tgz""#,
    );
    let package = &lock(&entries).unwrap().packages[0];
    assert_eq!(package.tarball(), "@aztec/viem/-/viem-1.0.0.tgz");
    assert_eq!(package.elsewhere, None);
    assert_eq!(
        package.bin,
        BTreeMap::from([("v".to_owned(), "bin/v.js".to_owned())])
    );
}

#[test]
fn a_tarball_elsewhere_is_fetched_from_there() {
    let entries = entry(
        "node_modules/a",
        r#", "resolved": "https://r.example/dl/a.tgz""#,
    );
    let package = &lock(&entries).unwrap().packages[0];
    assert_eq!(
        package.elsewhere.as_deref(),
        Some("https://r.example/dl/a.tgz")
    );
}

#[test]
fn paths_out_of_the_tree_and_packages_without_a_pin_are_refused() {
    let refused = [
        entry("../a", ""),
        entry("/node_modules/a", ""),
        entry("node_modules/../../a", ""),
        entry("node_modules/a/../../../b", ""),
        entry("node_modules/..", ""),
        entry("node_modules/.bin", ""),
        entry("node_modules/@s", ""),
        entry("node_modules/a/b", ""),
        entry("packages/a", ""),
        entry("xnode_modules/a", ""),
        entry("node_modules/a", r#", "link": true"#),
        entry("node_modules/a", r#", "name": "../a""#),
        entry(
            "node_modules/a",
            r#", "resolved": "git+ssh://git@host/a.git#1""#,
        ),
        entry("node_modules/a", r#", "resolved": "file:../a""#),
        entry("node_modules/a", r#", "bin": {"a": "../../../bin/sh"}"#),
        entry("node_modules/a", r#", "bin": {"..": "a"}"#),
        entry("node_modules/a", r#", "os": ["win32"]"#),
        r#""node_modules/a": {"version": "1.0.0"}"#.to_owned(),
        r#""node_modules/a": {"version": "1.0.0", "integrity": "sha1-AAAA"}"#.to_owned(),
        format!(
            r#""node_modules/a": {{"version": "1/../..", "integrity": "{}"}}"#,
            integrity()
        ),
        format!(r#""node_modules/a": {{"integrity": "{}"}}"#, integrity()),
    ];
    for entries in &refused {
        assert!(lock(entries).is_err(), "{entries}");
    }
}

/// A truncated or altered text is refused or read, and every path that is read stays in the tree.
#[test]
fn an_altered_lock_never_names_a_place_outside() {
    let text = format!(
        r#"{{"lockfileVersion": 3, "packages": {{{}, {}}}}}"#,
        entry(
            "node_modules/@s/a/node_modules/b",
            r#", "bin": {"b": "bin/b"}"#
        ),
        entry("node_modules/c", "")
    );
    let pieces = [
        "..",
        "/",
        "\\\\",
        ".",
        "@",
        "node_modules",
        "",
        "\\u0000",
        "%2e",
    ];
    for at in 0..text.len() {
        for piece in pieces {
            let altered = format!("{}{piece}{}", &text[..at], &text[at + 1..]);
            let Ok(lock) = Lock::parse(&altered, Platform::LINUX_X64) else {
                continue;
            };
            for package in lock.packages {
                assert!(
                    is_below(&package.dir) && package.dir.starts_with("node_modules/"),
                    "{altered}"
                );
                assert!(!package.tarball().contains("/../"), "{altered}");
                for (link, file) in &package.bin {
                    assert!(
                        is_below(file) && is_below(link) && !link.contains('/'),
                        "{altered}"
                    );
                }
            }
        }
        assert!(Lock::parse(&text[..at], Platform::LINUX_X64).is_err());
    }
}
