//! Facts about an image that is not on this host, from its registry.

use super::names::Names;
use super::pin::Pin;
use super::store::unused;
use crate::Fault;
use crate::host::{Probe, Query};

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

/// The manifest that the registry has for a version; uses the network.
fn manifest(names: Names<'_>, version: &str, probe: &dyn Probe) -> Result<String, Fault> {
    let query = Query::Manifest(names.engine, names.source(version));
    probe.ask(&query).map(|output| output.stdout)
}

/// Fails when the registry does not have the image or does not answer.
pub(super) fn offered(names: Names<'_>, version: &str, probe: &dyn Probe) -> Result<Place, Fault> {
    if unused(names.engine, probe)? {
        return Ok(Place::Unasked);
    }
    let (source, name) = (names.source(version), names.engine.name());
    let manifest = manifest(names, version, probe);
    manifest.map(|_| Place::Offered).map_err(|fault| {
        Fault::new(format!("{source} is not on this host and cannot be pulled"))
            .fix(format!(
                "Make `{name} pull {source}` work, or run `docker save` elsewhere and `{name} load` here."
            ))
            .because(fault)
    })
}

/// Whether the tag in the registry still names the pinned image. Sends up to two requests.
pub(super) fn upstream(names: Names<'_>, pin: &Pin, probe: &dyn Probe) -> Upstream {
    let tagged = match manifest(names, &format!(":{}", names.tag), probe) {
        Ok(text) => text,
        Err(fault) => return Upstream::Untold(fault.chain()),
    };
    // The manifest of one image names its content, and an index names the manifest of each architecture.
    if tagged.contains(&pin.id) || pin.digest.iter().any(|digest| tagged.contains(digest)) {
        return Upstream::Same;
    }
    // Podman shows only that this is the manifest of one image (5.4.2).
    if !tagged.contains("sha256:") {
        let name = names.engine.name();
        return Upstream::Untold(format!("{name} does not show its content"));
    }
    // Docker keeps the digest of the index itself.
    let Some(digest) = &pin.digest else {
        return Upstream::Untold("it was loaded, not pulled".to_owned());
    };
    match manifest(names, &format!("@{digest}"), probe) {
        Ok(text) if text == tagged => Upstream::Same,
        Ok(_) => Upstream::Moved,
        Err(fault) => Upstream::Untold(fault.chain()),
    }
}
