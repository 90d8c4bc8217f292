//! The known releases: those that aztec-kit carries, and those that this host describes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use provision::Fault;
use provision::host::Probe;
use provision::kinds::LockText;
use semver::Version;

use super::check::{self, Wrong};
use super::folder::{self, CARRIED, ENV, FACTS, Folder};
use super::omit;
use super::release::{Basis, Description, Release, ReleaseFacts};
use super::variables::Table;
use crate::layout;

/// All releases that are known by a folder. One of this host stands in place of one that this program carries.
#[derive(Debug, Clone)]
pub struct Releases {
    /// By age.
    folders: BTreeMap<Version, Folder>,
}

/// What a folder says, with what it only says of another release filled in.
struct Read {
    /// Whether any of it is from this host.
    of_host: bool,
    facts: ReleaseFacts,
    lock: Option<LockText>,
    omit: Option<&'static str>,
    /// The texts of its variables, the most general first, each with its file.
    layers: Vec<(String, &'static str)>,
}

impl Releases {
    /// The releases that aztec-kit carries.
    pub fn carried() -> Self {
        let all = CARRIED.iter().filter_map(|folder| {
            let version = version(folder.version).ok()?;
            Some((version, *folder))
        });
        Self {
            folders: all.collect(),
        }
    }

    /// With those of a host, from the directories in `/etc/aztec/releases`. What is not named like a version is left out.
    ///
    /// # Errors
    ///
    /// When a file of them cannot be read. What it says is looked at when it is asked for.
    pub fn of_host(probe: &dyn Probe) -> Result<Self, Fault> {
        let mut all = Self::carried();
        let root = Path::new(layout::RELEASES);
        for name in probe.list(root)?.unwrap_or_default() {
            let Ok(version) = version(&name) else {
                continue;
            };
            if let Some(folder) = Folder::of_host(&root.join(&name), probe)? {
                all.folders.insert(version, folder);
            }
        }
        Ok(all)
    }

    /// With the one in a directory, which is named like its version.
    ///
    /// # Errors
    ///
    /// When it is not, or has no `release.toml`, or that cannot be read.
    pub fn with(mut self, place: &Path, probe: &dyn Probe) -> Result<(Self, String), Fault> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let version = version(&name)?;
        let Some(folder) = Folder::of_host(place, probe)? else {
            return Err(
                Fault::new(format!("{} does not exist", place.join(FACTS).display()))
                    .fix("Name the directory of a release. docs/reference/releases.md describes its files."),
            );
        };
        self.folders.insert(version, folder);
        Ok((self, name.into_owned()))
    }

