//! A file that is ours as a whole. Never for keys: its content is shown and journaled.
//!
//! URLs often carry an API key in their path, and some programs read a password among their other settings.
//! A redacted file shows and journals neither.
//!
//! A file that a program reads can be checked by that program before it takes the place of the old one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Accounts, Input, Owner};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{FileType, Meta, NewFile, Order};
use crate::tools::redact;

/// A file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    path: PathBuf,
    /// Its whole content. The journal gets `shown` and `sha256` instead.
    #[serde(skip)]
    content: String,
    shown: String,
    sha256: String,
    owner: Owner,
    #[serde(default)]
    redact: bool,
    #[serde(skip)]
    view: View,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    check: Vec<String>,
}

/// What of a redacted file is shown.
#[derive(Debug, Clone, Default)]
enum View {
    /// What [`redact::secrets`] leaves.
    #[default]
    Secrets,
    /// What this function leaves.
    By(fn(&str) -> String),
    /// An environment file, and of its values those of these variables.
    Variables(Vec<String>),
}

impl View {
    fn of(&self, text: &str) -> String {
        match self {
            Self::Secrets => redact::secrets(text),
            Self::By(show) => show(text),
            Self::Variables(names) => redact::assignments(text, names),
        }
    }
}

/// Ends the name of a file that its program has not judged yet.
const CANDIDATE: &str = ".candidate";

impl File {
    /// A file at an absolute path, whose directory must exist, with its whole content.
    pub fn new(path: impl Into<PathBuf>, content: impl Into<String>, owner: Owner) -> Self {
        let content = content.into();
        Self {
            path: path.into(),
            shown: content.clone(),
            sha256: const_hex::encode(Sha256::digest(&content)),
            content,
            owner,
            redact: false,
            view: View::default(),
            check: Vec::new(),
        }
    }

    /// The same, put in place only when this program, called with the path of the new file in place of `{}`,
    /// or as its last argument, exits with 0. It must not change anything.
    #[must_use]
    pub fn checked_by<S: Into<String>>(mut self, argv: impl IntoIterator<Item = S>) -> Self {
        self.check = argv.into_iter().map(Into::into).collect();
        self
    }

    /// The same, with what URLs carry besides their host, and the values of settings that are named a token,
    /// key, password, secret or the like ([`redact::is_secret`]), never shown nor journaled.
    #[must_use]
    pub fn redacted(self) -> Self {
        self.viewed(View::Secrets)
    }

    /// The same, of which what this function leaves of a text is shown and journaled, and nothing else.
    #[must_use]
    pub fn shown_by(self, show: fn(&str) -> String) -> Self {
        self.viewed(View::By(show))
    }

    /// The same as an environment file, of which the values of these variables are shown and journaled, and of
    /// URLs in them scheme, host and port: all other values may be secret.
    #[must_use]
    pub fn showing(self, variables: impl IntoIterator<Item = String>) -> Self {
        self.viewed(View::Variables(variables.into_iter().collect()))
    }

    fn viewed(mut self, view: View) -> Self {
        self.redact = true;
        self.shown = view.of(&self.content);
        self.view = view;
        self
    }

    /// SHA-256 of the content, lowercase hex.
    pub fn sha256(&self) -> String {
        self.sha256.clone()
    }

    /// The content as it is written: never for output, nor for the journal.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// The content as it may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// This file as something that a service reads when it starts.
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

    fn visible(&self, text: &str) -> String {
        if self.redact {
            self.view.of(text)
        } else {
            text.into()
        }
    }

    fn content_change(&self, from: &str) -> Change {
        let (from, to) = (self.visible(from), self.visible(&self.content));
        if from == to {
            // They differ only in what is not shown.
            return Change::field("content", Shown::Secret, Shown::Secret);
        }
        Change::content(&from, &to)
    }
}

/// What the host has.
#[derive(Debug)]
pub struct Seen {
    state: Option<State>,
    accounts: Accounts,
}

#[derive(Debug)]
struct State {
    meta: Meta,
    text: String,
    link: Option<PathBuf>,
}

