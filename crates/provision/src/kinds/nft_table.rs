//! A table of nftables, loaded now and at every boot. It needs no other firewall, and only a flush of everything
//! removes it. The kernel is asked whether it is loaded, because the state of its unit does not tell.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{File, Owner, Unit, ufw};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{HostMut, Invocation, Probe, Query};
use crate::systemd::{self, Section, UnitFile};
use crate::tools::nft::{Table, tables};
use crate::tools::ufw::tuples;

/// A table and the unit that loads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NftTable {
    /// Family and name, for example `inet mine`.
    pub table: String,
    /// The text between its braces: nft(8).
    pub chains: String,
    /// The path of its text.
    pub path: PathBuf,
    /// The unit that loads it, with its suffix.
    pub unit: String,
    /// Its purpose, in a few words.
    pub about: String,
    /// Whether it can lock out the operator.
    #[serde(rename = "guarded", default = "by_default")]
    pub commit_confirmed: bool,
    /// Whether it also accepts the traffic that the operator allows with `ufw route allow`, in place of the line
    /// [`ROUTED`].
    #[serde(default)]
    pub routed: bool,
}

/// The default for records from before there was a choice.
fn by_default() -> bool {
    true
}

/// A line of [`NftTable::chains`].
pub const ROUTED: &str = "\t\t# ufw route allow\n";

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    unit: <Unit as Kind>::Seen,
    /// The text between its braces on this host.
    chains: String,
    /// The kernel has exactly the desired table.
    loaded: bool,
    /// Some version of it is loaded, according to the kernel or systemd.
    ran: bool,
}

/// The prior table.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    file: <File as Kind>::Prior,
    unit: <Unit as Kind>::Prior,
    loaded: bool,
}

impl NftTable {
    /// The text between its braces, with the operator's rules.
    fn text(&self, probe: &dyn Probe) -> Result<String, Fault> {
        if !self.routed {
            return Ok(self.chains.clone());
        }
        let mut lines = String::new();
        for path in ufw::RULES {
            let rules = probe.text(Path::new(path))?.unwrap_or_default();
            let through = tuples(&rules).into_iter();
            lines.extend(
                through
                    .filter_map(|it| it.through())
                    .map(|rule| format!("\t\t{rule}\n")),
            );
        }
        Ok(self.chains.replace(ROUTED, &lines))
    }

    /// The table as `nft` would list it on this host.
    ///
    /// # Errors
    ///
    /// When the rules of UFW cannot be read.
    pub fn listed(&self, probe: &dyn Probe) -> Result<String, Fault> {
        Ok(self.block(&self.text(probe)?))
    }

    /// The table with a mark that identifies its text in the kernel, because nft reformats rules.
    fn block(&self, chains: &str) -> String {
        let table = &self.table;
        let mark = const_hex::encode(&Sha256::digest(chains)[..8]);
        format!("table {table} {{\n\tcomment \"aztec-kit {mark}\"\n{chains}}}\n")
    }

    fn file(&self, chains: &str) -> File {
        let table = &self.table;
        // The declaration before the deletion makes the deletion work when the table does not exist.
        let text = format!(
            "# {}\ntable {table}\ndelete table {table}\n{}",
            self.about,
            self.block(chains)
        );
        File::new(&self.path, text, Owner::root(0o644)).checked_by([
            "/usr/sbin/nft",
            "--check",
            "--file",
        ])
    }

    /// The unit that loads it. The unit of nftables flushes everything at its start, so this one is ordered after it
    /// and restarted whenever it is started or reloaded.
    pub fn unit(&self) -> Unit {
        let nft = |words: &[&'static str], last: systemd::Value| {
            let words = words.iter().map(|word| systemd::Value::from(*word));
            systemd::Value::words(words.chain([last]))
        };
        let load = nft(
            &["/usr/sbin/nft", "--file"],
            systemd::Value::argument(self.path.display()),
        );
        // Family and name are two words.
        let table = systemd::Value::words(self.table.split(' ').map(systemd::Value::argument));
        let text = UnitFile::new()
            .section(
                Section::unit()
                    .set("Description", systemd::Value::text(&self.about))
                    .set("DefaultDependencies", "no")
                    .set("After", "local-fs.target nftables.service")
                    .set("PartOf", "nftables.service")
                    .set("ReloadPropagatedFrom", "nftables.service")
                    .set("Before", "network-pre.target shutdown.target")
                    .set("Wants", "network-pre.target")
                    .set("Conflicts", "shutdown.target"),
            )
            .section(
                Section::service()
                    .set("Type", "oneshot")
                    .set("RemainAfterExit", "yes")
                    .set("ExecStart", load.clone())
                    .set("ExecReload", load)
                    .set(
                        "ExecStop",
                        nft(&["-/usr/sbin/nft", "delete", "table"], table),
                    ),
            )
            .at_boot();
        Unit {
            name: self.unit.clone(),
            text: text.to_string(),
            instances: Vec::new(),
        }
    }

