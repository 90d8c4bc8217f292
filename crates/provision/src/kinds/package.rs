//! Packages of the distribution, in the version that it offers.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Invocation, Output, Probe, Query};
use crate::tools::{apt, dpkg};

/// A set of packages that is installed in one transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packages {
    /// Their purpose; part of the id.
    pub purpose: String,
    /// Package names. A package with a `-` behind its name, as in apt-get(8), is removed: it conflicts with another
    /// one, and is installed again when that one is removed.
    pub names: Vec<String>,
}

/// The package of an entry, and whether it should be installed.
fn parsed(entry: &str) -> (&str, bool) {
    match entry.strip_suffix('-') {
        Some(name) => (name, false),
        None => (entry, true),
    }
}

/// The entry that undoes another one.
fn undone(entry: &str) -> String {
    match parsed(entry) {
        (name, true) => format!("{name}-"),
        (name, false) => name.into(),
    }
}

/// How long to wait for another process that installs packages, seconds. A fresh server upgrades itself on its first
/// boot.
const PATIENCE: u32 = 600;

/// Runs apt or dpkg, and waits for any process that has one of its locks. apt itself can wait only silently, and only
/// for some of its locks.
fn patiently(order: &Invocation, cx: &mut ApplyCx<'_>) -> Result<Output, Fault> {
    let mut reported = None;
    for _ in 0..PATIENCE {
        let output = cx.host_mut.tell(order)?;
        let holder = apt::held(&output);
        if holder.is_none() {
            return Ok(output);
        }
        if reported != holder {
            let name = holder.as_deref().unwrap_or_default();
            (cx.note)(&format!("waiting for {name}"));
            reported = holder;
        }
        thread::sleep(Duration::from_secs(1));
    }
    cx.host_mut.tell(order)
}

/// The fix when apt cannot install anything.
const BROKEN: &str = "Some unpacked packages lack their dependencies. Read what `apt-get --simulate --fix-broken install` would do, run it without --simulate, then run the same command again.";

/// The error when packages would be removed that the entries do not name.
fn unexpected_removals(entries: &[String], along: &[String]) -> Fault {
    let along = along.join(" ");
    Fault::new(format!(
        "apt would remove {along} to install {}",
        entries.join(" ")
    ))
    .fix(format!(
        "If this host does not need them, remove them yourself (`apt-get remove {along}`). Otherwise remove the setting that needs the new packages from kit.toml."
    ))
}

fn not_installed(entries: &[String], output: Output, update: Option<String>) -> Fault {
    let argv = ["apt-get", "install"].map(String::from);
    let cause = output.ok(&argv).err();
    let fix = match update {
        _ if cause.as_ref().is_some_and(is_broken) => BROKEN.to_owned(),
        Some(complaint) => {
            format!("Make `apt-get update` work ({complaint}), then run the same command again.")
        }
        None => {
            "Make `apt-get install` of these packages work, then run the same command again.".into()
        }
    };
    let fault = Fault::new(format!("failed to install {}", entries.join(", "))).fix(fix);
    match cause {
        None => fault,
        Some(cause) => fault.because(cause),
    }
}

fn is_broken(fault: &Fault) -> bool {
    apt::is_broken(&fault.chain())
}

/// Mirrors can be slow, but a stuck one must time out.
const TIMEOUT: Duration = Duration::from_secs(1200);