    /// Their versions, oldest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &'static str> + Clone {
        self.folders.values().map(|folder| folder.version)
    }

    /// The folder of a version.
    fn folder(&self, version: &str) -> Option<&Folder> {
        self.folders.get(&Version::parse(version).ok()?)
    }

    /// The newest that is not newer than this version, or the oldest.
    fn nearest(&self, version: &Version) -> Option<&Folder> {
        let before = self.folders.range(..=version).next_back();
        let found = before.or_else(|| self.folders.first_key_value());
        found.map(|(_, folder)| folder)
    }

    /// A release by its version, and by its description where there is one. One that nobody knows is treated like the
    /// newest before it.
    ///
    /// # Errors
    ///
    /// When it is not an exact version, or what is said of it on this host cannot be right.
    pub fn release(
        &self,
        version: &str,
        description: Option<&Description>,
    ) -> Result<Release, Fault> {
        let wanted = self::version(version)?;
        let none = || Fault::new("no release is known");
        if let Some(description) = description {
            let like = self.folder(&description.like).ok_or_else(none)?;
            let mut read = self.read(like, &mut Vec::new())?;
            read.facts = description.on(&read.facts);
            let basis = Basis::Described(description.like.clone());
            (read.lock, read.omit) = (None, None);
            return Ok(release_of(version, basis, read));
        }
        if let Some(folder) = self.folder(version) {
            let read = self.read(folder, &mut Vec::new())?;
            let basis = match folder.place {
                Some(place) => Basis::Host(place.to_owned()),
                None => Basis::Carried,
            };
            return Ok(release_of(version, basis, read));
        }
        let nearest = self.nearest(&wanted).ok_or_else(none)?;
        let mut read = self.read(nearest, &mut Vec::new())?;
        // That it is like another one is assumed, and what tells them apart cannot be.
        read.facts.fingerprint = None;
        (read.lock, read.omit) = (None, None);
        let basis = Basis::Assumed(nearest.version.to_owned());
        Ok(release_of(version, basis, read))
    }

    /// Reads a folder and those that it is like. `above`: who is like it, to notice a circle.
    fn read(&self, folder: &Folder, above: &mut Vec<&'static str>) -> Result<Read, Fault> {
        let file = folder.file(FACTS);
        let wrong = |wrong: Wrong| {
            let line = folder::line_of(folder.facts, &wrong.key);
            Fault::new(format!("{file}:{line}: {}: {}", wrong.key, wrong.what)).fix(wrong.fix)
        };
        above.push(folder.version);
        let table: toml::Table = folder::read(&file, folder.facts)?;
        let mut read = if table.contains_key("like") {
            let description: Description = folder::read(&file, folder.facts)?;
            let like = &description.like;
            // A folder of this host that is like itself says what differs from the one that this program carries.
            let itself = folder.place.is_some() && like == folder.version;
            let base = if itself {
                CARRIED.iter().find(|carried| carried.version == like)
            } else {
                let known = self.folder(like);
                known.filter(|known| !above.contains(&known.version))
            };
            let base = base.ok_or_else(|| wrong(self.unknown(like, above)))?;
            let mut read = self.read(base, above)?;
            let fingerprint = read.facts.fingerprint.take();
            read.facts = description.on(&read.facts);
            if itself {
                read.facts.fingerprint = read.facts.fingerprint.or(fingerprint);
            } else {
                (read.lock, read.omit) = (None, None);
            }
            read
        } else {
            Read {
                of_host: false,
                facts: folder::read(&file, folder.facts)?,
                lock: None,
                omit: None,
                layers: Vec::new(),
            }
        };
        read.lock = folder.lock.or(read.lock);
        read.omit = folder.omit.or(read.omit);
        match folder.env {
            Some(env) => read.layers.push((folder.file(ENV), env)),
            None if read.layers.is_empty() => {
                return Err(Fault::new(format!("{} does not exist", folder.file(ENV)))
                    .fix("Write the variables of the release into it, or name a similar release with `like` in release.toml."));
            }
            None => {}
        }
        read.of_host |= folder.place.is_some();
        // What this program carries is tested, but not on top of what a host says.
        if read.of_host {
            check::facts(&read.facts).map_or(Ok(()), |found| Err(wrong(found)))?;
            check::lock(folder)?;
            omit::check(folder)?;
            Table::read(folder.version, &read.layers)?;
        }
        Ok(read)
    }

    /// What is wrong with a release to be like.
    fn unknown(&self, like: &str, above: &[&str]) -> Wrong {
        let known: Vec<_> = self
            .versions()
            .filter(|known| !above.contains(known))
            .collect();
        let what = if above.contains(&like) {
            format!("{like} is like this one")
        } else {
            format!("{like} is not known")
        };
        Wrong::new("like", what, format!("Write one of {}.", known.join(", ")))
    }
}

fn release_of(version: &str, basis: Basis, read: Read) -> Release {
    Release {
        version: version.into(),
        facts: read.facts,
        lock: read.lock,
        omit: read.omit,
        basis,
        layers: read.layers,
        table: Arc::new(OnceLock::new()),
    }
}

/// The exact version of a release.
///
/// # Errors
///
/// When it is not a semantic version, or one with build metadata: nothing else becomes the name of a directory, an
/// image or a package, and none of these may have a `+`.
pub(crate) fn version(text: &str) -> Result<Version, Fault> {
    let example = || {
        let known = Releases::carried();
        let newest = known.versions().next_back().unwrap_or_default();
        format!(
            "Name an exact version such as {newest}; `latest` would change under a running node."
        )
    };
    let fault = || Fault::new(format!("`{text}` is not a release version")).fix(example());
    let version = Version::parse(text).map_err(|error| fault().because(error))?;
    if version.build.is_empty() {
        Ok(version)
    } else {
        Err(fault())
    }
}

