//! A table of nftables, loaded now and at every boot. It needs no other firewall, and no other one flushes it
//! but by flushing everything.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{File, Owner, Unit};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Hands, Order};

/// A table and the unit that loads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NftTable {
    /// Family and name, for example `inet mine`.
    pub table: String,
    /// What stands between its braces: nft(8).
    pub chains: String,
    /// Where its text is kept.
    pub path: PathBuf,
    /// The unit that loads it, with its ending.
    pub unit: String,
    /// What it is for, in a few words.
    pub about: String,
}

/// What the host has.
#[derive(Debug)]
pub struct Seen {
    file: <File as Kind>::Seen,
    unit: <Unit as Kind>::Seen,
    loaded: bool,
}

/// The table before us.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    file: <File as Kind>::Prior,
    unit: <Unit as Kind>::Prior,
    loaded: bool,
}

impl NftTable {
    fn file(&self) -> File {
        let Self { table, chains, .. } = self;
        // Declaring it before its deletion makes the deletion work when it is not there.
        let text = format!(
            "# {}\ntable {table}\ndelete table {table}\ntable {table} {{\n{chains}}}\n",
            self.about
        );
        File::new(&self.path, text, Owner::root(0o644)).checked_by([
            "/usr/sbin/nft",
            "--check",
            "--file",
        ])
    }

    fn unit(&self) -> Unit {
        let text = format!(
            "[Unit]\n\
             Description={}\n\
             DefaultDependencies=no\n\
             After=local-fs.target\n\
             Before=network-pre.target shutdown.target\n\
             Wants=network-pre.target\n\
             Conflicts=shutdown.target\n\n\
             [Service]\n\
             Type=oneshot\n\
             RemainAfterExit=yes\n\
             ExecStart=/usr/sbin/nft --file {}\n\
             ExecStop=-/usr/sbin/nft delete table {}\n\n\
             [Install]\n\
             WantedBy=multi-user.target\n",
            self.about,
            self.path.display(),
            self.table
        );
        Unit {
            name: self.unit.clone(),
            text,
            instances: Vec::new(),
        }
    }

    fn systemctl(&self, verb: &str, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        cx.hands.run(&Order::new(["systemctl", verb, &self.unit]))
    }

    /// systemd reads the unit again, and loads the table.
    fn load(&self, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        reload(cx)?;
        self.systemctl("start", cx)
    }
}

fn reload(cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    cx.hands.run(&Order::new(["systemctl", "daemon-reload"]))
}

impl Kind for NftTable {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("nft_table", &self.table)
    }

    fn guarded(&self) -> bool {
        true
    }

    fn units(&self) -> Vec<String> {
        vec![self.unit.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let part = |name: &str| Cx {
            memory: cx.memory.and_then(|memory| memory.get(name)),
            ..*cx
        };
        Ok(Seen {
            file: self.file().observe(&part("file"))?,
            unit: self.unit().observe(&part("unit"))?,
            loaded: cx.unit(&self.unit)?.active == "active",
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let mut changes = Vec::new();
        for diff in [self.file().diff(&seen.file), self.unit().diff(&seen.unit)] {
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
            file: self.file().prior(&seen.file),
            unit: self.unit().prior(&seen.unit),
            loaded: seen.loaded,
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        let file = self.file().memory(&seen.file)?;
        let unit = self.unit().memory(&seen.unit)?;
        Some(json!({"file": file, "unit": unit}))
    }

    fn absent(&self, seen: &Seen) -> bool {
        self.unit().absent(&seen.unit)
    }

    fn keep(&self, seen: &Seen, hands: &mut dyn Hands) -> Result<(), Fault> {
        self.file().keep(&seen.file, hands)?;
        self.unit().keep(&seen.unit, hands)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        // Stopped before anything changes: a kill in between leaves it seen as not loaded.
        if seen.loaded {
            self.systemctl("stop", cx)?;
        }
        self.file().apply(&seen.file, cx)?;
        self.unit().apply(&seen.unit, cx)?;
        self.load(cx)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let unit_file = Path::new("/etc/systemd/system").join(&self.unit);
        if cx.hands.meta(&unit_file)?.is_some() {
            self.systemctl("stop", cx)?;
        }
        let reverted = [
            self.unit().revert(&prior.unit, cx)?,
            self.file().revert(&prior.file, cx)?,
        ];
        if prior.loaded {
            self.load(cx)?;
        } else {
            reload(cx)?;
        }
        let mut kept = reverted.into_iter().filter(|it| *it != Reverted::Restored);
        Ok(kept.next().unwrap_or(Reverted::Restored))
    }
}
