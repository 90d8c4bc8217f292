//! The names of an image: for its engine, in its registry, and as a resource.

use std::path::Path;

use crate::engine::ResourceId;
use crate::host::Engine;
use crate::tools::images::Row;

/// The registry that both engines use for a name without one.
const PUBLIC: &str = "docker.io";

/// The names of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub engine: Engine,
    /// Repository.
    pub name: &'a str,
    pub tag: &'a str,
    /// The file that records the pin.
    pub record: &'a Path,
}

impl<'a> Names<'a> {
    /// Its name for its engine.
    pub fn reference(self) -> String {
        format!("{}:{}", self.name, self.tag)
    }

    pub fn id(self) -> ResourceId {
        ResourceId::new("image", self.reference())
    }

    /// Whether the engine lists it under this name.
    pub fn is_named(self, row: &Row) -> bool {
        row.repository == self.name && row.tag.as_deref() == Some(self.tag)
    }

    /// The registry in its name, or the public one.
    pub fn registry(self) -> &'a str {
        let first = self.name.split('/').next().unwrap_or_default();
        if first.contains(['.', ':']) {
            first
        } else {
            PUBLIC
        }
    }

    /// The name with its registry, because Podman does not assume the public one. `version` is `:tag` or `@digest`.
    pub fn source(self, version: &str) -> String {
        let registry = self.registry();
        match self.name.strip_prefix(registry) {
            Some(_) => format!("{}{version}", self.name),
            None => format!("{registry}/{}{version}", self.name),
        }
    }

    /// The name with its registry and its tag.
    pub fn tagged(self) -> String {
        self.source(&format!(":{}", self.tag))
    }

    /// A description of how to switch this host to the image that the tag names now.
    pub fn renewal(self) -> String {
        format!(
            "To switch to the image that {} names now, run `aztec-kit forget '{}'`, remove {}, and run `aztec-kit apply`.",
            self.reference(),
            self.id(),
            self.record.display()
        )
    }
}