    fn systemctl(&self, verb: &str, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        cx.host_mut
            .run(&Invocation::new(["systemctl", verb, &self.unit]))
    }

    /// systemd loads the table in one transaction, so there is no moment without it.
    fn load(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        self.systemctl("reload-or-restart", cx)
    }

    /// Whether the kernel has it, and nothing else under its name.
    ///
    /// # Errors
    ///
    /// When nft fails.
    pub fn is_loaded(&self, probe: &dyn Probe) -> Result<bool, Fault> {
        let listed = tables(&probe.ask(&Query::Ruleset)?.stdout);
        Ok(self.among(&listed, probe)? == Loaded::AsWanted)
    }

    /// The state of it in the list of the kernel's tables.
    ///
    /// # Errors
    ///
    /// When the rules of UFW cannot be read.
    pub fn among(&self, listed: &[Table], probe: &dyn Probe) -> Result<Loaded, Fault> {
        let desired = tables(&self.listed(probe)?);
        let Some(is) = listed.iter().find(|table| table.name == self.table) else {
            return Ok(Loaded::Not);
        };
        Ok(if desired.iter().all(|desired| desired.is_like(is)) {
            Loaded::AsWanted
        } else if desired.iter().all(|desired| desired.closes_like(is)) {
            Loaded::Otherwise
        } else {
            Loaded::Not
        })
    }
}

/// The state of a table in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// Exactly the desired table.
    AsWanted,
    /// Another version of it that closes the same ports: from another version of aztec-kit, or for other rules.
    Otherwise,
    /// No table that closes anything.
    Not,
}

impl Kind for NftTable {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("nft_table", &self.table)
    }

    fn is_commit_confirmed(&self) -> bool {
        self.commit_confirmed
    }

    fn question(&self) -> Option<Query> {
        Some(Query::Ruleset)
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let part = |name: &str| Cx {
            memory: cx.memory.and_then(|memory| memory.get(name)),
            ..*cx
        };
        let chains = self.text(cx.probe)?;
        let file = self.file(&chains).observe(&part("file"))?;
        let unit = self.unit().observe(&part("unit"))?;
        let runs = || Ok::<_, Fault>(cx.unit(&self.unit)?.active == "active");
        let there = !self.unit().absent(&unit);
        let loaded = match self.is_loaded(cx.probe) {
            Ok(loaded) => there && loaded,
            // A unit that has not run has loaded nothing; nft may not even be installed.
            Err(fault) if there && runs()? => return Err(fault),
            Err(_) => false,
        };
        Ok(Seen {
            // The kernel is authoritative, and systemd answers slowly.
            ran: loaded || there && runs()?,
            loaded,
            file,
            unit,
            chains,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = Vec::new();
        for diff in [
            self.file(&seen.chains).diff(&seen.file),
            self.unit().diff(&seen.unit),
        ] {
            if let Diff::Change(more) = diff {
                changes.extend(more);
            }
        }
        if !seen.loaded {
            changes.push(Change::field(
                "loaded",
                Shown::text("no"),
                Shown::text("yes"),
            ));
        }
        Diff::of(changes, || "loaded, now and at boot".into())
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            file: self.file(&seen.chains).prior(&seen.file),
            unit: self.unit().prior(&seen.unit),
            loaded: seen.ran,
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        let file = self.file(&seen.chains).memory(&seen.file)?;
        let unit = self.unit().memory(&seen.unit)?;
        Some(json!({"file": file, "unit": unit}))
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.unit().absent(&seen.unit)
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        self.file(&seen.chains).keep(&seen.file, host_mut)?;
        self.unit().keep(&seen.unit, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        // A unit that systemd has not reloaded looks like any other. After a kill in between, the table is seen as not
        // loaded.
        if seen.loaded && !matches!(self.unit().diff(&seen.unit), Diff::InSync(_)) {
            self.systemctl("stop", cx)?;
        }
        let known = cx.host_mut.probe().unit(&self.unit)?.load != "not-found";
        self.file(&seen.chains).apply(&seen.file, cx)?;
        self.unit().apply(&seen.unit, cx)?;
        // systemd reads a unit that it does not know when it starts it. The link can wait.
        cx.unread = true;
        if known {
            cx.read_units()?;
        }
        self.load(cx)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let unit_file = Path::new("/etc/systemd/system").join(&self.unit);
        if cx.host_mut.meta(&unit_file)?.is_some() {
            self.systemctl("stop", cx)?;
        }
        let reverted = [
            self.unit().revert(&prior.unit, cx)?,
            self.file("").revert(&prior.file, cx)?,
        ];
        cx.read_units()?;
        if prior.loaded {
            self.load(cx)?;
        }
        let mut kept = reverted.into_iter().filter(|it| *it != Reverted::Restored);
        Ok(kept.next().unwrap_or(Reverted::Restored))
    }
}
