//! The runtime of the processes, and its image.

use std::path::Path;

use provision::Fault;
use provision::host::{Engine, Probe};

use super::image;
use super::monitoring::SNAP;
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::names::Runtime;
use crate::runtime::choose;
use crate::settings::Settings;

/// The runtime that this host uses, and why.
pub(super) fn runtime(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Option<Finding> {
    let choice = settings.has_role().then(|| choose(settings, facts))?;
    let mut runs = choice.shown();
    let snap = probe.meta(Path::new(SNAP));
    if choice.runtime == Runtime::Container
        && choice.engine == Engine::Podman
        && snap.is_ok_and(|snap| snap.is_some())
    {
        runs.push_str("; the snap of Docker is confined and not used");
    }
    Some(Finding::pass(Topic::Runtime, runs))
}

/// The image of a host that runs containers, and the space for it.
pub(super) fn image(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let choice = choose(settings, facts);
    if !settings.has_role() || choice.runtime != Runtime::Container {
        return Ok(Vec::new());
    }
    image::findings(settings, &choice, probe)
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    /// An operator with the snap sees `docker` work, and would not know why Podman is chosen.
    #[test]
    fn the_docker_of_snap_is_reported_as_not_used() {
        let kit_toml = "network = \"local\"\nruntime = \"container\"\n";
        let settings = Settings::parse(kit_toml).unwrap();
        let mut host = FakeHost::debian();
        let runs = |host: &FakeHost| {
            let facts = HostFacts::debian();
            runtime(&settings, &facts, host).unwrap().seen
        };
        assert!(!runs(&host).contains("snap"));
        for dir in ["/snap", "/snap/bin"] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        host.plant(SNAP, FileType::File, b"", 0o755);
        let runs = runs(&host);
        let expected = "the snap of Docker is confined and not used";
        assert!(runs.ends_with(expected), "{runs}");
    }
}
