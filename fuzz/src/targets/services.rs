//! The small services of aztec-kit, npm's files, and the terminal.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use beacon::view::{self, Question};
use collector::{Push, Store, prometheus_name};
use npm::{Config, Lock, Package, Platform};
use serde_json::{Value, json};

use super::target::{PLANTED, Target, halves, target, text};
use crate::terminal;

pub(super) const TARGETS: &[Target] = &[
    target!("collector/push", "crates/collector/src/push.rs", push,
        include_bytes!("../../../crates/collector/tests/node-4.1.2.json"), OTLP),
    target!("collector/names", "crates/collector/src/names.rs", names, b"aztec.a/b\0By/s"),
    target!("beacon/view", "crates/beacon/src/view.rs", questions, b"/eth/v1/beacon/blob_sidecars/head",
        b"/eth/v1/beacon/headers/5\0{\"number\":\"0x5\",\"hash\":\"0x1\",\"parentHash\":\"0x0\"}",
        b"\0{\"result\":{\"number\":\"0x5\",\"parentHash\":\"0x1\",\"parentBeaconBlockRoot\":\"0x00\"}}"),
    target!("npm/lock", "crates/npm/src/lock.rs", lock, LOCK),
    target!("npm/config", "crates/npm/src/config.rs", config,
        b"registry=https://r.example/a\n@s:registry=${R}\n//r.example/a/:_authToken=hunter2hunter2\ncafile = \"/a\"\n"),
    target!("npm/unpack", "crates/npm/src/unpack.rs", unpack, TAR),
    target!("terminal", "crates/cli/src/terminal.rs", shown),
    target!("urls", "crates/cli/src/urls/words.rs", urls),
];

const OTLP: &[u8] = br#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"n"}}]},"scopeMetrics":[{"metrics":[{"name":"a.b","unit":"ms","description":"x","histogram":{"dataPoints":[{"attributes":[{"key":"k","value":{"intValue":"1"}}],"count":"2","sum":3.5,"bucketCounts":["1","1"],"explicitBounds":[5]}]}},{"name":"c","sum":{"isMonotonic":true,"dataPoints":[{"asInt":"5"}]}},{"name":"d","gauge":{"dataPoints":[{"asDouble":0.5}]}}]}]}]}"#;
const LOCK: &[u8] = br#"{"lockfileVersion":3,"packages":{"":{"name":"x"},"node_modules/a":{"version":"1.0.0","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==","bin":{"a":"./bin/a.js"},"os":["!win32"]},"node_modules/a/node_modules/@s/b":{"name":"@s/c","version":"2.0.0-rc.1","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==","peer":true,"optional":true,"cpu":"arm64"}}}"#;
/// `package/bin/a.js` and a directory.
const TAR: &[u8] = include_bytes!("../../seeds/package.tar");

/// Prometheus accepts the output: every line has a valid name, distinct labels, and a number.
fn push(bytes: &[u8]) {
    let Ok(pushes) = Push::read(bytes) else {
        return;
    };
    let (mut store, now) = (Store::default(), Instant::now());
    for push in pushes {
        // A series beyond the limit is not accepted.
        store.take(push, now);
    }
    let shown = store.show(now + Duration::from_secs(1));
    assert!(shown.is_empty() || shown.ends_with('\n'));
    let mut typed = BTreeSet::new();
    for line in shown.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (what, name) = (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            assert!(
                ["HELP", "TYPE"].contains(&what) && is_name(name),
                "{line:?}"
            );
            assert!(
                what != "TYPE" || typed.insert(name),
                "the type of {name} is declared twice"
            );
            continue;
        }
        let name = line.find('{').map_or(line, |at| &line[..at]);
        assert!(is_name(name), "{line:?}");
        let number = labels(&line[name.len()..]);
        assert!(number.trim().parse::<f64>().is_ok(), "{line:?}");
    }
}

fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(word)
}

