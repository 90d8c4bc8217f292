//! Whether the processor, the memory and the disks of this host are enough for Aztec.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Space};

use crate::checks::finding::{Finding, GIB, gib};
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
        let seen = format!("{} logical CPUs, Skylake or newer", facts.cpus);
        return Finding::pass(Topic::Cpu, seen);
    }
    let seen = format!(
        "this CPU lacks {}, which the released binaries use",
        missing.join(", ")
    );
    Finding::fail(Topic::Cpu, seen).fix("Use a host with Skylake or newer.")
}

/// Whether the memory is enough.
pub(super) fn memory(settings: &Settings, facts: &HostFacts) -> Finding {
    let has = gib(facts.memory);
    let more = "Use a host with more memory.";
    if facts.memory < LEAST_MEMORY {
        let seen = format!(
            "this host has {has}, and a node alone needs {}",
            gib(LEAST_MEMORY)
        );
        return Finding::fail(Topic::Memory, seen).fix(more);
    }
    if settings.live().is_some() && facts.memory < RECOMMENDED_MEMORY {
        let recommended = gib(RECOMMENDED_MEMORY);
        let seen = format!("this host has {has}, and {recommended} are recommended");
        return Finding::warn(Topic::Memory, seen).fix(more);
    }
    Finding::pass(Topic::Memory, has)
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
        findings.push(room(check, path, &probe.space(path)?, (least, recommended)));
    }
    Ok(findings)
}

/// Whether a place has enough space; `needs` is the least and the recommended number of bytes.
fn room(check: Topic, path: &Path, space: &Space, needs: (u64, u64)) -> Finding {
    let (least, recommended) = needs;
    let (shown, has) = (path.display(), gib(space.free));
    if space.read_only {
        let seen = format!("{shown} is on a read-only file system");
        return Finding::fail(check, seen).fix("Remount it, or choose another place.");
    }
    if space.free < least {
        let seen = format!("{shown} has {has} free and needs {}", gib(least));
        return Finding::fail(check, seen).fix("Free some space, or choose another disk.");
    }
    if space.free < recommended {
        let recommended = gib(recommended);
        let seen = format!("{shown} has {has} free, and {recommended} are recommended");
        return Finding::warn(check, seen)
            .fix("Free some space, or move the data to a larger disk.");
    }
    Finding::pass(check, format!("{shown} has {has} free"))
}
