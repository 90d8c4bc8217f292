//! Which releases are known, which are on this host, and which fit its network.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::tools::images;
use serde::Serialize;

use crate::data::{Basis, Releases, networks};
use crate::facts::HostFacts;
use crate::fit::{self, Verdict};
use crate::layout;
use crate::settings::Settings;

/// A release that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseRow {
    /// Its version.
    pub version: String,
    /// `carried` by this program, or the directory of this host that describes it.
    pub from: String,
    /// What cannot be right in that directory; it is refused when it is asked for.
    pub broken: Option<String>,
    /// Networks whose canonical rollup runs it, as far as was known when this program was built.
    pub networks: Vec<String>,
    /// Whether its packages or its image are on this host.
    pub installed: bool,
    /// Whether services of this host run it.
    pub running: bool,
    /// Whether it fits the rollup of this host's network; nothing where that was not asked.
    pub fits: Option<Verdict>,
}

/// Every known release, oldest first. `settings`: what this host is, when it has a configuration.
///
/// # Errors
///
/// When this host cannot be looked at.
pub fn releases(
    known: &Releases,
    settings: Option<&Settings>,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<ReleaseRow>, Fault> {
    let images = match facts.engine {
        // An engine that does not answer has nothing to run either.
        Some(engine) => probe
            .ask(&Query::Images(engine))
            .map_or_else(|_| Vec::new(), |answer| images::parse(&answer.stdout)),
        None => Vec::new(),
    };
    let runs = match settings {
        Some(settings) => {
            let rows = super::unit_rows(settings, facts, probe)?;
            let active = rows
                .iter()
                .any(|row| row.unit.starts_with("aztec-") && row.state == "active");
            active.then(|| settings.release.version.clone())
        }
        None => None,
    };
    let rollup = settings.and_then(asked);
    let mut rows = Vec::new();
    for version in known.versions() {
        let release = known.release(version, None);
        let tree = Path::new(layout::OPT).join("versions").join(version);
        let image = release.as_ref().is_ok_and(|release| {
            let mut named = images
                .iter()
                .filter(|row| row.repository == release.facts.image);
            named.any(|row| row.tag.as_deref() == Some(version))
        });
        let runs_it = networks().iter();
        let runs_it = runs_it.filter(|(_, network)| network.release.as_deref() == Some(version));
        let fits = match (&rollup, &release, settings) {
            (Some(rollup), Ok(release), Some(settings)) => {
                let settings = Settings {
                    release: release.clone(),
                    ..settings.clone()
                };
                Some(fit::judge(&settings, rollup.as_ref()).verdict)
            }
            _ => None,
        };
        rows.push(ReleaseRow {
            version: version.into(),
            from: match &release {
                Ok(release) if release.basis == Basis::Carried => "carried".into(),
                _ => Path::new(layout::RELEASES)
                    .join(version)
                    .display()
                    .to_string(),
            },
            broken: release.as_ref().err().map(Fault::chain),
            networks: runs_it.map(|(name, _)| name.clone()).collect(),
            installed: image || probe.meta(&tree)?.is_some(),
            running: runs.as_deref() == Some(version),
            fits,
        });
    }
    Ok(rows)
}

/// The rollup of a network that others deployed.
fn asked(settings: &Settings) -> Option<Result<l1::reader::Identity, String>> {
    (!settings.is_local()).then(|| fit::ask(settings))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    #[test]
    fn what_is_known_installed_and_broken_is_told() {
        let mut host = FakeHost::debian();
        for dir in [
            "/opt/aztec",
            "/opt/aztec/versions",
            "/opt/aztec/versions/4.1.2",
            "/etc/aztec/releases",
            "/etc/aztec/releases/6.9.9",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        let file = "/etc/aztec/releases/6.9.9/release.toml";
        host.plant(file, FileType::File, b"like = \"6.0.0\"\ntips = 7\n", 0o644);
        let known = Releases::of_host(&host).unwrap();
        let rows = releases(&known, None, &HostFacts::debian(), &host).unwrap();
        let row = |version: &str| rows.iter().find(|row| row.version == version).unwrap();
        assert!(row("4.1.2").installed && row("4.1.2").networks == ["local"]);
        assert!(!row("6.0.0").installed && row("6.0.0").networks == ["mainnet", "testnet"]);
        assert_eq!(row("6.0.0").from, "carried");
        let broken = row("6.9.9");
        assert_eq!(broken.from, "/etc/aztec/releases/6.9.9");
        assert!(broken.broken.as_ref().unwrap().contains("release.toml:2"));
        assert!(rows.iter().all(|row| !row.running && row.fits.is_none()));
    }
}