/// Reads `{a="b",c="d"}`, and returns the rest.
fn labels(text: &str) -> &str {
    let mut names = BTreeSet::new();
    let mut rest = text.strip_prefix('{').expect("labels");
    while !rest.starts_with('}') {
        let (name, value) = rest.split_once("=\"").expect("a label has a value");
        assert!(
            is_name(name) && name != "__name__" && names.insert(name),
            "label {name:?} of {text:?}"
        );
        let mut escaped = false;
        let end = value.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        rest = &value[end.expect("a value has an end") + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    &rest[1..]
}

/// Prometheus accepts every name.
fn names(bytes: &[u8]) {
    let (name, unit) = halves(bytes);
    // A name without a letter is dropped from a push.
    let Some(shown) = prometheus_name(&name, &unit) else {
        return;
    };
    assert!(is_name(&shown), "{shown:?}");
    assert!(shown.len() <= 16 + 4 * (name.len() + unit.len()));
}

/// A parsed question is sent to the L1, and its answer is JSON. A root is filled in once.
fn questions(bytes: &[u8]) {
    let (path, answer) = halves(bytes);
    let value: Value = serde_json::from_str(&answer).unwrap_or_default();
    for path in [
        path.clone(),
        format!("/eth/v1/beacon/headers/{path}").into(),
        format!("/eth/v1/beacon/blob_sidecars/{path}").into(),
    ] {
        let Some(question) = Question::read(&path) else {
            continue;
        };
        assert!(path.starts_with("/eth/v1/beacon/"));
        let (method, parameters) = question.call();
        assert!(!method.is_empty() && parameters.is_array());
        if let Some(answer) = question.answer(&value) {
            assert!(answer["data"].is_object() || answer["data"].is_array());
        }
    }
    let _ = view::asks_for_block(answer.as_bytes());
    if let Some(filled) = view::with_root(answer.as_bytes()) {
        let filled_value: Value = serde_json::from_slice(&filled).expect("it is JSON");
        assert_eq!(filled_value.is_array(), value.is_array());
        let again = view::with_root(&filled);
        // A parent that is zero itself is filled in again each time.
        assert!(again.is_none_or(|again| again == filled));
    }
}

/// An accepted package stays below its place, has a name that fits into a URL, and is accepted again after it is
/// written.
fn lock(bytes: &[u8]) {
    let Ok(lock) = Lock::parse(&text(bytes), Platform::LINUX_X64) else {
        return;
    };
    let mut packages = serde_json::Map::new();
    for package in &lock.packages {
        stays_below(&package.dir);
        assert!(package.dir.starts_with("node_modules/"));
        for (link, file) in &package.bin {
            stays_below(file);
            assert!(!link.contains(['/', '\\']) && !link.is_empty());
        }
        let tarball = package.tarball();
        assert!(
            !tarball.contains(['?', '#', '%', ' ', '\\', '\n']) && !tarball.contains("/../"),
            "{tarball:?}"
        );
        assert!(
            package
                .elsewhere
                .as_ref()
                .is_none_or(|url| url.starts_with("http"))
        );
        packages.insert(package.dir.clone(), json!({
            "name": package.name, "version": package.version, "resolved": package.elsewhere,
            "integrity": format!("sha512-{}", base64(&package.sha512)), "bin": package.bin, "peer": package.peer,
        }));
    }
    let written = json!({"lockfileVersion": 3, "packages": packages}).to_string();
    let mut again = Lock::parse(&written, Platform::LINUX_X64)
        .expect("an accepted lock file is accepted again")
        .packages;
    let mut packages = lock.packages;
    packages.sort_by(|a, b| a.dir.cmp(&b.dir));
    again.sort_by(|a, b| a.dir.cmp(&b.dir));
    assert_eq!(again, packages);
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * at) & 63]);
            text.push(if at <= three.len() { digit } else { '=' });
        }
    }
    text
}

fn stays_below(path: &str) {
    let plain = Path::new(path)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    assert!(
        plain && !path.is_empty() && !path.contains('\0'),
        "{path:?}"
    );
}

/// A registry is asked over HTTP or refused, and a token is shown nowhere.
fn config(bytes: &[u8]) {
    let file = text(bytes);
    let env = [("R", "https://env.example"), ("npm_config_registry", "")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::new([&*file], &env);
    let keyed = file.lines().any(|line| {
        line.split('=')
            .next()
            .is_some_and(|key| key.contains("hunter2"))
    });
    assert!(keyed || !format!("{config:?}").contains(PLANTED));
    for package in ["a", "@s/b"] {
        match npm::fuzz::registry(&config, package) {
            Ok((url, _)) => assert!(["http", "https"].contains(&url.scheme()) && url.has_host()),
            Err(error) => assert!(!error.to_string().contains("hunter2")),
        }
    }
    let _ = config.cafile();
}

/// Whatever a tarball contains, its files end up below the package's own place, no link leads out, and no other account
/// can write them.
fn unpack(bytes: &[u8]) {
    let tree = scratch();
    let outside = tree.join("outside");
    let package = Package {
        dir: "node_modules/a".into(),
        name: "a".into(),
        version: "1.0.0".into(),
        sha512: [0; 64],
        elsewhere: None,
        bin: [("a".to_owned(), "bin/a.js".to_owned())].into(),
        peer: false,
    };
    let below = tree.join("tree");
    fs::create_dir_all(&below).unwrap();
    fs::write(&outside, b"as it was").unwrap();
    let packed = if bytes.starts_with(&[0x1f, 0x8b]) {
        bytes.to_vec()
    } else {
        stored(bytes)
    };
    let written = npm::fuzz::unpack(&package, &packed, &below);
    assert_eq!(fs::read(&outside).unwrap(), b"as it was");
    let mut names: Vec<_> = fs::read_dir(&tree)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["outside", "tree"]);
    let mut size = 0;
    walk(
        &below,
        &below.join("node_modules/a"),
        &below.join("node_modules/.bin"),
        &mut size,
    );
    assert!(written.is_err() || written.is_ok_and(|written| written >= size));
    fs::remove_dir_all(&tree).unwrap();
}

