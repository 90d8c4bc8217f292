//! A file that aztec-kit manages as a whole.
//!
//! Secret parts of its text ([`Text`]) are neither shown nor journaled. The prior text may contain anything. Only the
//! lines that it shares with the desired text are shown, and only its digest is journaled. It is restored from a copy
//! that only root can read ([`super::before`]).
//!
//! A program that reads a file can check it before it replaces the old one.

mod restore;
mod view;

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use restore::Prior;

use self::view::View;
use super::before::{self, Stay, digest};
use super::{Accounts, Input, Owner};
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{FileType, HostMut, Invocation, Meta, NewFile};
use crate::{Fault, Text};

/// A file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    path: PathBuf,
    /// Its text. The journal gets `shown` and `sha256` instead.
    #[serde(skip)]
    text: Text,
    shown: String,
    sha256: String,
    owner: Owner,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    check: Vec<String>,
    /// Digest of the only other text that it may replace.
    #[serde(skip)]
    instead_of: Option<String>,
}

/// The suffix of a file that its program has not checked yet.
const CANDIDATE: &str = ".candidate";

impl File {
    /// A file at an absolute path with its whole text. Its directory must exist.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Text>, owner: Owner) -> Self {
        let text = text.into();
        Self {
            path: path.into(),
            shown: text.shown(),
            sha256: digest(text.content().as_bytes()),
            text,
            owner,
            check: Vec::new(),
            instead_of: None,
        }
    }

    /// The same, but it replaces only this text, so concurrent edits are not lost.
    #[must_use]
    pub fn instead_of(mut self, text: &str) -> Self {
        self.instead_of = Some(digest(text.as_bytes()));
        self
    }

    /// The same, but the file is put in place only if this command exits with 0. The path of the new file replaces
    /// `{}`, or is the last argument. The command must not change anything.
    #[must_use]
    pub fn checked_by<S: Into<String>>(mut self, argv: impl IntoIterator<Item = S>) -> Self {
        self.check = argv.into_iter().map(Into::into).collect();
        self
    }

    /// SHA-256 of the content, lowercase hex.
    pub fn sha256(&self) -> String {
        self.sha256.clone()
    }

    /// The content with its secrets. It is never for output or for the journal.
    pub fn content(&self) -> &str {
        self.text.content()
    }

    /// The content that may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// This file as an input of a service.
    pub fn input(&self) -> Input {
        Input {
            id: self.id(),
            path: self.path.clone(),
            wanted: Some(self.sha256()),
        }
    }

    fn candidate(&self) -> PathBuf {
        let mut candidate = self.path.clone().into_os_string();
        candidate.push(CANDIDATE);
        candidate.into()
    }

    fn is_text_of(&self, state: &State) -> bool {
        state.bytes.expose_secret() == self.content().as_bytes()
    }

    fn may_replace(&self, state: &State) -> Result<(), Fault> {
        let now = digest(state.bytes.expose_secret());
        if self.instead_of.as_ref().is_none_or(|text| *text == now) {
            return Ok(());
        }
        Err(Fault::new(format!(
            "{} was edited during this run, and stays as it is now",
            self.path.display()
        ))
        .fix("Run the same command again. It starts from the current text of the file."))
    }

    fn content_change(&self, from: &str) -> Change {
        if from == self.shown {
            // They differ only in parts that are not shown.
            return Change::field("content", Shown::Secret, Shown::Secret);
        }
        Change::content(from, &self.shown)
    }

    /// The part of the current text that may be shown.
    fn earlier(&self, state: &State, written: Option<&Written>) -> String {
        let bytes = state.bytes.expose_secret();
        match Written::of(written, state).map(|written| &written.shown) {
            Some(Some(shown)) => shown.clone(),
            Some(None) => String::from_utf8_lossy(bytes).into_owned(),
            None => self.view().of_foreign(bytes, state.meta.modified_us),
        }
    }

    fn view(&self) -> View<'_> {
        View {
            content: self.content(),
            shown: &self.shown,
        }
    }
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    state: Option<State>,
    accounts: Accounts,
    written: Option<Written>,
}

#[derive(Debug)]
struct State {
    meta: Meta,
    bytes: SecretSlice<u8>,
    link: Option<PathBuf>,
}

impl State {
    fn is_file(&self) -> bool {
        self.meta.file_type == FileType::File
    }
}

/// Facts about the text that was found in sync or written, to recognise it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    sha256: String,
    /// The part that may be shown; nothing when all of it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
}

impl Written {
    /// The remembered facts, if they apply to the current text.
    fn of<'a>(written: Option<&'a Self>, state: &State) -> Option<&'a Self> {
        written.filter(|written| written.sha256 == digest(state.bytes.expose_secret()))
    }
}