#[cfg(test)]
mod tests {
    use super::super::networks;
    use super::*;
    use crate::names::{Component, Place};
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    fn release(version: &str) -> Release {
        Releases::carried().release(version, None).unwrap()
    }

    #[test]
    fn every_network_runs_a_release_that_is_carried_and_knows_it() {
        assert_eq!(networks().len(), 4);
        assert_eq!(networks()["mainnet"].l1_chain_id, 1);
        for network in networks().values() {
            let older = network.rollups.iter().map(|rollup| &rollup.release);
            for version in network.release.iter().chain(older) {
                let release = release(version);
                assert_eq!(release.basis, Basis::Carried, "{version}");
                assert!(release.knows_network(network.known_as.as_deref().unwrap()));
            }
        }
    }

    #[test]
    fn every_carried_release_can_be_read_and_says_how_each_role_is_started_or_why_not() {
        let all = Releases::carried();
        assert_eq!(all.folders.len(), CARRIED.len(), "each folder is a version");
        for version in all.versions() {
            let release = release(version);
            assert!(check::facts(&release.facts).is_none(), "{version}");
            for (component, facts) in &release.facts.roles {
                assert!(facts.is_complete(), "{version} {component:?}");
            }
            // What they all have had so far; one that came later is refused by those before it.
            let known = Component::all().take(Component::Bot as usize + 1);
            let missing: Vec<_> = known
                .filter(|it| !release.facts.roles.contains_key(it))
                .collect();
            assert!(missing.is_empty(), "{version} {missing:?}");
            release.table();
        }
    }

    #[test]
    fn what_a_release_says_nothing_of_it_does_not_have() {
        let mut release = release("6.0.0");
        release.facts.roles.remove(&Component::Txe);
        let refusal = release.refusal(Component::Txe, Place::Local, None).unwrap();
        assert!(
            refusal.why.contains("not have such a process"),
            "{}",
            refusal.why
        );
    }

    #[test]
    fn every_carried_lock_pins_every_package() {
        let all = Releases::carried();
        for folder in all.folders.values().filter(|folder| folder.lock.is_some()) {
            check::lock(folder).unwrap();
            let release = release(folder.version);
            let text = release.lock.unwrap();
            let whole = text.text().unwrap();
            assert_eq!(
                LockText::Plain(whole.clone().into_owned().leak()).sha256(),
                text.sha256()
            );
            let lock: serde_json::Value = serde_json::from_str(&whole).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            assert!(packages.len() > 500, "{}", packages.len());
            let manifest: serde_json::Value = serde_json::from_str(&release.manifest()).unwrap();
            assert_eq!(packages[""]["dependencies"], manifest["dependencies"]);
            assert!(release.facts.glibc >= (2, 39));
        }
    }

    #[test]
    fn a_release_that_nobody_knows_is_like_the_newest_before_it() {
        for (version, like) in [
            ("0.1.0", "4.1.2"),
            ("4.9.0", "4.1.2"),
            ("5.2.7", "5.2.1"),
            ("5.9.0", "5.3.0"),
            ("9.0.0", "6.0.0"),
        ] {
            assert_eq!(
                release(version).basis,
                Basis::Assumed(like.into()),
                "{version}"
            );
        }
        assert!(release("5.2.0").lock.is_none());
    }

    #[test]
    fn versions_are_semantic_and_become_names() {
        for text in [
            "latest",
            "5.2",
            "v6.0.0",
            "6.0.0+build",
            "../6.0.0",
            "6.0.0/..",
            "",
        ] {
            assert!(version(text).is_err(), "{text}");
        }
        assert!(version("6.0.0-rc.1").unwrap() < version("6.0.0").unwrap());
    }

    /// A host with one described release.
    fn host(files: &[(&str, &str)]) -> FakeHost {
        let mut host = FakeHost::debian();
        for dir in ["/etc/aztec/releases", "/etc/aztec/releases/6.9.9"] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        for (name, text) in files {
            let path = format!("/etc/aztec/releases/6.9.9/{name}");
            host.plant(&path, FileType::File, text.as_bytes(), 0o644);
        }
        host
    }

