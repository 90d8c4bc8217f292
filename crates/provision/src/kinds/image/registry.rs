//! Facts about an image that is not on this host, from its registry.

use super::{EngineSeen, Image};
use crate::Fault;
use crate::engine::{Cx, Kind};
use crate::host::{Probe, Query};

/// The registry that both engines use for a name without one.
const PUBLIC: &str = "docker.io";

/// The location of an image before it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On this host.
    Here,
    /// In its registry, which confirmed it.
    Offered,
    /// Unknown: no engine on this host can ask the registry, or none was ever used.
    Unasked,
}

/// The image that the registry has under the tag of a pinned image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// The image that this host is pinned to.
    Same,
    /// Another image.
    Moved,
    /// Unknown; the reason.
    Untold(String),
}

impl Image {
    /// The registry in its name, or the public one.
    pub fn registry(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        if first.contains(['.', ':']) {
            first
        } else {
            PUBLIC
        }
    }

    /// The name with its registry, because Podman does not assume the public one.
    pub(super) fn source(&self, what: &str) -> String {
        let registry = self.registry();
        match self.name.strip_prefix(registry) {
            Some(_) => format!("{}{what}", self.name),
            None => format!("{registry}/{}{what}", self.name),
        }
    }

    /// A description of how to get the image that the tag names in the registry now. The local tag does not change by
    /// itself.
    pub fn update(&self) -> String {
        let (engine, source) = (self.engine.name(), self.source(&format!(":{}", self.tag)));
        format!("`{engine} pull {source}` fetches it. {}", self.renewal())
    }

    /// The manifest that the registry has for a name; uses the network.
    fn manifest(&self, what: &str, probe: &dyn Probe) -> Result<String, Fault> {
        let asked = Query::Manifest(self.engine, self.source(what));
        probe.ask(&asked).map(|output| output.stdout)
    }

    /// Fails when the registry does not have the image or does not answer.
    pub(super) fn offered(&self, what: &str, probe: &dyn Probe) -> Result<Place, Fault> {
        if self.unused(probe)? {
            return Ok(Place::Unasked);
        }
        let (source, name) = (self.source(what), self.engine.name());
        let asked = self.manifest(what, probe);
        asked.map(|_| Place::Offered).map_err(|fault| {
            Fault::new(format!("{source} is not on this host and cannot be pulled"))
                .fix(format!(
                    "Make `{name} pull {source}` work, or run `docker save` elsewhere and `{name} load` here."
                ))
                .because(fault)
        })
    }

    /// Whether the tag in the registry still names the pinned image. Sends up to two requests. Nothing when there is no
    /// pin or no engine that answers.
    ///
    /// # Errors
    ///
    /// When the host cannot be observed.
    pub fn upstream(&self, cx: &Cx<'_>) -> Result<Option<Upstream>, Fault> {
        let seen = self.observe(cx)?;
        let (Some(pin), EngineSeen::Has { .. }) = (seen.pin, seen.engine) else {
            return Ok(None);
        };
        let unknown = |fault: Fault| Ok(Some(Upstream::Untold(fault.chain())));
        let tagged = match self.manifest(&format!(":{}", self.tag), cx.probe) {
            Ok(text) => text,
            Err(fault) => return unknown(fault),
        };
        // The manifest of one image names its content, and an index names the manifest of each architecture.
        if tagged.contains(&pin.id) || pin.digest.iter().any(|digest| tagged.contains(digest)) {
            return Ok(Some(Upstream::Same));
        }
        // Podman shows only that this is the manifest of one image (5.4.2).
        if !tagged.contains("sha256:") {
            let why = format!("{} does not show its content", self.engine.name());
            return Ok(Some(Upstream::Untold(why)));
        }
        // Docker keeps the digest of the index itself.
        let Some(digest) = &pin.digest else {
            let why = "it was loaded, not pulled".to_owned();
            return Ok(Some(Upstream::Untold(why)));
        };
        match self.manifest(&format!("@{digest}"), cx.probe) {
            Ok(text) if text == tagged => Ok(Some(Upstream::Same)),
            Ok(_) => Ok(Some(Upstream::Moved)),
            Err(fault) => unknown(fault),
        }
    }
}
