//! A container image, pinned to its content at the first sight of it.
//!
//! A tag can be moved by whoever owns the repository. What counts is the content that this host got first:
//! it is remembered, and written into an environment file from which the units take it. A tag that moved is
//! told and never followed.

mod pin;
mod registry;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use pin::Pin;
use pin::{DIGEST, ENGINE, HEAD, IMAGE, USER, short, shown};
pub use registry::{Place, Upstream};

use super::before::{self, Stay};
use super::{Accounts, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Engine, Invocation, NewFile, Probe, Query};
use crate::tools::images::{self, Row};

/// An image that containers of this host run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    /// The engine that keeps it.
    pub engine: Engine,
    /// Repository; without a registry in it, both engines take it from the public one.
    pub name: String,
    /// Tag that is looked up once.
    pub tag: String,
    /// The account that its processes run as; its numbers are recorded, since an image has no such account.
    pub account: String,
    /// Environment file that gets the image and the numbers.
    pub record: PathBuf,
    /// Owner and mode of that file.
    pub owner: Owner,
}

/// Some gigabytes over a slow line.
const PULL: Duration = Duration::from_secs(3600);
const REMOVE: Duration = Duration::from_secs(300);

/// What the host has.
#[derive(Debug)]
pub struct Seen {
    engine: EngineSeen,
    pin: Option<Pin>,
    /// The record as it shall be; nothing as long as there is no pin, or no account.
    wanted: Option<String>,
    record: Option<String>,
    owner: Vec<Change>,
}

/// What the engine says.
#[derive(Debug)]
enum EngineSeen {
    /// It is not installed.
    Missing,
    /// It does not answer; the reason.
    Silent(String),
    /// It has these.
    Has {
        /// The image that the host is pinned to.
        pinned: Option<Row>,
        /// The image that the tag names here.
        tagged: Option<Row>,
    },
}

/// What would become of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// For people.
    pub text: String,
    /// Where it is.
    pub place: Place,
    /// Whether its tag names another one here.
    pub moved: bool,
}

/// Before us.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    present: bool,
}

impl Image {
    fn reference(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }

    fn ask(&self, pin: Option<&Pin>, cx: &Cx<'_>) -> Result<EngineSeen, Fault> {
        if cx.probe.meta(Path::new(self.engine.program()))?.is_none() {
            return Ok(EngineSeen::Missing);
        }
        if let Some(unit) = self.engine.unit() {
            // Asking through its socket would start it.
            let state = cx.unit(unit)?.active;
            if state != "active" {
                return Ok(EngineSeen::Silent(format!("{unit} is {state}")));
            }
        } else if self.unused(cx.probe)? {
            return Ok(EngineSeen::Has {
                pinned: None,
                tagged: None,
            });
        }
        let listed = cx.probe.ask(&Query::Images(self.engine));
        let rows = match listed.and_then(|listed| images::parse(&listed.stdout)) {
            Ok(rows) => rows,
            Err(fault) => return Ok(EngineSeen::Silent(fault.chain())),
        };
        let tagged = rows.iter().find(|row| self.is_named(row));
        let pinned = pin.and_then(|pin| rows.iter().find(|row| pin.is(row)));
        Ok(EngineSeen::Has {
            pinned: pinned.cloned(),
            tagged: tagged.cloned(),
        })
    }

    /// Whether the engine never kept anything: asking it would make its directory.
    fn unused(&self, probe: &dyn Probe) -> Result<bool, Fault> {
        Ok(probe.meta(Path::new(self.engine.storage()))?.is_none())
    }

    fn is_named(&self, row: &Row) -> bool {
        row.repository == self.name && row.tag.as_ref() == Some(&self.tag)
    }

    /// Whether the engine says that it has no such image.
    fn is_gone(&self, probe: &dyn Probe) -> bool {
        let listed = probe.ask(&Query::Images(self.engine));
        let rows = listed.and_then(|listed| images::parse(&listed.stdout));
        rows.is_ok_and(|rows| !rows.iter().any(|row| self.is_named(row)))
    }