    const MADE_UP: &str = "like = \"6.0.0\"\ntips = \"getTips\"\n[roles.txe]\n\
        refused = [{ why = \"it is gone\", instead = \"Take it out.\" }]\n";

    #[test]
    fn a_folder_of_the_host_is_a_release() {
        let host = host(&[
            (FACTS, MADE_UP),
            (
                ENV,
                "[variables]\nNEW_ONE = { type = \"integer\" }\n[removed]\nBB_BINARY_PATH = { when = \"in 6.9\" }\n",
            ),
        ]);
        let all = Releases::of_host(&host).unwrap();
        let release = all.release("6.9.9", None).unwrap();
        assert_eq!(
            release.basis,
            Basis::Host("/etc/aztec/releases/6.9.9".into())
        );
        assert_eq!(release.facts.tips, "getTips");
        assert!(release.refusal(Component::Txe, Place::Live, None).is_some());
        assert!(release.knows_variable("NEW_ONE") && release.knows_variable("P2P_PORT"));
        assert!(!release.knows_variable("BB_BINARY_PATH"));
        // Others are like the newest before them, also when that is the host's own.
        assert_eq!(
            all.release("7.0.0", None).unwrap().basis,
            Basis::Assumed("6.9.9".into())
        );
    }

    #[test]
    fn a_folder_of_the_host_stands_in_place_of_a_carried_one() {
        let mut host = FakeHost::debian();
        for dir in [
            "/etc/aztec/releases",
            "/etc/aztec/releases/5.2.1",
            "/etc/aztec/releases/old",
        ] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        host.plant(
            "/etc/aztec/releases/5.2.1/release.toml",
            FileType::File,
            b"like = \"5.2.0\"\nstop_seconds = 7\n",
            0o644,
        );
        let all = Releases::of_host(&host).unwrap();
        assert_eq!(all.release("5.2.1", None).unwrap().facts.stop_seconds, 7);
        assert_eq!(
            all.versions().count(),
            Releases::carried().versions().count()
        );
    }

    #[test]
    fn a_folder_that_is_like_itself_corrects_what_this_program_carries() {
        let root = format!("0x{}", "7".repeat(64));
        let cases = [
            ("4.1.2", "stop_seconds = 7\n".to_owned()),
            (
                "6.0.0",
                format!("[fingerprint]\nverified = true\nvk_tree = \"{root}\"\n"),
            ),
        ];
        for (version, says) in cases {
            let mut host = FakeHost::debian();
            let dir = format!("/etc/aztec/releases/{version}");
            for dir in ["/etc/aztec/releases", &dir] {
                host.plant(dir, FileType::Directory, b"", 0o755);
            }
            let text = format!("like = \"{version}\"\n{says}");
            host.plant(
                &format!("{dir}/release.toml"),
                FileType::File,
                text.as_bytes(),
                0o644,
            );
            let all = Releases::of_host(&host).unwrap();
            let (own, carried) = (all.release(version, None).unwrap(), release(version));
            assert_eq!(own.basis, Basis::Host(dir.into()));
            assert_eq!(
                (own.lock, own.omit),
                (carried.lock, carried.omit),
                "{version}"
            );
            assert_eq!(own.variables(), carried.variables());
            let (mine, theirs) = (
                own.facts.fingerprint.unwrap(),
                carried.facts.fingerprint.unwrap(),
            );
            if version == "4.1.2" {
                assert_eq!((own.facts.stop_seconds, mine), (7, theirs));
            } else {
                assert!(mine.verified && mine.vk_tree != theirs.vk_tree);
            }
        }
    }