/// What was there before us.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// Nothing.
    Nothing,
    /// A file: content, owner, group and mode.
    File(String, u32, u32, u32),
    /// A file whose content may not be journaled.
    Unrecorded,
    /// A symbolic link and its target.
    Link(PathBuf),
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
                let text = if meta.file_type == FileType::File {
                    cx.probe.text(&self.path)?.unwrap_or_default()
                } else {
                    String::new()
                };
                Some(State {
                    meta,
                    text,
                    link: cx.probe.link(&self.path)?,
                })
            }
        };
        Ok(Seen {
            state,
            accounts: Accounts::read(cx.probe)?,
        })
    }

    fn diff(&self, seen: &Seen) -> Diff {
        let Some(state) = &seen.state else {
            let mut changes = self.owner.to_create();
            changes.push(self.content_change(""));
            return Diff::Change(changes);
        };
        let mut changes = Vec::new();
        if state.meta.file_type == FileType::File {
            changes.extend(self.owner.diff(&state.meta, &seen.accounts));
        } else {
            let from = state.link.as_ref().map_or_else(
                || state.meta.file_type.word().to_owned(),
                |target| format!("symlink to {}", target.display()),
            );
            changes.push(Change::field(
                "type",
                Shown::Text(from),
                Shown::text("file"),
            ));
        }
        if state.text != self.content {
            changes.push(self.content_change(&state.text));
        }
        Diff::of(changes, || "content, owner and mode as wanted".into())
    }

    fn prior(&self, seen: &Seen) -> Prior {
        match &seen.state {
            None => Prior::Nothing,
            Some(State {
                link: Some(target), ..
            }) => Prior::Link(target.clone()),
            Some(_) if self.redact => Prior::Unrecorded,
            Some(State { meta, text, .. }) => {
                Prior::File(text.clone(), meta.uid, meta.gid, meta.mode)
            }
        }
    }

    fn absent(&self, seen: &Seen) -> bool {
        seen.state.is_none()
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        let (uid, gid) = Accounts::read(cx.hands.probe())?.ids(&self.owner)?;
        if let Some(state) = &seen.state {
            if state.meta.file_type == FileType::Directory {
                return Err(
                    Fault::new(format!("{} is a directory", self.path.display()))
                        .fix("Move it away, then run the same command again."),
                );
            }
            // Keeps the time of the content when only the owner or mode differ.
            if state.meta.file_type == FileType::File && state.text == self.content {
                return cx.hands.own(&self.path, uid, gid, self.owner.mode);
            }
        }
        let new = |path| NewFile {
            path,
            bytes: self.content.as_bytes(),
            uid,
            gid,
            mode: self.owner.mode,
        };
        if self.check.is_empty() {
            return cx.hands.put(&new(&self.path));
        }
        let candidate = self.candidate();
        cx.hands.put(&new(&candidate))?;
        let mut argv = self.check.clone();
        let shown = candidate.display().to_string();
        match argv.iter_mut().find(|word| *word == "{}") {
            Some(word) => *word = shown,
            None => argv.push(shown),
        }
        let judged = cx.hands.tell(&Order::new(argv.clone()))?;
        if let Err(fault) = judged.ok(&argv) {
            cx.hands.remove(&candidate)?;
            let said = self.visible(&fault.chain());
            return Err(Fault::new(format!(
                "{} refuses the new {}; the old one stays",
                argv[0],
                self.path.display()
            ))
            .because(said));
        }
        cx.hands.rename(&candidate, &self.path)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        if !self.check.is_empty() {
            // A run that was killed while the program judged it has left it behind.
            cx.hands.remove(&self.candidate())?;
        }
        match prior {
            Prior::Nothing => cx.hands.remove(&self.path)?,
            Prior::Unrecorded => {
                return Ok(Reverted::Kept(
                    "what it said before was not recorded, for the keys in it".into(),
                ));
            }
            Prior::Link(target) => cx.hands.symlink(&self.path, target)?,
            Prior::File(text, uid, gid, mode) => cx.hands.put(&NewFile {
                path: &self.path,
                bytes: text.as_bytes(),
                uid: *uid,
                gid: *gid,
                mode: *mode,
            })?,
        }
        Ok(Reverted::Restored)
    }
}
