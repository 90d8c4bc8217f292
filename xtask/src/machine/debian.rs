//! A freshly installed Debian in a directory, from the package sources of the outer machine.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::{cache, prerequisites, sh};

/// The packages of a minimal Debian server, in addition to the essential ones.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,iproute2,ca-certificates,procps,curl";

/// Increase this if this module installs something else from the same inputs.
const RECIPE: &str = "1";

const LOCAL_CERTIFICATES: &str = "/usr/local/share/ca-certificates";

/// An installation and its sources.
#[derive(Debug)]
pub struct Debian {
    suite: String,
    packages: String,
    sources: Vec<String>,
    /// Name and text of each.
    certificates: Vec<(String, String)>,
}

impl Debian {
    /// A minimal server of this suite (`trixie`, `bookworm`) with these packages in addition.
    pub fn new(suite: &str, packages: &[&str]) -> Debian {
        Debian {
            suite: suite.to_owned(),
            packages: [&[PACKAGES], packages].concat().join(","),
            sources: outer_sources(suite),
            certificates: local_certificates(),
        }
    }

    /// A short name of everything that decides the result of [`Debian::install`].
    pub fn fingerprint(&self) -> String {
        let mut parts = vec![RECIPE, &self.suite, &self.packages];
        parts.extend(self.certificates.iter().map(|(_, text)| text.as_str()));
        parts.extend(self.sources.iter().map(String::as_str));
        cache::fingerprint(&parts)
    }

    /// Installs it into a new directory, with these variables for its packages. Starts nothing in it.
    pub fn install(&self, root: &Path, variables: &[&str]) -> Result<()> {
        prerequisites::for_machines()?;
        let shown = root.display().to_string();
        let mut args: Vec<_> = variables.iter().map(|&it| it.to_owned()).collect();
        args.extend([
            "mmdebstrap".to_owned(),
            "--variant=minbase".to_owned(),
            format!("--include={}", self.packages),
            self.suite.clone(),
            shown.clone(),
        ]);
        args.extend(self.sources.iter().cloned());
        sh::quiet("env", &args)?;
        for (name, text) in &self.certificates {
            fs::write(root.join(&LOCAL_CERTIFICATES[1..]).join(name), text)?;
        }
        sh::quiet("chroot", &[shown.as_str(), "update-ca-certificates"])?;
        Ok(())
    }
}

/// Certificate authorities that the outer machine trusts in addition to Debian's: behind a proxy that inspects TLS, a
/// machine needs them too.
fn local_certificates() -> Vec<(String, String)> {
    let mut found: Vec<_> = fs::read_dir(LOCAL_CERTIFICATES)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "crt")
        })
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, fs::read_to_string(entry.path()).ok()?))
        })
        .collect();
    found.sort();
    found
}

/// The apt sources of an outer Debian, rewritten for a suite. Empty, which means mmdebstrap's defaults, on another
/// outer machine.
fn outer_sources(suite: &str) -> Vec<String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
    };
    let (Some(id), Some(codename)) = (field("ID"), field("VERSION_CODENAME")) else {
        return Vec::new();
    };
    if id != "debian" {
        return Vec::new();
    }
    let mut texts = vec![fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
    for entry in fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten()
    {
        texts.push(fs::read_to_string(entry.path()).unwrap_or_default());
    }
    rewrite_sources(&texts.join("\n\n"), &codename, suite)
}

/// Finds the source of `codename` and of its security updates in apt sources (of either format), and returns the lines
/// for `suite`.
fn rewrite_sources(text: &str, codename: &str, suite: &str) -> Vec<String> {
    let entries = parse_sources(text);
    let place = |suite_name: &str| {
        entries
            .iter()
            .find(|(_, suites)| suites.iter().any(|suite| suite == suite_name))
            .map(|(uri, _)| uri.clone())
    };
    let Some(main) = place(codename) else {
        return Vec::new();
    };
    let mut lines = vec![
        format!("deb {main} {suite} main"),
        format!("deb {main} {suite}-updates main"),
    ];
    if let Some(security) = place(&format!("{codename}-security")) {
        lines.push(format!("deb {security} {suite}-security main"));
    }
    lines
}

/// The (URI, suites) pairs of apt sources.
fn parse_sources(text: &str) -> Vec<(String, Vec<String>)> {
    let mut entries = Vec::new();
    for stanza in text.split("\n\n") {
        let (mut uris, mut suites) = (Vec::new(), Vec::new());
        for line in stanza.lines() {
            let words = |rest: &str| {
                rest.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            if let Some(rest) = line.strip_prefix("URIs:") {
                uris = words(rest);
            } else if let Some(rest) = line.strip_prefix("Suites:") {
                suites = words(rest);
            } else if let Some(rest) = line.strip_prefix("deb ") {
                // deb [options] URI suite component...
                let rest = rest.trim_start();
                let rest = match rest.strip_prefix('[') {
                    Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
                    None => rest,
                };
                if let [uri, suite, ..] = &words(rest)[..] {
                    entries.push((uri.clone(), vec![suite.clone()]));
                }
            }
        }
        entries.extend(uris.into_iter().map(|uri| (uri, suites.clone())));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::rewrite_sources;

    const WANTED: [&str; 3] = [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/security trixie-security main",
    ];

    #[test]
    fn sources_of_the_old_format() {
        let text = "# deb http://old.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/k] http://mirror.example/debian bookworm main contrib\n\
            deb http://mirror.example/security bookworm-security main\n\
            deb http://other.example/apt nodistro main\n";
        assert_eq!(rewrite_sources(text, "bookworm", "trixie"), WANTED);
    }

    #[test]
    fn sources_of_the_new_format() {
        let text = "Types: deb\n# a remark\nURIs: http://mirror.example/debian\n\
            Suites: bookworm bookworm-updates\nComponents: main\n\n\
            Types: deb\nURIs: http://mirror.example/security\nSuites: bookworm-security\n";
        assert_eq!(rewrite_sources(text, "bookworm", "trixie"), WANTED);
    }

    #[test]
    fn no_debian_source_means_the_defaults() {
        assert!(
            rewrite_sources("deb http://x.example/apt stable main", "bookworm", "x").is_empty()
        );
    }
}
