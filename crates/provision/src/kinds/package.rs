//! Packages of the distribution, present in whatever version it offers.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Invocation, Output, Probe, Query};
use crate::tools::{apt, dpkg};

/// A set of packages, installed in one go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packages {
    /// Why they are needed; part of the id.
    pub purpose: String,
    /// Package names. With a `-` behind it, as apt-get(8) has it, a package is removed: one that cannot be
    /// beside another, and comes back when that one goes.
    pub names: Vec<String>,
}

/// The package that an entry is about, and whether it shall be installed.
fn wanted(entry: &str) -> (&str, bool) {
    match entry.strip_suffix('-') {
        Some(name) => (name, false),
        None => (entry, true),
    }
}

/// The entry that undoes another one.
fn undone(entry: &str) -> String {
    match wanted(entry) {
        (name, true) => format!("{name}-"),
        (name, false) => name.into(),
    }
}

/// Another one that installs (a fresh server upgrades itself on its first boot) gets this many seconds.
const PATIENCE: u32 = 600;

/// Runs apt or dpkg, and waits for whoever has one of its locks. apt can wait by itself, but silently, and for some of
/// its locks only.
fn patiently(order: &Invocation, cx: &mut ApplyCx<'_>) -> Result<Output, Fault> {
    let mut told = None;
    for _ in 0..PATIENCE {
        let output = cx.host_mut.tell(order)?;
        let holder = apt::held(&output);
        if holder.is_none() {
            return Ok(output);
        }
        if told != holder {
            let name = holder.as_deref().unwrap_or_default();
            (cx.note)(&format!("waiting for {name}"));
            told = holder;
        }
        thread::sleep(Duration::from_secs(1));
    }
    cx.host_mut.tell(order)
}

/// What to do where apt installs nothing.
const BROKEN: &str = "Packages are unpacked that lack others: look at what `apt-get --fix-broken install` would do, run it, then run the same command again.";

