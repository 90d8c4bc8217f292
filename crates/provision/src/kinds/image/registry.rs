//! What can be known of an image without having it: what its registry says.

use super::{EngineSeen, Image};
use crate::Fault;
use crate::engine::{Cx, Kind};
use crate::host::{Probe, Query};

/// The registry that both engines take a name to be of when it has none.
const PUBLIC: &str = "docker.io";

/// Where an image is before it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On this host.
    Here,
    /// In its registry, which says that it has it.
    Offered,
    /// In its registry, if it has it: no engine is here that could be asked to ask, or none that was ever used.
    Unasked,
}

/// What the registry has under the tag of a pinned image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// The image that this host is pinned to.
    Same,
    /// Another one.
    Moved,
    /// It cannot be told; the reason.
    Untold(String),
}

impl Image {
    /// The registry in its name; the public one when there is none.
    pub fn registry(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        if first.contains(['.', ':']) {
            first
        } else {
            PUBLIC
        }
    }

    /// With its registry: Podman does not assume the public one.
    pub(super) fn source(&self, what: &str) -> String {
        let registry = self.registry();
        match self.name.strip_prefix(registry) {
            Some(_) => format!("{}{what}", self.name),
            None => format!("{registry}/{}{what}", self.name),
        }
    }

    /// For people: how this host gets what the tag names in the registry now. What it names here does not change
    /// by itself.
    pub fn update(&self) -> String {
        let (engine, source) = (self.engine.name(), self.source(&format!(":{}", self.tag)));
        format!(
            "`{engine} pull {source}` brings it here. {}",
            self.renewal()
        )
    }

    /// What the registry says that a name stands for; asks over the network.
    fn manifest(&self, what: &str, probe: &dyn Probe) -> Result<String, Fault> {
        let asked = Query::Manifest(self.engine, self.source(what));
        probe.ask(&asked).map(|output| output.stdout)
    }

    /// Refuses what the registry does not have, or a registry that cannot be asked.
    pub(super) fn offered(&self, what: &str, probe: &dyn Probe) -> Result<Place, Fault> {
        if self.unused(probe)? {
            return Ok(Place::Unasked);
        }
        let (source, name) = (self.source(what), self.engine.name());
        let asked = self.manifest(what, probe);
        asked.map(|_| Place::Offered).map_err(|fault| {
            Fault::new(format!("{source} is not here, and cannot be pulled"))
                .fix(format!(
                    "Make `{name} pull {source}` work, or `docker save` the image elsewhere and `{name} load` it here."
                ))
                .because(fault)
        })
    }

    /// Whether the registry still has, under the tag, what this host is pinned to: up to two questions over the
    /// network. Nothing when there is no pin, or no engine that answers.
    ///
    /// # Errors
    ///
    /// When the host cannot be looked at.
    pub fn upstream(&self, cx: &Cx<'_>) -> Result<Option<Upstream>, Fault> {
        let seen = self.observe(cx)?;
        let (Some(pin), EngineSeen::Has { .. }) = (seen.pin, seen.engine) else {
            return Ok(None);
        };
        let untold = |fault: Fault| Ok(Some(Upstream::Untold(fault.chain())));
        let tagged = match self.manifest(&format!(":{}", self.tag), cx.probe) {
            Ok(text) => text,
            Err(fault) => return untold(fault),
        };
        // The manifest of one image names its content, and a list for several machines the manifest of each.
        if tagged.contains(&pin.id) || pin.digest.iter().any(|digest| tagged.contains(digest)) {
            return Ok(Some(Upstream::Same));
        }
        // Podman shows no more of the manifest of one image than that it is one (5.4.2).
        if !tagged.contains("sha256:") {
            let why = format!("{} does not show what it is", self.engine.name());
            return Ok(Some(Upstream::Untold(why)));
        }
        // Docker keeps the digest of the list itself.
        let Some(digest) = &pin.digest else {
            let why = "it was loaded, and not pulled".to_owned();
            return Ok(Some(Upstream::Untold(why)));
        };
        match self.manifest(&format!("@{digest}"), cx.probe) {
            Ok(text) if text == tagged => Ok(Some(Upstream::Same)),
            Ok(_) => Ok(Some(Upstream::Moved)),
            Err(fault) => untold(fault),
        }
    }
}
