//! Whether the processor, the memory and the disks of this host are enough for Aztec.

use std::path::Path;

use provision::Fault;
use provision::host::Probe;

use crate::checks::finding::{Finding, GIB, Severity, gib};
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::layout;
use crate::names::Runtime;
use crate::settings::Settings;

/// Both release trees and their staging, measured with 4.1.2 and foundry 1.4.4.
const RELEASE_BYTES: u64 = 3 * GIB;
/// The least space of a live node. It needs far more later, and with less it cannot even download a snapshot.
const LIVE_BYTES: u64 = 100 * GIB;
/// Official recommendation for nodes and sequencers (docs v5.2.0, hardware page).
const RECOMMENDED_BYTES: u64 = 1000 * GIB;
const LOCAL_BYTES: u64 = GIB;
/// A local network with its sequencer was measured at 1.5 GiB.
const LEAST_MEMORY: u64 = 2 * GIB;
const RECOMMENDED_MEMORY: u64 = 8 * GIB;

/// On an older CPU, the node ends with an illegal instruction.
pub(super) fn cpu(settings: &Settings, facts: &HostFacts) -> Finding {
    let needed = settings.release.facts.cpu.iter();
    let missing: Vec<_> = needed
        .filter(|flag| !facts.cpu_flags.contains(flag))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Finding::new(
            Topic::Cpu,
            Severity::Pass,
            format!("{} logical CPUs, Skylake or newer", facts.cpus),
        );
    }
    Finding::new(
        Topic::Cpu,
        Severity::Fail,
        format!(
            "this CPU lacks {}, which the released binaries use. Use a host with Skylake or newer.",
            missing.join(", ")
        ),
    )
}

/// Whether the memory is enough.
pub(super) fn memory(settings: &Settings, facts: &HostFacts) -> Finding {
    let has = gib(facts.memory);
    match facts.memory {
        bytes if bytes < LEAST_MEMORY => Finding::new(
            Topic::Memory,
            Severity::Fail,
            format!("{has}; a node alone needs {}", gib(LEAST_MEMORY)),
        ),
        bytes if settings.live().is_some() && bytes < RECOMMENDED_MEMORY => Finding::new(
            Topic::Memory,
            Severity::Warn,
            format!("{has}; {} are recommended", gib(RECOMMENDED_MEMORY)),
        ),
        _ => Finding::new(Topic::Memory, Severity::Pass, has),
    }
}

/// Whether the disks of the releases and of the data have enough space.
pub(super) fn disk(
    settings: &Settings,
    runtime: Runtime,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    // An image has its own place, see `image`.
    let installed =
        runtime == Runtime::Container || probe.link(Path::new(layout::CURRENT))?.is_some();
    // The size of any other chain is not known here.
    let live = settings.has_presets();
    let places = [
        (
            Topic::DiskForReleases,
            Path::new(layout::OPT),
            if installed { 0 } else { RELEASE_BYTES },
            0,
        ),
        (
            Topic::DiskForData,
            settings.data_dir.as_path(),
            if live { LIVE_BYTES } else { LOCAL_BYTES },
            if live { RECOMMENDED_BYTES } else { 0 },
        ),
    ];
    for (check, path, least, recommended) in places {
        let space = probe.space(path)?;
        let (shown, has) = (path.display(), gib(space.free));
        findings.push(if space.read_only {
            Finding::new(
                check,
                Severity::Fail,
                format!(
                    "{shown} is on a read-only file system. Remount it, or choose another place."
                ),
            )
        } else if space.free < least {
            Finding::new(
                check,
                Severity::Fail,
                format!(
                    "{shown} has {has} free and needs {}. Free some space, or choose another disk.",
                    gib(least)
                ),
            )
        } else if space.free < recommended {
            Finding::new(
                check,
                Severity::Warn,
                format!(
                    "{shown} has {has} free; {} are recommended",
                    gib(recommended)
                ),
            )
        } else {
            Finding::new(check, Severity::Pass, format!("{shown} has {has} free"))
        });
    }
    Ok(findings)
}
