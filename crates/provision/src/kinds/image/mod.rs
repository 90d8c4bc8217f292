//! A container image, pinned to the content that this host got first.
//!
//! The owner of a repository can move a tag. For this reason the first content is remembered and written to an
//! environment file that the units read. A moved tag is reported and never followed.

mod names;
mod pin;
mod pull;
mod registry;
mod store;
mod survey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use pin::Pin;
pub use registry::{Place, Upstream};
pub use survey::Survey;

use self::names::Names;
use self::pin::{is_about, short, shown};
use self::store::{Stored, check_architecture, is_gone};
use self::survey::pinned_text;
use super::before::{self, Stay};
use super::{Accounts, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{Engine, Invocation, NewFile, Probe};

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

const REMOVE: Duration = Duration::from_secs(300);

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    engine: Stored,
    pin: Option<Pin>,
    /// The desired record; nothing while there is no pin or no account.
    desired: Option<String>,
    record: Option<String>,
    owner: Vec<Change>,
}

/// The prior state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    present: bool,
}

impl Image {
    fn names(&self) -> Names<'_> {
        Names {
            engine: self.engine,
            name: &self.name,
            tag: &self.tag,
            record: &self.record,
        }
    }

    /// The record; nothing before the account exists.
    fn text(&self, pin: &Pin, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        let accounts = Accounts::read(probe)?;
        let owner = Owner::new(&self.account, &self.account, 0);
        let ids = accounts.ids(&owner).ok();
        Ok(ids.map(|ids| pin.record(self.names(), ids)))
    }

    /// The registry in its name, or the public one.
    pub fn registry(&self) -> &str {
        self.names().registry()
    }

    /// A description of how to get the image that the tag names in the registry now. The local tag does not change by
    /// itself.
    pub fn update(&self) -> String {
        let (engine, names) = (self.engine.name(), self.names());
        let (source, renewal) = (names.tagged(), names.renewal());
        format!("`{engine} pull {source}` fetches it. {renewal}")
    }

    /// The effect of a run on the image, without pulling it, for `preflight`.
    ///
    /// # Errors
    ///
    /// When a run would fail: the engine does not answer, the pinned image is lost or another one has its name, or the
    /// image is for another architecture.
    pub fn survey(&self, cx: &Cx<'_>) -> Result<Survey, Fault> {
        let seen = self.observe(cx)?;
        survey::survey(self.names(), seen.pin.as_ref(), &seen.engine, cx.probe)
    }

    /// Whether the tag in the registry still names the pinned image. Sends up to two requests. Nothing when there is no
    /// pin or no engine that answers.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed.
    pub fn upstream(&self, cx: &Cx<'_>) -> Result<Option<Upstream>, Fault> {
        let seen = self.observe(cx)?;
        let (Some(pin), Stored::Has { .. }) = (seen.pin, seen.engine) else {
            return Ok(None);
        };
        Ok(Some(registry::upstream(self.names(), &pin, cx.probe)))
    }
}

impl Kind for Image {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        self.names().id()
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
        let mine = record
            .as_deref()
            .filter(|record| is_about(record, self.names()));
        let pin = remembered.or_else(|| mine.and_then(Pin::recorded));
        let engine = Stored::ask(self.names(), pin.as_ref(), cx)?;
        let desired = match &pin {
            Some(pin) => self.text(pin, cx.probe)?,
            None => None,
        };
        let meta = cx.probe.meta(&self.record)?;
        let accounts = Accounts::read(cx.probe)?;
        let owner = meta.map_or_else(Vec::new, |meta| self.owner.diff(&meta, &accounts));
        Ok(Seen {
            engine,
            pin,
            desired,
            record,
            owner,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let desired = match &seen.pin {
            Some(pin) => pin.short().to_owned(),
            None => format!(
                "{}, pinned to its present content",
                self.names().reference()
            ),
        };
        let (pinned, tagged) = match &seen.engine {
            Stored::Silent(why) => {
                return Diff::Unknown(format!("no answer from {}: {why}", self.engine.name()));
            }
            Stored::Missing => (&None, &None),
            Stored::Has { pinned, tagged } => (pinned, tagged),
        };
        let mut changes = Vec::new();
        if pinned.is_none() {
            let from = match (&seen.pin, tagged) {
                (None, Some(row)) => Shown::text(format!("{}, not pinned", short(&row.id))),
                _ => Shown::Nothing,
            };
            changes.push(Change::field("image", from, Shown::Text(desired)));
        } else if seen.desired.is_none() || seen.record != seen.desired {
            let record = seen.record.as_deref().map(shown);
            changes.push(Change::content(
                &record.unwrap_or_default(),
                seen.desired.as_deref().unwrap_or_default(),
            ));
        }
        changes.extend(seen.owner.iter().cloned());
        Diff::of(changes, || {
            seen.pin.as_ref().map_or_else(String::new, |pin| {
                pinned_text(self.names(), pin, tagged.as_ref())
            })
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            present: matches!(
                seen.engine,
                Stored::Has {
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
        let row = pull::fetch(self.names(), seen.pin.as_ref(), cx)?;
        check_architecture(self.names(), &row, cx.host_mut.probe())?;
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
        if is_about(&record, self.names()) {
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
        let remove = [
            self.engine.program(),
            "image",
            "rm",
            &self.names().reference(),
        ]
        .map(String::from);
        let removed = cx.host_mut.tell(&Invocation::new(remove).timeout(REMOVE))?;
        if removed.code == 0 || is_gone(self.names(), cx.host_mut.probe()) {
            return Ok(Reverted::Restored);
        }
        Ok(Reverted::Later(format!(
            "{} still exists: {}",
            self.names().reference(),
            removed.stderr.trim()
        )))
    }
}