    /// The record; nothing before the account is there.
    fn text(&self, pin: &Pin, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        let accounts = Accounts::read(probe)?;
        let owner = Owner::new(&self.account, &self.account, 0);
        let Ok((uid, gid)) = accounts.ids(&owner) else {
            return Ok(None);
        };
        let digest = pin.digest.as_ref();
        let digest = digest.map_or_else(String::new, |digest| format!("{DIGEST}={digest}\n"));
        Ok(Some(format!(
            "{HEAD}{} that this host is pinned to, by aztec-kit.\n\
             {IMAGE}={}\n{digest}{USER}={uid}:{gid}\n{ENGINE}={}\n",
            self.reference(),
            pin.id,
            self.engine.name()
        )))
    }

    /// Whether a record is of this image, and not of another release.
    fn mine(&self, record: &str) -> bool {
        record
            .lines()
            .next()
            .is_some_and(|line| line.contains(&format!(" {} ", self.reference())))
    }

    fn pull(&self, what: &str, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let source = self.source(what);
        (cx.note)(&format!("pulling {source}"));
        let argv = [self.engine.program(), "pull", "--quiet", &source].map(String::from);
        let order = Invocation::new(argv.clone()).timeout(PULL).dies_with_us();
        cx.host_mut.tell(&order)?.ok(&argv).map(drop).map_err(|fault| {
            Fault::new(format!("failed to pull {source}"))
                .fix(format!(
                    "Check that this host reaches the registry and has room for it. Without a network, \
                     `docker save` it elsewhere and `{} load` it here; then run the same command again.",
                    self.engine.name()
                ))
                .because(fault)
        })?;
        // An engine says that an image is there before its layers are on the disk, and what is on record is believed.
        cx.host_mut.run(&Invocation::new(["sync"]).timeout(PULL))
    }