impl Kind for File {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("file", self.path.display())
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.path.clone()]
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let state = match cx.probe.meta(&self.path)? {
            None => None,
            Some(meta) => {
                let bytes = if meta.file_type == FileType::File {
                    cx.probe.read(&self.path)?.unwrap_or_default()
                } else {
                    Vec::new()
                };
                Some(State {
                    meta,
                    bytes: bytes.into(),
                    link: cx.probe.link(&self.path)?,
                })
            }
        };
        Ok(Seen {
            state,
            accounts: Accounts::read(cx.probe)?,
            // A memory that cannot be read is ignored.
            written: cx
                .memory
                .and_then(|memory| Written::deserialize(memory).ok()),
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let Some(state) = &seen.state else {
            let mut changes = self.owner.to_create();
            changes.push(self.content_change(""));
            return Diff::Change(changes);
        };
        let mut changes = Vec::new();
        if state.is_file() {
            changes.extend(self.owner.diff(&state.meta, &seen.accounts));
        } else {
            let is = state.link.as_ref().map_or_else(
                || state.meta.file_type.word().to_owned(),
                |target| format!("symlink to {}", target.display()),
            );
            changes.push(Change::field("type", Shown::Text(is), Shown::text("file")));
        }
        if !self.is_text_of(state) {
            let from = match state.is_file() {
                true => self.earlier(state, seen.written.as_ref()),
                false => String::new(),
            };
            changes.push(self.content_change(&from));
        }
        Diff::of(changes, || "content, owner and mode as configured".into())
    }

    fn prior(&self, seen: &Seen) -> Prior {
        match &seen.state {
            None => Prior::Nothing,
            Some(State {
                link: Some(target), ..
            }) => Prior::Link(target.clone()),
            Some(state) if state.is_file() => Prior::Kept {
                sha256: digest(state.bytes.expose_secret()),
                uid: state.meta.uid,
                gid: state.meta.gid,
                mode: state.meta.mode,
            },
            Some(state) => Prior::Special(state.meta.file_type.word().into()),
        }
    }

    /// The facts to recognise this text later, and the part that may be shown.
    fn memory(&self, seen: &Seen) -> Option<Value> {
        let state = seen.state.as_ref()?;
        let written = Written {
            sha256: self.sha256(),
            shown: (!self.text.is_public()).then(|| self.shown.clone()),
        };
        (state.is_file() && self.is_text_of(state))
            .then(|| serde_json::to_value(written).ok())
            .flatten()
    }

    fn absent(&self, seen: &Seen) -> bool {
        seen.state.is_none()
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        let Some(state) = seen.state.as_ref().filter(|state| state.is_file()) else {
            return Ok(());
        };
        let stay = match Written::of(seen.written.as_ref(), state) {
            Some(_) => Stay::OnRecord,
            None => Stay::UntilRestored,
        };
        before::keep(&self.path, state.bytes.expose_secret(), stay, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let (uid, gid) = Accounts::read(cx.host_mut.probe())?.ids(&self.owner)?;
        if let Some(state) = &seen.state {
            if state.meta.file_type == FileType::Directory {
                return Err(
                    Fault::new(format!("{} is a directory", self.path.display()))
                        .fix("Move it away, then run the same command again."),
                );
            }
            if state.is_file() {
                // Keeps the modification time when only the owner or mode differs.
                if self.is_text_of(state) {
                    return cx.host_mut.own(&self.path, uid, gid, self.owner.mode);
                }
                self.may_replace(state)?;
                self.keep(seen, cx.host_mut)?;
            }
        }
        let new = |path| NewFile {
            path,
            bytes: self.content().as_bytes(),
            uid,
            gid,
            mode: self.owner.mode,
        };
        if self.check.is_empty() {
            return cx.host_mut.put(&new(&self.path));
        }
        let candidate = self.candidate();
        cx.host_mut.put(&new(&candidate))?;
        let mut argv = self.check.clone();
        let shown = candidate.display().to_string();
        match argv.iter_mut().find(|word| *word == "{}") {
            Some(word) => *word = shown,
            None => argv.push(shown),
        }
        let output = cx.host_mut.tell(&Invocation::new(argv.clone()))?;
        if let Err(fault) = output.ok(&argv) {
            cx.host_mut.remove(&candidate)?;
            let message = self.text.scrubbed(&fault.chain());
            return Err(Fault::new(format!(
                "{} rejects the new {}; the old one stays",
                argv[0],
                self.path.display()
            ))
            .because(message));
        }
        cx.host_mut.rename(&candidate, &self.path)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        if !self.check.is_empty() {
            // A run that was killed during the check left it behind.
            cx.host_mut.remove(&self.candidate())?;
        }
        prior.restore(&self.path, cx.host_mut)
    }
}
