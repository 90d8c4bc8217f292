//! Downloads of a setup, fetched in advance while other work has the processor.
//!
//! This only saves time: the setup fetches a missing tarball itself, and accepts one only by its digest.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::machine::Machine;
use crate::{say, sh};

/// The directory in which aztec-kit caches tarballs for other hosts, by their digests, if there is one.
const PACKAGES: &str = "/var/cache/aztec-kit/packages";

/// The packages of the default release of a local network, and of its L1.
const LOCKS: [&str; 2] = [
    "crates/aztec/data/releases/4.1.2/package-lock.json",
    "crates/aztec/data/foundry/package-lock.json",
];

/// Fetches the packages of a local network into the cache that this machine shares with others.
pub fn fetch(machine: &Machine) -> Result<()> {
    if !machine.exists(PACKAGES)? {
        return Ok(());
    }
    let Some(registry) = registry() else {
        say!(
            "   the setup will fetch its packages itself: npm, which knows the registry, is not installed"
        );
        return Ok(());
    };
    let there = machine.shell(&format!("ls {PACKAGES}"))?;
    let mut config = String::new();
    let mut count = 0;
    for lock in LOCKS {
        let text = fs::read_to_string(sh::workspace().join(lock)).context(lock)?;
        for (digest, path) in packages(&serde_json::from_str(&text).context(lock)?) {
            if !there.contains(&digest) {
                let _ = writeln!(config, "url = \"{registry}/{path}\"");
                let _ = writeln!(config, "output = \"{PACKAGES}/{digest}.tgz\"");
                count += 1;
            }
        }
    }
    if count == 0 {
        return Ok(());
    }
    say!("   fetching {count} packages that the setup will need");
    let curl = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--remove-on-error",
        "--parallel",
        "--parallel-max",
        "16",
        "--config",
        "-",
    ];
    let output = machine.command(&curl).stdin(config).run()?;
    match output.status {
        0 => say!("   fetched {count} packages"),
        _ => say!(
            "   not every package could be fetched in advance: {}",
            output.stderr.trim()
        ),
    }
    Ok(())
}

/// The registry of npm, from its configuration or its variable.
fn registry() -> Option<String> {
    let registry = std::env::var("NPM_CONFIG_REGISTRY").ok();
    let registry = registry.or_else(|| {
        sh::find("npm")?;
        sh::quiet("npm", &["config", "get", "registry"]).ok()
    })?;
    let url = registry.trim().trim_end_matches('/');
    url.starts_with("http").then(|| url.to_owned())
}

/// The digests, in hex, and the URLs of the packages for Linux on x86_64.
fn packages(lock: &Value) -> Vec<(String, String)> {
    let entries = lock["packages"].as_object().into_iter().flatten();
    entries
        .filter_map(|(dir, entry)| package(dir, entry.as_object()?))
        .collect()
}

fn package(dir: &str, entry: &Map<String, Value>) -> Option<(String, String)> {
    let flag = |name: &str| entry.get(name) == Some(&Value::Bool(true));
    // A list that lacks the word, or has the word with an exclamation mark.
    let takes = |name: &str, word: &str| {
        let list = entry.get(name).and_then(Value::as_array);
        list.is_none_or(|list| list.iter().any(|one| one == word))
    };
    let here = takes("os", "linux") && takes("cpu", "x64") && takes("libc", "glibc");
    if flag("dev") || flag("peer") || !here {
        return None;
    }
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let digest = text("integrity")?.strip_prefix("sha512-")?;
    let (_, place) = dir.rsplit_once("node_modules/")?;
    let name = text("name").unwrap_or(place);
    let base = name.rsplit('/').next()?;
    let version = text("version")?;
    Some((
        const_hex::encode(STANDARD.decode(digest).ok()?),
        format!("{name}/-/{base}-{version}.tgz"),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::packages;

    #[test]
    fn packages_of_this_platform_have_a_digest_and_a_place() {
        let lock = json!({"packages": {
            "": {"name": "root"},
            "node_modules/a": {"version": "1.0.0", "integrity": "sha512-AAEC"},
            "node_modules/a/node_modules/@b/c": {"version": "2.0.0", "integrity": "sha512-/w=="},
            "node_modules/alias": {"name": "@d/e", "version": "3.0.0", "integrity": "sha512-/w==", "os": ["linux"]},
            "node_modules/mac": {"version": "1.0.0", "integrity": "sha512-AAEC", "os": ["darwin"]},
            "node_modules/types": {"version": "1.0.0", "integrity": "sha512-AAEC", "peer": true},
        }});
        let found = packages(&lock);
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let config = [
            ("000102", "a/-/a-1.0.0.tgz"),
            ("ff", "@b/c/-/c-2.0.0.tgz"),
            ("ff", "@d/e/-/e-3.0.0.tgz"),
        ];
        assert_eq!(found, config);
    }
}