    /// The pinned image, fetched when it is not here.
    fn fetch(&self, pin: Option<&Pin>, cx: &mut ApplyCx<'_>) -> Result<Row, Fault> {
        let here = |cx: &mut ApplyCx<'_>| {
            let look = Cx {
                probe: cx.host_mut.probe(),
                memory: None,
                units: None,
            };
            match self.ask(pin, &look)? {
                EngineSeen::Has { pinned, tagged } => Ok((pinned, tagged)),
                EngineSeen::Missing => Err(Fault::new(format!(
                    "{} is not there",
                    self.engine.program()
                ))
                .fix("Install it, or choose runtime = \"native\".")),
                EngineSeen::Silent(why) => Err(self.silent(&why)),
            }
        };
        let (pinned, tagged) = here(cx)?;
        let found = match pin {
            Some(_) => pinned,
            None => tagged,
        };
        if let Some(row) = found {
            return Ok(row);
        }
        match pin {
            None => self.pull(&format!(":{}", self.tag), cx)?,
            Some(Pin {
                digest: Some(digest),
                ..
            }) => self.pull(&format!("@{digest}"), cx)?,
            Some(pin) => return Err(self.gone(pin)),
        }
        let (pinned, tagged) = here(cx)?;
        match pin {
            Some(pin) => pinned.ok_or_else(|| self.gone(pin)),
            None => tagged.ok_or_else(|| {
                Fault::new(format!("{} was pulled and is not there", self.reference()))
            }),
        }
    }

    fn silent(&self, why: &str) -> Fault {
        let name = self.engine.name();
        Fault::new(format!("{name} does not answer: {why}")).fix(format!(
            "Make `{name} image ls` work, then run the same command again."
        ))
    }

    fn gone(&self, pin: &Pin) -> Fault {
        Fault::new(format!(
            "the image that this host is pinned to, {}, is gone",
            pin.short()
        ))
        .fix(format!(
            "Load it again with `{} load`. {}",
            self.engine.name(),
            self.renewal()
        ))
    }

    /// For people: how this host gets what the tag names here now.
    fn renewal(&self) -> String {
        format!(
            "To take what {} names now instead: `aztec-kit forget '{}'`, remove {}, and apply.",
            self.reference(),
            self.id(),
            self.record.display()
        )
    }

    fn check_architecture(&self, row: &Row, probe: &dyn Probe) -> Result<(), Fault> {
        let asked = Query::Architecture(self.engine, row.id.clone());
        let found = probe.ask(&asked)?.stdout.trim().to_owned();
        let wanted = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if found == wanted {
            return Ok(());
        }
        Err(Fault::new(format!(
            "{} is for {found}, and this host is {wanted}",
            self.reference()
        ))
        .fix(format!(
            "Remove it with `{} image rm {}`, then run the same command again, or load the one for {wanted}.",
            self.engine.name(),
            self.reference()
        )))
    }

    /// What stands between this host and the image, without fetching it; for people who ask in advance.
    ///
    /// # Errors
    ///
    /// When it cannot work: the engine does not answer, the pinned image is gone for good or another one has
    /// its name, or the image is for other machines.
    pub fn survey(&self, cx: &Cx<'_>) -> Result<Survey, Fault> {
        let seen = self.observe(cx)?;
        let fetched = |text: String, place: Place| Survey {
            text,
            place,
            moved: false,
        };
        let reference = self.reference();
        let (pinned, tagged) = match &seen.engine {
            EngineSeen::Missing => {
                let name = self.engine.name();
                let text = format!("{name} is installed, and {reference} pulled");
                return Ok(fetched(text, Place::Unasked));
            }
            EngineSeen::Silent(why) => return Err(self.silent(why)),
            EngineSeen::Has { pinned, tagged } => (pinned, tagged),
        };
        let here = |text: String, moved: bool| Survey {
            text,
            place: Place::Here,
            moved,
        };
        let Some(pin) = &seen.pin else {
            let Some(row) = tagged else {
                let place = self.offered(&format!(":{}", self.tag), cx.probe)?;
                return Ok(fetched(format!("{reference} is pulled"), place));
            };
            self.check_architecture(row, cx.probe)?;
            let id = short(&row.id);
            let text = format!("{reference} is here as {id}, and this host is pinned to it");
            return Ok(here(text, false));
        };
        match (pinned, tagged) {
            (Some(row), _) => {
                self.check_architecture(row, cx.probe)?;
                let moved = tagged.as_ref().is_some_and(|row| !pin.is(row));
                Ok(here(self.pinned_text(pin, tagged.as_ref()), moved))
            }
            (None, Some(other)) => Err(Fault::new(format!(
                "{reference} is {} here, and this host is pinned to {}",
                short(&other.id),
                pin.short()
            ))
            .because(self.gone(pin))),
            (None, None) => match &pin.digest {
                None => Err(self.gone(pin)),
                Some(digest) => {
                    let place = self.offered(&format!("@{digest}"), cx.probe)?;
                    let text = format!("{} is pulled again by its digest", pin.short());
                    Ok(fetched(text, place))
                }
            },
        }
    }

    fn pinned_text(&self, pin: &Pin, tagged: Option<&Row>) -> String {
        let text = format!("{} is {}", self.reference(), pin.short());
        match tagged {
            Some(row) if !pin.is(row) => format!(
                "{text}; the tag has moved to {} here, which is not followed",
                short(&row.id)
            ),
            _ => text,
        }
    }
}

