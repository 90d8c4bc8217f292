//! The runtime of a host: processes run natively or in containers of the official image.

use provision::host::Engine;

use crate::facts::HostFacts;
use crate::names::Runtime;
use crate::settings::Settings;

/// The runtime of a host, and the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The runtime.
    pub runtime: Runtime,
    /// The engine of the containers, if any.
    pub engine: Engine,
    /// The reason, as a clause for people.
    pub why: String,
}

impl Choice {
    /// The runtime and the reason, for people.
    pub fn shown(&self) -> String {
        let engine = match self.runtime {
            Runtime::Native => String::new(),
            Runtime::Container => format!(" ({})", self.engine.name()),
        };
        format!("{}{engine}: {}", self.runtime.word(), self.why)
    }
}

/// The runtime of a host: the configured one, or native if that can work.
pub fn choose(settings: &Settings, facts: &HostFacts) -> Choice {
    let (runtime, why) = match settings.runtime {
        Some(configured) => (configured, "as configured".to_owned()),
        None => match native_fault(settings, facts) {
            Some((why, _)) => (Runtime::Container, why),
            None => (
                Runtime::Native,
                format!(
                    "aztec-kit carries the lock file of {}, and this host can run it",
                    settings.release.version
                ),
            ),
        },
    };
    Choice {
        runtime,
        engine: facts.engine.unwrap_or(Engine::Podman),
        why,
    }
}

/// Why a host should use the image, and whether it must.
pub(crate) fn native_fault(settings: &Settings, facts: &HostFacts) -> Option<(String, bool)> {
    let release = &settings.release;
    let (major, minor) = release.facts.glibc;
    let need = format!("Aztec {} needs glibc {major}.{minor}", release.version);
    match facts.glibc {
        Some(glibc) if glibc >= (major, minor) => {}
        Some((major, minor)) => {
            let here = &facts.os_name;
            return Some((
                format!("{need}, this host ({here}) has {major}.{minor}"),
                true,
            ));
        }
        None => {
            return Some((
                format!(
                    "{need}, and aztec-kit cannot tell the version of this host (package libc6)"
                ),
                true,
            ));
        }
    }
    if !release.facts.packages {
        let version = &release.version;
        return Some((
            format!("as far as aztec-kit knows, npm does not have Aztec {version}"),
            true,
        ));
    }
    for (component, _) in settings.components() {
        if let Some(refusal) = release.refusal(component, settings.place(), Some(Runtime::Native)) {
            return Some((refusal.why.clone(), true));
        }
    }
    release.lock.is_none().then(|| {
        (
            format!(
                "aztec-kit does not carry a lock file of Aztec {}",
                release.version
            ),
            false,
        )
    })
}