impl Packages {
    /// The entries that the host does not fulfil.
    fn differing<'a>(
        &'a self,
        seen: &'a [Option<String>],
    ) -> impl Iterator<Item = &'a String> + use<'a> {
        let pairs = self.names.iter().zip(seen);
        pairs
            .filter(|(entry, version)| parsed(entry).1 != version.is_some())
            .map(|(entry, _)| entry)
    }

    /// The entries that a host does not fulfil, in the syntax of apt.
    pub fn lacking(&self, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
        let seen = self.observe(&Cx::of(probe))?;
        Ok(self.differing(&seen).cloned().collect())
    }

    /// The packages that apt would remove to install these entries, except for those that the entries name.
    fn taken_along(entries: &[String], probe: &dyn Probe) -> Result<Vec<String>, Fault> {
        let simulated = probe.ask(&Query::Install(entries.to_vec()))?;
        Self::unnamed(entries, &simulated)
    }

    /// The reason why these entries cannot be installed. If apt finds no solution for another reason, its lists may
    /// only be old or missing, and a run refreshes them.
    pub fn obstacle(entries: &[String], probe: &dyn Probe) -> Option<Fault> {
        match Self::taken_along(entries, probe) {
            Ok(along) if along.is_empty() => None,
            Ok(along) => Some(unexpected_removals(entries, &along)),
            Err(fault) if is_broken(&fault) => Some(
                Fault::new(format!(
                    "apt cannot install {}, nor any other package",
                    entries.join(" ")
                ))
                .fix(BROKEN),
            ),
            Err(_) => None,
        }
    }

    /// The packages that apt would remove, except for those that the entries name.
    fn unnamed(entries: &[String], simulated: &Output) -> Result<Vec<String>, Fault> {
        let mut removed = apt::removals(&simulated.stdout)?;
        removed.retain(|name| !entries.contains(&format!("{name}-")));
        Ok(removed)
    }

    /// Configures packages that a power cut left half configured. Otherwise every later call of apt would fail, and
    /// such packages count as not installed.
    fn configure_interrupted(cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let order = Invocation::new(["dpkg", "--configure", "-a"])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .timeout(TIMEOUT);
        patiently(&order, cx).map(drop)
    }

    fn install(entries: &[String], cx: &mut ApplyCx<'_>) -> Result<Output, Fault> {
        // This checks again, because a package may have been installed since the plan. If apt cannot tell, nothing is
        // removed.
        let simulated = cx
            .host_mut
            .tell(&Invocation::new(apt::install(entries, &["--simulate"])))?;
        if simulated.code != 0 {
            return Ok(simulated);
        }
        let along = Self::unnamed(entries, &simulated)?;
        if !along.is_empty() {
            return Err(unexpected_removals(entries, &along).refusal());
        }
        let removes = entries.iter().any(|entry| !parsed(entry).1);
        let options: &[&str] = if removes { &[] } else { &["--no-remove"] };
        let order = Invocation::new(apt::install(entries, options))
            .env("DEBIAN_FRONTEND", "noninteractive")
            // needrestart must never restart a running validator.
            .env("NEEDRESTART_SUSPEND", "1")
            .timeout(TIMEOUT);
        patiently(&order, cx)
    }

    /// The packages that are removed with `ours`: these, and the dependencies that apt installed for them and that
    /// nothing else needs. Packages that were unused before stay, for example an old kernel: they are up to the
    /// operator.
    fn leaving(ours: &[String], cx: &mut ApplyCx<'_>) -> Result<Vec<String>, Fault> {
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        // The first pass marks them manual, as they were installed: a killed run may have marked them auto already.
        let mut spare = [Vec::new(), Vec::new()];
        for (mark, spare) in ["manual", "auto"].iter().zip(&mut spare) {
            let argv = ["apt-mark", mark].map(String::from);
            let argv = argv.into_iter().chain(ours.iter().cloned());
            cx.host_mut.run(&Invocation::new(argv))?;
            let simulate = Invocation::new([
                "apt-get",
                "--simulate",
                "-o",
                // A suggested package is not needed, but a recommended one may be.
                "APT::AutoRemove::SuggestsImportant=false",
                "autoremove",
            ]);
            let output = cx.host_mut.tell(&simulate)?.answer(&simulate.argv)?;
            *spare = apt::removals(&output.stdout)?;
        }
        let [before, mut after] = spare;
        after.retain(|name| !before.contains(name));
        Ok(after)
    }
}

impl Kind for Packages {
    type Seen = Vec<Option<String>>;
    type Prior = Vec<String>;

    fn id(&self) -> ResourceId {
        ResourceId::new("packages", &self.purpose)
    }

    fn parts(&self) -> BTreeSet<String> {
        self.names.iter().cloned().collect()
    }