fn walk(dir: &Path, own: &Path, bin: &Path, size: &mut u64) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            walk(&path, own, bin, size);
        } else if meta.is_symlink() {
            assert!(path.starts_with(bin), "{}", path.display());
            let target = fs::read_link(&path).unwrap();
            assert!(target.starts_with("../a"), "{}", target.display());
        } else {
            assert!(
                path.starts_with(own) && meta.permissions().mode() & 0o022 == 0,
                "{}",
                path.display()
            );
            *size += meta.len();
        }
    }
}

/// A directory of this process for one run.
fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        memory.into()
    } else {
        std::env::temp_dir()
    };
    let place = place.join(format!(
        "fuzz-unpack-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    // The remains of a run that failed.
    fs::remove_dir_all(&place).ok();
    fs::create_dir_all(&place).unwrap();
    place
}

/// A gzip file that has these bytes as they are (RFC 1951, stored blocks).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let blocks = bytes.chunks(0xffff).count().max(1);
    for (at, block) in (0..blocks).map(|at| (at, bytes.chunks(0xffff).nth(at).unwrap_or_default()))
    {
        let length = u16::try_from(block.len()).unwrap();
        file.push(u8::from(at + 1 == blocks));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    let mut sum = !0_u32;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    file.extend((!sum).to_le_bytes());
    file.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    file
}

/// No control character remains, whatever the text, and a document keeps its meaning.
fn shown(bytes: &[u8]) {
    let input = text(bytes);
    let obeyed = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let shown = terminal::shown(&input);
    assert!(!shown.contains(obeyed), "{shown:?}");
    assert_eq!(terminal::shown(&shown), shown);
    let line = terminal::line(&input);
    assert!(!line.contains(obeyed) && !line.contains('\n'));
    assert!(shown.len() <= 12 * input.len());
    // Only the styles of aztec-kit remain, and they end.
    let style = terminal::Style::Bad;
    let styled = terminal::shown(&format!("{style}{input}{style:#}"));
    assert_eq!(styled, format!("\u{1b}[31m{shown}\u{1b}[0m"));
    if let Ok(value) = serde_json::from_str::<Value>(&input) {
        let plain = serde_json::to_string_pretty(&value).unwrap();
        let document = terminal::json(&plain);
        assert!(!document.contains(obeyed));
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(read(&document), read(&plain));
    }
}

/// The URLs of a file are words of it that are not in comments. A URL with more than a host may carry a key.
fn urls(bytes: &[u8]) {
    use secrecy::ExposeSecret as _;
    let file = text(bytes);
    for url in crate::words::in_text(&file) {
        let url = url.expose_secret();
        assert!(!url.is_empty() && !url.contains([',', '\n', ' ']) && file.contains(url));
    }
    let path = file.replace(|c: char| !c.is_ascii_alphanumeric(), "");
    if !path.is_empty() {
        assert!(crate::words::may_contain_a_key(&format!(
            "--l1-rpc-urls=http://h,https://h.example/{path}"
        )));
        assert!(crate::words::may_contain_a_key(&format!(
            "https://{path}@h.example"
        )));
    }
    let _ = crate::words::may_contain_a_key(&file);
    // A key is found, whatever the text around it.
    let mut words: Vec<_> = file.split_whitespace().map(str::to_owned).collect();
    words.extend(["list".to_owned(), format!("0x{}", "4f".repeat(32))]);
    assert!(crate::words::has_a_key(&words));
    let key = "4f".repeat(32);
    let masked = crate::words::masked(&format!("{file}{key}"));
    assert!(crate::words::may_be_secret(&format!("{file}{key}")));
    assert!(!masked.contains(&key) && crate::words::masked(&masked) == masked);
}
