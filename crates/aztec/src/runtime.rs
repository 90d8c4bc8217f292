//! How the processes of a host run, and why so: as programs of its own, or in containers of the official image.

use provision::host::Engine;

use crate::facts::HostFacts;
use crate::names::Runtime;
use crate::settings::Settings;

/// The runtime of a host, and why that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub runtime: Runtime,
    /// What runs the containers, if there are any.
    pub engine: Engine,
    /// A clause for people.
    pub why: String,
}

impl Choice {
    /// For people: what, and why.
    pub fn shown(&self) -> String {
        let engine = match self.runtime {
            Runtime::Native => String::new(),
            Runtime::Container => format!(" ({})", self.engine.name()),
        };
        format!("{}{engine}: {}", self.runtime.word(), self.why)
    }
}

/// The runtime of a host: as asked, or native wherever that can work.
pub fn choose(settings: &Settings, facts: &HostFacts) -> Choice {
    let (runtime, why) = match settings.runtime {
        Some(asked) => (asked, "as asked".to_owned()),
        None => match native_fault(settings, facts) {
            Some((why, _)) => (Runtime::Container, why),
            None => (
                Runtime::Native,
                format!(
                    "this program carries the lock file of {}, and this host can run it",
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

/// Why a host does better with the image; whether it has to.
pub(crate) fn native_fault(settings: &Settings, facts: &HostFacts) -> Option<(String, bool)> {
    let release = &settings.release;
    let (major, minor) = release.facts.glibc;
    let wants = format!("Aztec {} needs glibc {major}.{minor}", release.version);
    match facts.glibc {
        Some(glibc) if glibc >= (major, minor) => {}
        Some((major, minor)) => {
            let here = &facts.os_name;
            return Some((
                format!("{wants}, this host ({here}) has {major}.{minor}"),
                true,
            ));
        }
        None => {
            return Some((
                format!("{wants}, and that of this host cannot be told (package libc6)"),
                true,
            ));
        }
    }
    if !release.facts.packages {
        let version = &release.version;
        return Some((
            format!("npm has no Aztec {version}, as far as this program knows"),
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
                "this program carries no lock file of Aztec {}",
                release.version
            ),
            false,
        )
    })
}