    fn divided(
        &self,
        prior: &Self::Prior,
        parts: &BTreeSet<String>,
    ) -> Option<(Self::Prior, Self::Prior)> {
        let (taken, rest): (Vec<_>, Vec<_>) =
            prior.iter().cloned().partition(|it| parts.contains(it));
        (!taken.is_empty()).then_some((taken, rest))
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Self::Seen, Fault> {
        let status = cx.probe.text(Path::new("/var/lib/dpkg/status"))?;
        let Some(status) = status else {
            return Err(Fault::new("this host has no dpkg database")
                .fix("aztec-kit supports Debian and Ubuntu only."));
        };
        let names = self.names.iter().map(|entry| parsed(entry).0.to_owned());
        Ok(dpkg::installed(&status, &names.collect::<Vec<_>>()))
    }

    fn diff(&self, seen: &Self::Seen) -> Diff {
        let change = |entry: &String| match parsed(entry) {
            (name, true) => Change::field(name, Shown::Nothing, Shown::text("installed")),
            (name, false) => Change::field(name, Shown::text("installed"), Shown::Nothing),
        };
        let changes = self.differing(seen).map(change).collect();
        Diff::of(changes, || {
            let versions = self.names.iter().zip(seen);
            versions
                .filter_map(|(name, version)| Some(format!("{name} {}", version.as_deref()?)))
                .collect::<Vec<_>>()
                .join(", ")
        })
    }

    fn prior(&self, seen: &Self::Seen) -> Self::Prior {
        self.differing(seen).cloned().collect()
    }

    fn absent(&self, seen: &Self::Seen) -> bool {
        let mut pairs = self.names.iter().zip(seen);
        pairs.all(|(entry, version)| version.is_none() || !parsed(entry).1)
    }

    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let missing = self.prior(seen);
        (cx.note)(&format!("installing {}", missing.join(", ")));
        Self::configure_interrupted(cx)?;
        let first = Self::install(&missing, cx)?;
        if first.code == 0 {
            return Ok(());
        }
        if apt::is_broken(&first.stderr) {
            return Err(not_installed(&missing, first, None));
        }
        // The package lists of a fresh server are often empty or old. They are refreshed once, and then the
        // installation must work.
        (cx.note)("refreshing the package lists");
        let update = [
            "apt-get",
            "--quiet",
            "-o",
            "DPkg::Lock::Timeout=0",
            "update",
        ];
        let update = patiently(&Invocation::new(update).timeout(TIMEOUT), cx)?;
        // A broken repository may be another one than the one that has the packages.
        let complaint = match update.code {
            0 => None,
            _ => Some(apt::complaints(&update).join("; ")),
        };
        if let Some(complaint) = &complaint {
            (cx.note)(&format!(
                "warning: `apt-get update` failed, so only the lists that it did fetch are used: {complaint}"
            ));
        }
        let second = Self::install(&missing, cx)?;
        if second.code == 0 {
            return Ok(());
        }
        Err(not_installed(&missing, second, complaint))
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        Self::configure_interrupted(cx)?;
        let seen = self.observe(&Cx::of(cx.host_mut.probe()))?;
        let (ours, theirs): (Vec<_>, Vec<_>) = self
            .names
            .iter()
            .zip(seen)
            .filter(|(entry, version)| {
                parsed(entry).1 == version.is_some() && prior.contains(entry)
            })
            .map(|(entry, _)| entry.clone())
            .partition(|entry| parsed(entry).1);
        let leaving = Self::leaving(&ours, cx)?;
        let mut kept: Vec<_> = ours
            .iter()
            .filter(|name| !leaving.contains(name))
            .cloned()
            .collect();
        if leaving.len() > ours.len() {
            (cx.note)(&format!(
                "removing {} and {} packages that were installed with it",
                ours.join(", "),
                leaving.len() - ours.len()
            ));
        }
        let mut back: Vec<_> = theirs.iter().chain(&leaving).map(|e| undone(e)).collect();
        let along = match back.as_slice() {
            [] => Vec::new(),
            // apt finds no solution, so nothing is known.
            back => Self::taken_along(back, cx.host_mut.probe()).unwrap_or_default(),
        };
        // A package that conflicts with one that is installed again may be removed if aztec-kit installed it, even if
        // others recommend it.
        let (gives_way, along): (Vec<_>, Vec<_>) =
            along.into_iter().partition(|name| ours.contains(name));
        kept.retain(|name| !gives_way.contains(name));
        back.extend(gives_way.iter().map(|name| undone(name)));
        if !along.is_empty() {
            return Ok(Reverted::Kept(format!(
                "{} would be removed with it, and you may need that",
                along.join(", ")
            )));
        }
        if !back.is_empty() {
            // One transaction: a package that conflicts with another one is installed again as that one is removed.
            let argv = ["apt-get", "install"].map(String::from);
            Self::install(&back, cx)?.ok(&argv)?;
        }
        if kept.is_empty() {
            Ok(Reverted::Restored)
        } else {
            let kept = kept.join(", ");
            Ok(Reverted::Kept(format!("something else needs {kept}")))
        }
    }
}
