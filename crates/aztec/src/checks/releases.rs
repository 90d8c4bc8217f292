//! The known releases: which are on this host, and which fit its network.

use std::path::{Path, PathBuf};

use provision::Fault;
use provision::host::{Engine, Probe, Query};
use provision::kinds::Pin;
use provision::tools::images::{self, Row};
use serde::Serialize;

use crate::Units;
use crate::data::{Basis, Releases, networks, version};
use crate::facts::HostFacts;
use crate::fit::{self, Verdict};
use crate::layout;
use crate::settings::Settings;

/// A known release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseRow {
    /// Its version.
    pub version: String,
    /// The source of the facts about it.
    pub from: Source,
    /// The directory of this host that describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The release that it is like, except for the facts that are stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// The mistakes in that directory. The release is refused when it is configured.
    pub broken: Option<String>,
    /// Networks whose canonical rollup runs it, as known when aztec-kit was built.
    pub networks: Vec<String>,
    /// Whether its packages or its image are on this host; absent if that could not be asked.
    pub installed: Option<bool>,
    /// Whether services of this host run it; absent if that could not be asked.
    pub running: Option<bool>,
    /// Why something could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
    /// Whether it fits the rollup of this host's network; absent if that was not asked.
    pub fits: Option<Verdict>,
}

/// The source of the facts about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// aztec-kit itself carries it.
    Carried,
    /// A directory of this host describes it.
    Directory,
    /// `kit.toml` describes it.
    KitToml,
    /// Nobody describes it. It is treated like the newest release before it.
    Assumed,
}

impl ReleaseRow {
    /// The source of the facts about it, for people.
    pub fn known_from(&self) -> String {
        match (self.from, &self.directory, &self.like) {
            (Source::Directory, Some(directory), _) => directory.display().to_string(),
            (Source::Assumed, _, Some(like)) => format!("not known, like {like}"),
            (Source::KitToml, ..) => "kit.toml".into(),
            _ => "carried".into(),
        }
    }
}