impl Kind for Image {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("image", self.reference())
    }

    fn validate(&self) -> Result<(), Fault> {
        if self.tag == "latest" {
            return Err(Fault::new("the tag `latest` is no release").fix(
                "Name an exact version: what a tag like that means changes under a running node.",
            ));
        }
        Ok(())
    }

    fn units(&self) -> Vec<String> {
        self.engine.unit().map(String::from).into_iter().collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.record.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let record = cx.probe.read(&self.record)?;
        let record = record.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let remembered = cx
            .memory
            .and_then(|memory| serde_json::from_value::<Pin>(memory.clone()).ok());
        let mine = record.as_deref().filter(|record| self.mine(record));
        let pin = remembered.or_else(|| mine.and_then(Pin::recorded));
        let engine = self.ask(pin.as_ref(), cx)?;
        let wanted = match &pin {
            Some(pin) => self.text(pin, cx.probe)?,
            None => None,
        };
        let meta = cx.probe.meta(&self.record)?;
        let accounts = Accounts::read(cx.probe)?;
        let owner = meta.map_or_else(Vec::new, |meta| self.owner.diff(&meta, &accounts));
        Ok(Seen {
            engine,
            pin,
            wanted,
            record,
            owner,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let wanted = match &seen.pin {
            Some(pin) => pin.short().to_owned(),
            None => format!("{}, pinned to what it is today", self.reference()),
        };
        let (pinned, tagged) = match &seen.engine {
            EngineSeen::Silent(why) => {
                return Diff::Unknown(format!("no answer from {}: {why}", self.engine.name()));
            }
            EngineSeen::Missing => (&None, &None),
            EngineSeen::Has { pinned, tagged } => (pinned, tagged),
        };
        let mut changes = Vec::new();
        if pinned.is_none() {
            let from = match (&seen.pin, tagged) {
                (None, Some(row)) => Shown::text(format!("{}, not pinned", short(&row.id))),
                _ => Shown::Nothing,
            };
            changes.push(Change::field("image", from, Shown::Text(wanted)));
        } else if seen.wanted.is_none() || seen.record != seen.wanted {
            let record = seen.record.as_deref().map(shown);
            changes.push(Change::content(
                &record.unwrap_or_default(),
                seen.wanted.as_deref().unwrap_or_default(),
            ));
        }
        changes.extend(seen.owner.iter().cloned());
        Diff::of(changes, || {
            seen.pin
                .as_ref()
                .map_or_else(String::new, |pin| self.pinned_text(pin, tagged.as_ref()))
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            present: matches!(
                seen.engine,
                EngineSeen::Has {
                    tagged: Some(_),
                    ..
                }
            ),
        }
    }

    fn memory(&self, seen: &Seen) -> Option<Value> {
        serde_json::to_value(seen.pin.as_ref()?).ok()
    }

    fn absent(&self, seen: &Seen) -> bool {
        !self.prior(seen).present
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let row = self.fetch(seen.pin.as_ref(), cx)?;
        self.check_architecture(&row, cx.host_mut.probe())?;
        let pin = Pin {
            id: row.id,
            // What Podman shows for a loaded image is a digest of its own making: it is kept all the same,
            // since it names the same content.
            digest: row.digest,
        };
        let text = self
            .text(&pin, cx.host_mut.probe())?
            .ok_or_else(|| Fault::new(format!("the account {} is not there", self.account)))?;
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&self.owner)?;
        if let Some(record) = seen
            .record
            .as_deref()
            .filter(|record| shown(record) != **record)
        {
            before::keep(
                &self.record,
                record.as_bytes(),
                Stay::UntilRestored,
                cx.host_mut,
            )?;
        }
        cx.host_mut.put(&NewFile {
            path: &self.record,
            bytes: text.as_bytes(),
            uid,
            gid,
            mode: self.owner.mode,
        })
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let record = cx.host_mut.read(&self.record)?.unwrap_or_default();
        let record = String::from_utf8_lossy(&record).into_owned();
        // Another release may have taken its place in the record.
        if self.mine(&record) {
            cx.host_mut.remove(&self.record)?;
        }
        if prior.present
            || cx
                .host_mut
                .meta(Path::new(self.engine.program()))?
                .is_none()
        {
            return Ok(Reverted::Restored);
        }
        let remove = [self.engine.program(), "image", "rm", &self.reference()].map(String::from);
        let removed = cx.host_mut.tell(&Invocation::new(remove).timeout(REMOVE))?;
        if removed.code == 0 || self.is_gone(cx.host_mut.probe()) {
            return Ok(Reverted::Restored);
        }
        Ok(Reverted::Later(format!(
            "{} is still there: {}",
            self.reference(),
            removed.stderr.trim()
        )))
    }
}
