//! Whether the processor, the memory and the disks of this host are enough for Aztec.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Space};

use crate::checks::finding::{Finding, GIB, gib};
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::layout;
use crate::names::{Hardware, L1Use, Runtime};
use crate::roles::prover;
use crate::runtime;
use crate::settings::Settings;

/// Both release trees and their staging, measured with 4.1.2 and foundry 1.4.4.
const RELEASE_BYTES: u64 = 3 * GIB;
/// The least space of a live node. It needs far more later, and with less it cannot even download a snapshot.
const LIVE_BYTES: u64 = 100 * GIB;
const LOCAL_BYTES: u64 = GIB;
/// Official disk of an agent, GB (docs v5.2.0, `prover/overview`).
const AGENT_DISK_GB: u64 = 10;
const GB: u64 = 1_000_000_000;
/// A local network with its sequencer was measured at 1.5 GiB.
const LEAST_MEMORY: u64 = 2 * GIB;
/// What firmware and kernel leave of the installed memory, percent.
const KERNEL_LEAVES: u64 = 94;
/// A node of a public network gets up to 1.5 CPUs from Aztec Labs (spartan/environments in the sources of 6.0.0).
const LEAST_CPUS: usize = 2;

/// The official hardware for all components of this host together; nothing on a local network.
fn official(settings: &Settings, facts: &HostFacts) -> Hardware {
    if settings.live().is_none() {
        return Hardware::default();
    }
    let components = settings.components().into_iter();
    let components = components.filter_map(|(component, _)| component.hardware());
    let agents = match settings.proves() {
        true => prover::agents(settings, facts).0,
        false => 0,
    };
    let size = settings.release.facts.agent;
    let agents = Hardware {
        cpus: size.cpus.saturating_mul(agents as usize),
        memory_gib: size.memory_gib.saturating_mul(agents.into()),
        disk_gb: AGENT_DISK_GB.saturating_mul(agents.into()),
    };
    components.chain([agents]).sum()
}

/// The least and the official figure side by side; only the least if there is no official one.
fn figures(least: &str, official: Option<String>) -> String {
    let official = official.map(|figure| format!(", {figure} official"));
    format!("{least} the least{}", official.unwrap_or_default())
}

/// On an older CPU, the node ends with an illegal instruction.
pub(super) fn cpu(settings: &Settings, facts: &HostFacts) -> Finding {
    let needed = settings.release.facts.cpu.iter();
    let missing: Vec<_> = needed
        .filter(|flag| !facts.cpu_flags.contains(flag))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let seen = format!(
            "this CPU lacks {}, which the released binaries use, so they end with an illegal instruction (SIGILL)",
            missing.join(", ")
        );
        return Finding::fail(Topic::Cpu, seen)
            .fix("Use a host with Skylake or newer. In a VM, let the guest have the CPU of its host (host-passthrough).");
    }
    let official = official(settings, facts).cpus;
    if official == 0 {
        let seen = format!("{} logical CPUs, Skylake or newer", facts.cpus);
        return Finding::pass(Topic::Cpu, seen);
    }
    let figures = figures(&LEAST_CPUS.to_string(), Some(official.to_string()));
    let seen = format!("{} logical CPUs, Skylake or newer ({figures})", facts.cpus);
    match facts.cpus < official {
        true => Finding::warn(Topic::Cpu, seen).fix(if facts.cpus < LEAST_CPUS {
            "Use a host with more CPUs: this one will not keep up with the chain."
        } else {
            "It can keep up, without the reserve that the official figure has. Watch its load while it synchronizes."
        }),
        false => Finding::pass(Topic::Cpu, seen),
    }
}

/// Whether the memory is enough.
pub(super) fn memory(settings: &Settings, facts: &HostFacts) -> Finding {
    let official = official(settings, facts).memory_gib.saturating_mul(GIB);
    let shown = (official > 0).then(|| gib(official));
    let figures = figures(&gib(LEAST_MEMORY), shown);
    let seen = format!("this host has {} ({figures})", gib(facts.memory));
    let more = "Use a host with more memory.";
    match facts.memory {
        bytes if bytes < LEAST_MEMORY => Finding::fail(Topic::Memory, seen).fix(more),
        // The firmware and the kernel keep some of what the page counts.
        bytes if bytes < official / 100 * KERNEL_LEAVES => {
            Finding::warn(Topic::Memory, seen).fix(more)
        }
        _ => Finding::pass(Topic::Memory, seen),
    }
}