/// Packages would go that nobody asked to go.
fn unasked(entries: &[String], along: &[String]) -> Fault {
    let along = along.join(" ");
    Fault::new(format!(
        "apt would remove {along} to install {}",
        entries.join(" ")
    ))
    .fix(format!(
        "When this host can do without them, remove them yourself (`apt-get remove {along}`); else take out of kit.toml what wants the new ones."
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

/// Mirrors can be slow; a stuck one must end some day.
const TIMEOUT: Duration = Duration::from_secs(1200);

impl Packages {
    /// The entries that the host does not fulfil.
    fn differing<'a>(
        &'a self,
        seen: &'a [Option<String>],
    ) -> impl Iterator<Item = &'a String> + use<'a> {
        let pairs = self.names.iter().zip(seen);
        pairs
            .filter(|(entry, version)| wanted(entry).1 != version.is_some())
            .map(|(entry, _)| entry)
    }

    /// The entries that a host does not fulfil, as apt takes them.
    pub fn lacking(&self, probe: &dyn Probe) -> Result<Vec<String>, Fault> {
        let seen = self.observe(&Cx::of(probe))?;
        Ok(self.differing(&seen).cloned().collect())
    }

    /// What apt says that it would remove to install these entries, without what they name.
    fn taken_along(entries: &[String], probe: &dyn Probe) -> Result<Vec<String>, Fault> {
        let said = probe.ask(&Query::Install(entries.to_vec()))?;
        Self::unnamed(entries, &said)
    }

    /// What stands against installing these entries. Where apt finds no way for another reason, its lists may only be
    /// old or missing, and a run refreshes them.
    pub fn obstacle(entries: &[String], probe: &dyn Probe) -> Option<Fault> {
        match Self::taken_along(entries, probe) {
            Ok(along) if along.is_empty() => None,
            Ok(along) => Some(unasked(entries, &along)),
            Err(fault) if is_broken(&fault) => Some(
                Fault::new(format!(
                    "apt installs neither {} nor anything else",
                    entries.join(" ")
                ))
                .fix(BROKEN),
            ),
            Err(_) => None,
        }
    }

    /// What apt says that it would remove, without what the entries name.
    fn unnamed(entries: &[String], simulated: &Output) -> Result<Vec<String>, Fault> {
        let mut removed = apt::removals(&simulated.stdout)?;
        removed.retain(|name| !entries.contains(&format!("{name}-")));
        Ok(removed)
    }

    /// Ends what a power cut has left half configured: every later call of apt would fail, and what is in that state
    /// counts as not installed.
    fn mend(cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let order = Invocation::new(["dpkg", "--configure", "-a"])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .timeout(TIMEOUT);
        patiently(&order, cx).map(drop)
    }

    fn install(entries: &[String], cx: &mut ApplyCx<'_>) -> Result<Output, Fault> {
        // Once more, and for certain: somebody may have installed something since the plan, and what apt cannot say
        // it is not told to do.
        let simulated = cx
            .host_mut
            .tell(&Invocation::new(apt::install(entries, &["--simulate"])))?;
        if simulated.code != 0 {
            return Ok(simulated);
        }
        let along = Self::unnamed(entries, &simulated)?;
        if !along.is_empty() {
            return Err(unasked(entries, &along).refusal());
        }
        let removes = entries.iter().any(|entry| !wanted(entry).1);
        let options: &[&str] = if removes { &[] } else { &["--no-remove"] };
        let order = Invocation::new(apt::install(entries, options))
            .env("DEBIAN_FRONTEND", "noninteractive")
            // needrestart must never restart a running validator.
            .env("NEEDRESTART_SUSPEND", "1")
            .timeout(TIMEOUT);
        patiently(&order, cx)
    }

    /// What goes with packages that we installed: they, and what apt installed for them, as far as nothing else needs
    /// it. What was to spare before stays: that is the operator's business, an old kernel for one.
    fn leaving(ours: &[String], cx: &mut ApplyCx<'_>) -> Result<Vec<String>, Fault> {
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        // First as we installed them: a run that was killed here has marked them already.
        let mut spare = [Vec::new(), Vec::new()];
        for (mark, spare) in ["manual", "auto"].iter().zip(&mut spare) {
            let argv = ["apt-mark", mark].map(String::from);
            let argv = argv.into_iter().chain(ours.iter().cloned());
            cx.host_mut.run(&Invocation::new(argv))?;
            let simulate = Invocation::new([
                "apt-get",
                "--simulate",
                "-o",
                // What is only suggested is not needed; what is recommended may well be.
                "APT::AutoRemove::SuggestsImportant=false",
                "autoremove",
            ]);
            let said = cx.host_mut.tell(&simulate)?.answer(&simulate.argv)?.stdout;
            *spare = apt::removals(&said)?;
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
                .fix("aztec-kit provisions Debian and Ubuntu."));
        };
        let names = self.names.iter().map(|entry| wanted(entry).0.to_owned());
        Ok(dpkg::installed(&status, &names.collect::<Vec<_>>()))
    }

    fn diff(&self, seen: &Self::Seen) -> Diff {
        let change = |entry: &String| match wanted(entry) {
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
        pairs.all(|(entry, version)| version.is_none() || !wanted(entry).1)
    }

    fn apply(&self, seen: &Self::Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let missing = self.prior(seen);
        (cx.note)(&format!("installing {}", missing.join(", ")));
        Self::mend(cx)?;
        let first = Self::install(&missing, cx)?;
        if first.code == 0 {
            return Ok(());
        }
        if apt::is_broken(&first.stderr) {
            return Err(not_installed(&missing, first, None));
        }
        // Package lists are often empty or old on a fresh server: refresh them, then it must work.
        (cx.note)("refreshing the package lists");
        let update = [
            "apt-get",
            "--quiet",
            "-o",
            "DPkg::Lock::Timeout=0",
            "update",
        ];
        let update = patiently(&Invocation::new(update).timeout(TIMEOUT), cx)?;
        // One repository that is broken may be somebody else's, and what is wanted from another one.
        let complaint = match update.code {
            0 => None,
            _ => Some(apt::complaints(&update).join("; ")),
        };
        if let Some(complaint) = &complaint {
            (cx.note)(&format!(
                "warning: `apt-get update` failed, what it did get is used: {complaint}"
            ));
        }
        let second = Self::install(&missing, cx)?;
        if second.code == 0 {
            return Ok(());
        }
        Err(not_installed(&missing, second, complaint))
    }

    fn revert(&self, prior: &Self::Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        Self::mend(cx)?;
        let seen = self.observe(&Cx::of(cx.host_mut.probe()))?;
        let (ours, theirs): (Vec<_>, Vec<_>) = self
            .names
            .iter()
            .zip(seen)
            .filter(|(entry, version)| {
                wanted(entry).1 == version.is_some() && prior.contains(entry)
            })
            .map(|(entry, _)| entry.clone())
            .partition(|entry| wanted(entry).1);
        let leaving = Self::leaving(&ours, cx)?;
        let mut kept: Vec<_> = ours
            .iter()
            .filter(|name| !leaving.contains(name))
            .cloned()
            .collect();
        if leaving.len() > ours.len() {
            (cx.note)(&format!(
                "removing {}, and {} packages that came with it",
                ours.join(", "),
                leaving.len() - ours.len()
            ));
        }
        let mut back: Vec<_> = theirs.iter().chain(&leaving).map(|e| undone(e)).collect();
        let along = match back.as_slice() {
            [] => Vec::new(),
            // Nobody knows where apt finds no way.
            back => Self::taken_along(back, cx.host_mut.probe()).unwrap_or_default(),
        };
        // What cannot be beside one that comes back may go when it is ours, also where others recommend it.
        let (gives_way, along): (Vec<_>, Vec<_>) =
            along.into_iter().partition(|name| ours.contains(name));
        kept.retain(|name| !gives_way.contains(name));
        back.extend(gives_way.iter().map(|name| undone(name)));
        if !along.is_empty() {
            return Ok(Reverted::Kept(format!(
                "{} would go with it, and you may need that",
                along.join(", ")
            )));
        }
        if !back.is_empty() {
            // In one go: what could not be beside another one comes back as that one goes.
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