    #[test]
    fn a_broken_folder_is_refused_by_file_and_line() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (
                &[(FACTS, "like = \"6.0.0\"\ntips = 7\n")],
                "release.toml:2: it must be a string",
            ),
            (
                &[(FACTS, "like = \"6.0.0\"\n\ntipps = \"x\"\n")],
                "release.toml:3: unknown field `tipps`",
            ),
            (
                &[(FACTS, "like = \"6.0.0\"\ntips = \"get tips\"\n")],
                "release.toml:2: tips: not a part",
            ),
            (
                &[(FACTS, "like = \"8.0.0\"\n")],
                "release.toml:1: like: 8.0.0 is not known",
            ),
            (
                &[(FACTS, "like = \"6.9.9\"\n")],
                "release.toml:1: like: 6.9.9 is like this one",
            ),
            (
                &[(FACTS, "tips = \"getTips\"\n")],
                "release.toml:1: missing field",
            ),
            (
                &[(FACTS, "like = \"6.0.0\"\n[roles.txe]\nflags = [\"; rm\"]\n")],
                "release.toml:2: roles.txe: not a flag",
            ),
            (
                &[
                    (FACTS, "like = \"6.0.0\"\n"),
                    (ENV, "[variables]\nA = { type = \"words\" }\n"),
                ],
                "env.toml:2: unknown variant",
            ),
            (
                &[
                    (FACTS, "like = \"6.0.0\"\n"),
                    (ENV, "[removed]\nA = { when = \"in 6.9\", use = \"B\" }\n"),
                ],
                "env.toml:2: A: nothing reads B",
            ),
            (
                &[(FACTS, "like = \"6.0.0\"\n"), ("package-lock.json", "{")],
                "package-lock.json: not a lock file",
            ),
            (
                &[
                    (FACTS, "like = \"6.0.0\"\n"),
                    ("package-lock.json", "{\"packages\": {\"\": {}}}"),
                ],
                "package-lock.json: it is not of Aztec 6.9.9",
            ),
            (
                &[(FACTS, "like = \"6.0.0\"\n"), ("omit.toml", "\nomit = 7\n")],
                "omit.toml:2: it must be a sequence",
            ),
            (
                &[(FACTS, "like = \"6.0.0\"\nimage = \"--privileged\"\n")],
                "release.toml:2: image: not the repository",
            ),
        ];
        for (files, says) in cases {
            let fault = Releases::of_host(&host(files))
                .unwrap()
                .release("6.9.9", None)
                .unwrap_err();
            let said = fault.chain();
            assert!(
                said.starts_with("/etc/aztec/releases/6.9.9/") && said.contains(says),
                "{said}"
            );
            assert!(fault.remedy().is_some(), "{said}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        for (file_type, word) in [
            (FileType::Directory, "directory"),
            (FileType::Other, "special"),
        ] {
            let mut host = host(&[]);
            host.plant(
                "/etc/aztec/releases/6.9.9/release.toml",
                file_type,
                b"",
                0o644,
            );
            let fault = Releases::of_host(&host).unwrap_err();
            assert!(fault.chain().contains(word), "{}", fault.chain());
            assert!(fault.remedy().is_some());
        }
    }

    #[test]
    fn a_number_in_the_name_of_a_network_may_be_any() {
        let release = release("5.2.0");
        assert!(release.knows_network("v5-devnet-12") && release.knows_network("mainnet"));
        assert!(!release.knows_network("v5-devnet-") && !release.knows_network("staging-public"));
        assert!(release.has_presets("v5-devnet-12") && !release.has_presets("next-net"));
    }

    #[test]
    fn an_agent_of_6_0_0_may_end_its_proof() {
        let seconds = |version, role| release(version).stop_seconds(role);
        assert_eq!(seconds("6.0.0", Component::ProverAgent), 300);
        assert_eq!(seconds("6.0.0", Component::ProverNode), 180);
        assert_eq!(seconds("5.2.0", Component::ProverAgent), 180);
    }

    #[test]
    fn a_described_release_differs_in_what_is_said_alone() {
        let text = "like = \"5.2.0\"\ntips = \"getTips\"\nroles.txe.refused = [{ why = \"w\", instead = \"i\" }]\n";
        let said = Releases::carried()
            .release("5.9.0", Some(&toml::from_str(text).unwrap()))
            .unwrap();
        let base = release("5.2.0");
        assert_eq!(said.basis, Basis::Described("5.2.0".into()));
        assert_eq!(said.facts.tips, "getTips");
        assert!(said.refusal(Component::Txe, Place::Live, None).is_some());
        assert_eq!(said.flags(Component::Node), base.flags(Component::Node));
        assert_eq!(
            (said.facts.rpc, said.facts.glibc),
            (base.facts.rpc, base.facts.glibc)
        );
    }
}