/// Whether the disks of the releases and of the data have enough space.
pub(super) fn disk(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    let runtime = runtime::choose(settings, facts).runtime;
    // An image has its own place, see `image`.
    let installed =
        runtime == Runtime::Container || probe.link(Path::new(layout::CURRENT))?.is_some();
    // The size of any other chain is not known here.
    let known = settings.has_presets();
    let follows = known && settings.uses_l1(L1Use::Follows);
    let official = official(settings, facts).disk_gb.saturating_mul(GB);
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
            if follows { LIVE_BYTES } else { LOCAL_BYTES },
            if known { official } else { 0 },
        ),
    ];
    for (check, path, least, recommended) in places {
        findings.push(room(check, path, &probe.space(path)?, (least, recommended)));
    }
    Ok(findings)
}

/// Whether a place has enough space; `needs` is the least and the official number of bytes, 0 if there is none.
fn room(check: Topic, path: &Path, space: &Space, needs: (u64, u64)) -> Finding {
    let (least, official) = needs;
    let (shown, has) = (path.display(), gib(space.free));
    if space.read_only {
        let seen = format!("{shown} is on a read-only file system");
        return Finding::fail(check, seen).fix("Remount it, or choose another place.");
    }
    let seen = match least {
        0 => format!("{shown} has {has} free"),
        least => {
            let figures = figures(&gib(least), (official > 0).then(|| gib(official)));
            format!("{shown} has {has} free ({figures})")
        }
    };
    if space.free < least {
        return Finding::fail(check, seen).fix("Free some space, or choose another disk.");
    }
    if space.free < official {
        return Finding::warn(check, seen)
            .fix("Free some space, or move the data to a larger disk.");
    }
    Finding::pass(check, seen)
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::severity::Severity;

    const LIVE: &str = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l\"]\nconsensus_urls = [\"https://b\"]\n";
    const AGENTS: &str = "[node]\nenabled = false\n[prover_agent]\nenabled = true\nbroker_url = \"http://10.0.0.1:8080\"\nagents = 2\n";

    fn of(text: &str) -> Settings {
        Settings::parse(text).unwrap()
    }

    /// Facts of a host with every needed instruction.
    fn host(cpus: usize, memory_gib: u64) -> HostFacts {
        let flags = ["adx", "avx2", "bmi1", "bmi2", "fma"].map(String::from);
        HostFacts {
            cpus,
            memory: memory_gib * GIB,
            cpu_flags: flags.into(),
            ..HostFacts::debian()
        }
    }

    #[test]
    fn every_missing_instruction_is_named() {
        let facts = HostFacts {
            cpu_flags: vec!["avx2".into(), "bmi1".into(), "fma".into()],
            ..host(16, 16)
        };
        let finding = cpu(&of("network = \"local\"\n"), &facts);
        assert_eq!(finding.severity, Severity::Fail);
        assert!(
            finding.seen.contains("lacks adx, bmi2,"),
            "{}",
            finding.seen
        );
        assert!(finding.seen.contains("SIGILL"), "{}", finding.seen);
    }

    #[test]
    fn both_figures_are_shown() {
        let cases = [
            (
                LIVE.to_owned(),
                4,
                4,
                Severity::Warn,
                "2 the least, 16 official",
                "2.0 GiB the least, 8.0 GiB official",
            ),
            (
                LIVE.to_owned(),
                16,
                8,
                Severity::Pass,
                "16 official",
                "8.0 GiB official",
            ),
            (
                LIVE.to_owned() + AGENTS,
                64,
                128,
                Severity::Warn,
                "128 official",
                "256.0 GiB official",
            ),
            (
                "network = \"local\"\n".into(),
                2,
                4,
                Severity::Pass,
                "2 logical CPUs, Skylake or newer",
                "2.0 GiB the least",
            ),
        ];
        for (text, cpus, memory_gib, severity, cpu_part, memory_part) in cases {
            let (settings, facts) = (of(&text), host(cpus, memory_gib));
            let found = [
                (cpu(&settings, &facts), cpu_part),
                (memory(&settings, &facts), memory_part),
            ];
            for (finding, part) in found {
                assert_eq!(finding.severity, severity, "{}", finding.text());
                assert!(finding.seen.contains(part), "{}", finding.seen);
            }
        }
    }

    #[test]
    fn a_host_with_agents_alone_needs_no_space_for_a_chain() {
        let mut fake = FakeHost::debian();
        fake.free = 50 * GIB;
        let found = |text: &str| {
            let found = disk(&of(text), &host(64, 128), &fake).unwrap();
            found
                .into_iter()
                .find(|it| it.id == Topic::DiskForData)
                .unwrap()
        };
        let node = found(LIVE);
        assert_eq!(node.severity, Severity::Fail);
        assert!(
            node.seen
                .contains("100.0 GiB the least, 931.3 GiB official"),
            "{}",
            node.seen
        );
        assert_eq!(found(&(LIVE.to_owned() + AGENTS)).severity, Severity::Pass);
    }
}