/// Every known release, oldest first. `settings` is the configuration of this host, if it has one.
///
/// # Errors
///
/// When this host cannot be observed.
pub fn releases(
    known: &Releases,
    settings: Option<&Settings>,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<ReleaseRow>, Fault> {
    let (images, silent) = match facts.engine.map(|engine| images(engine, probe)) {
        Some(Ok(images)) => (images, None),
        Some(Err(fault)) => (Vec::new(), Some(fault.chain())),
        None => (Vec::new(), None),
    };
    let rows = settings.map(|settings| super::unit_rows(&Units::of(settings, facts).work, probe));
    let (active, mute) = match rows {
        Some(Ok(rows)) => {
            let mut rows = rows.iter();
            let runs = rows.any(|row| row.unit.starts_with("aztec-") && row.state == "active");
            (Some(runs), None)
        }
        Some(Err(fault)) => (None, Some(fault.chain())),
        None => (Some(false), None),
    };
    // The release in kit.toml does not run until it is applied.
    let tree = probe.link(Path::new(layout::CURRENT))?;
    let record = probe.text(Path::new(layout::CONTAINER))?;
    let pin = record.and_then(|record| Pin::recorded(&record));
    let rollup = settings.and_then(rollup);
    let mut rows = Vec::new();
    for version in versions(known, settings) {
        let version = version.as_str();
        let release = match settings.filter(|settings| settings.release.version == version) {
            Some(settings) => Ok(settings.release.clone()),
            None => known.release(version, None),
        };
        let place = Path::new(layout::OPT).join("versions").join(version);
        let mut named = images.iter().filter(|row| {
            let repository = release.as_ref().map(|release| &release.facts.image);
            repository.is_ok_and(|repository| row.repository == *repository)
                && row.tag.as_deref() == Some(version)
        });
        let image = named.next();
        let pinned = pin.as_ref().zip(image);
        let used = self::known(
            tree.as_deref() == Some(&place)
                || pinned.is_some_and(|(pin, image)| pin.id == image.id),
            silent.is_none() || pin.is_none(),
        );
        let running = match (active, used) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let there = image.is_some() || probe.meta(&place)?.is_some();
        let installed = self::known(there, silent.is_none());
        let unanswered = [
            silent
                .as_ref()
                .filter(|_| installed.is_none() || used.is_none()),
            mute.as_ref().filter(|_| running.is_none()),
        ];
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
        let broken = || Basis::Host(Path::new(layout::RELEASES).join(version));
        let basis = release.as_ref().map(|release| release.basis.clone());
        let (from, directory, like) = match basis.unwrap_or_else(|_| broken()) {
            Basis::Carried => (Source::Carried, None, None),
            Basis::Host(place) => (Source::Directory, Some(place), None),
            Basis::Described(like) => (Source::KitToml, None, Some(like)),
            Basis::Assumed(like) => (Source::Assumed, None, Some(like)),
        };
        rows.push(ReleaseRow {
            version: version.into(),
            from,
            directory,
            like,
            broken: release.as_ref().err().map(Fault::chain),
            networks: runs_it.map(|(name, _)| name.clone()).collect(),
            installed,
            running,
            unanswered: unanswered.into_iter().flatten().next().cloned(),
            fits,
        });
    }
    Ok(rows)
}

/// Yes if it was seen; no if it was not seen and the source answered; otherwise `None`.
fn known(seen: bool, answered: bool) -> Option<bool> {
    (seen || answered).then_some(seen)
}

/// The images of an engine. A stopped engine is not asked, because that could start it. An engine that was never used has
/// none.
fn images(engine: Engine, probe: &dyn Probe) -> Result<Vec<Row>, Fault> {
    if let Some(unit) = engine.unit() {
        let state = probe.unit(unit)?.active;
        if state != "active" {
            return Err(Fault::new(format!("{unit} is {state}")));
        }
    } else if probe.meta(Path::new(engine.storage()))?.is_none() {
        return Ok(Vec::new());
    }
    let listed = probe.ask(&Query::Images(engine))?;
    images::parse(&listed.stdout)
}

/// The versions of these releases and of this host, whose release may have no folder, oldest first.
fn versions(known: &Releases, settings: Option<&Settings>) -> Vec<String> {
    let mut all: Vec<_> = known.versions().map(String::from).collect();
    let own = settings.map(|settings| settings.release.version.clone());
    all.extend(own.filter(|own| !known.versions().any(|known| known == own)));
    all.sort_by_key(|text| version(text).ok());
    all
}

/// The rollup that this host follows; `None` on a local network.
fn rollup(settings: &Settings) -> Option<Result<l1::reader::Identity, String>> {
    settings.live().map(|live| fit::ask(settings, live))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::{FakeHost, FakeUnit};

    use super::*;

    #[test]
    fn a_row_tells_whether_a_release_is_known_installed_and_broken() {
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
        assert!(row("4.1.2").installed == Some(true) && row("4.1.2").networks == ["local"]);
        assert!(
            row("6.0.0").installed == Some(false)
                && row("6.0.0").networks == ["mainnet", "testnet"]
        );
        assert_eq!(row("6.0.0").known_from(), "carried");
        let broken = row("6.9.9");
        assert_eq!(broken.known_from(), "/etc/aztec/releases/6.9.9");
        assert!(broken.broken.as_ref().unwrap().contains("release.toml:2"));
        assert!(
            rows.iter()
                .all(|row| row.running == Some(false) && row.fits.is_none())
        );
    }

    #[test]
    fn the_release_of_a_host_is_in_the_list_and_runs_only_once_it_is_applied() {
        let mut host = FakeHost::debian();
        for dir in [
            "/opt/aztec",
            "/opt/aztec/versions",
            "/opt/aztec/versions/4.1.2",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        let target = b"/opt/aztec/versions/4.1.2";
        host.plant("/opt/aztec/current", FileType::Symlink, target, 0o777);
        let runs = FakeUnit {
            loaded: Some(Vec::new()),
            active: "active".into(),
            ..FakeUnit::default()
        };
        host.units.insert("aztec-node.service".into(), runs);
        let known = Releases::of_host(&host).unwrap();
        for (text, from) in [
            ("release = \"5.2.7\"\n", "not known, like 5.2.1"),
            (
                "release = \"5.2.7\"\n[releases.\"5.2.7\"]\nlike = \"5.2.0\"\n",
                "kit.toml",
            ),
        ] {
            let settings = Settings::parse(text).unwrap();
            let rows = releases(&known, Some(&settings), &HostFacts::debian(), &host).unwrap();
            // The release of this host has no folder, and is listed in the right place.
            let known = Releases::carried();
            let mut all: Vec<_> = known.versions().collect();
            let after = all.iter().position(|version| *version == "5.2.1").unwrap();
            all.insert(after + 1, "5.2.7");
            let versions: Vec<_> = rows.iter().map(|row| row.version.as_str()).collect();
            assert_eq!(versions, all);
            assert_eq!(rows[3].known_from(), from);
            let running = rows.iter().filter(|row| row.running == Some(true));
            let running: Vec<_> = running.map(|row| row.version.as_str()).collect();
            assert_eq!(running, ["4.1.2"]);
        }
    }
}
