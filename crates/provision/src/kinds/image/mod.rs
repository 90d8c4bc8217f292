//! A container image, pinned to the content that this host got first.
//!
//! The owner of a repository can move a tag. For this reason the first content is remembered and written to an
//! environment file that the units read. A moved tag is reported and never followed.

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
    /// The engine that stores it.
    pub engine: Engine,
    /// Repository; without a registry in it, both engines use the public one.
    pub name: String,
    /// Tag that is resolved once.
    pub tag: String,
    /// The account that its processes run as. Its numeric ids are recorded, because an image does not have this
    /// account.
    pub account: String,
    /// Environment file that records the image and the ids.
    pub record: PathBuf,
    /// Owner and mode of that file.
    pub owner: Owner,
}

/// Enough for some gigabytes over a slow line.
const PULL: Duration = Duration::from_secs(3600);
const REMOVE: Duration = Duration::from_secs(300);

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    engine: EngineSeen,
    pin: Option<Pin>,
    /// The desired record; nothing while there is no pin or no account.
    wanted: Option<String>,
    record: Option<String>,
    owner: Vec<Change>,
}

/// The answer of the engine.
#[derive(Debug)]
enum EngineSeen {
    /// It is not installed.
    Missing,
    /// It does not answer; the reason.
    Silent(String),
    /// Its images.
    Has {
        /// The image that the host is pinned to.
        pinned: Option<Row>,
        /// The image that the tag names on this host.
        tagged: Option<Row>,
    },
}

/// The effect of a run on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// A description for people.
    pub text: String,
    /// The location of the image.
    pub place: Place,
    /// Whether its tag names another image on this host.
    pub moved: bool,
}

/// The prior state.
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
            // A query through its socket would start it.
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

    /// Whether the engine has never stored anything: a query would create its directory.
    fn unused(&self, probe: &dyn Probe) -> Result<bool, Fault> {
        Ok(probe.meta(Path::new(self.engine.storage()))?.is_none())
    }

    fn is_named(&self, row: &Row) -> bool {
        row.repository == self.name && row.tag.as_ref() == Some(&self.tag)
    }

    /// Whether the engine does not have the image.
    fn is_gone(&self, probe: &dyn Probe) -> bool {
        let listed = probe.ask(&Query::Images(self.engine));
        let rows = listed.and_then(|listed| images::parse(&listed.stdout));
        rows.is_ok_and(|rows| !rows.iter().any(|row| self.is_named(row)))
    }

    /// The record; nothing before the account exists.
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

    /// Whether a record is about this image, and not about another release.
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
                    "Check that this host reaches the registry and has enough free space. Without a network, \
                     run `docker save` elsewhere and `{} load` here. Then run the same command again.",
                    self.engine.name()
                ))
                .because(fault)
        })?;
        // An engine reports an image before its layers are synced, and the record is trusted.
        cx.host_mut.run(&Invocation::new(["sync"]).timeout(PULL))
    }

    /// The pinned image, pulled if it is missing.
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
                    "{} is not installed",
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
                Fault::new(format!("{} was pulled but is missing", self.reference()))
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
            "the image that this host is pinned to, {}, is missing",
            pin.short()
        ))
        .fix(format!(
            "Load it again with `{} load`. {}",
            self.engine.name(),
            self.renewal()
        ))
    }

    /// A description of how to switch this host to the image that the tag names now.
    fn renewal(&self) -> String {
        format!(
            "To switch to the image that {} names now, run `aztec-kit forget '{}'`, remove {}, and run `aztec-kit apply`.",
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
            "{} is for {found}, but this host is {wanted}",
            self.reference()
        ))
        .fix(format!(
            "Remove it with `{} image rm {}`, then run the same command again, or load the one for {wanted}.",
            self.engine.name(),
            self.reference()
        )))
    }

    /// The effect of a run on the image, without pulling it, for `preflight`.
    ///
    /// # Errors
    ///
    /// When a run would fail: the engine does not answer, the pinned image is lost or another one has its name, or the
    /// image is for another architecture.
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
                let text = format!("a run installs {name} and pulls {reference}");
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
                return Ok(fetched(format!("a run pulls {reference}"), place));
            };
            self.check_architecture(row, cx.probe)?;
            let id = short(&row.id);
            let text = format!("a run pins this host to {reference}, which is here as {id}");
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
                    let text = format!("a run pulls {} again by its digest", pin.short());
                    Ok(fetched(text, place))
                }
            },
        }
    }

    fn pinned_text(&self, pin: &Pin, tagged: Option<&Row>) -> String {
        let text = format!("{} is {}", self.reference(), pin.short());
        match tagged {
            Some(row) if !pin.is(row) => format!(
                "{text}; the tag has moved to {} here, which aztec-kit does not follow",
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
            return Err(Fault::new("the tag `latest` is not a release").fix(
                "Name an exact version. The content of a tag like this changes under a running node.",
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
            None => format!("{}, pinned to its present content", self.reference()),
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
            // Podman computes a digest of its own for a loaded image. It is recorded too, because it names the same
            // content.
            digest: row.digest,
        };
        let text = self
            .text(&pin, cx.host_mut.probe())?
            .ok_or_else(|| Fault::new(format!("the account {} does not exist", self.account)))?;
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
        // Another release may have replaced it in the record.
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
            "{} still exists: {}",
            self.reference(),
            removed.stderr.trim()
        )))
    }
}
