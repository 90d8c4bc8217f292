//! Checks of the machine, its disks and its operating system.

mod account;
mod clock;
pub mod data_dir;
mod data_owner;
pub mod disk;
mod disk_speed;
mod file_system;
mod inodes;
mod machine;
mod packages;
mod steal;
mod systemd;

use provision::Fault;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::context::Context;
use crate::checks::finding::{Finding, failed};
use crate::checks::topic::Topic;
use crate::desired::refusal;

const ROW: Check = Check::row(Phase::Host, &[], Verb::BEFORE);

/// Checks that a reader of a plan needs.
const PLANNED: &[Verb] = &[Verb::Preflight, Verb::Apply, Verb::Plan];

/// Checks of what changes while a host runs, which take no time.
const WATCHED: &[Verb] = &[Verb::Preflight, Verb::Status];

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::Rights],
        looks_at: "the user that runs aztec-kit",
        verbs: &[Verb::Preflight],
        run: Run::Now(|cx| Ok(vec![rights(cx.root)])),
        ..ROW
    },
    Check {
        topics: &[Topic::Journal],
        looks_at: "/var/lib/aztec-kit/journal.jsonl",
        needs: Need::ROOT,
        verbs: &[Verb::Preflight],
        run: Run::Now(|cx| {
            let failure = cx.unrecorded.map(|fault| failed(Topic::Journal, fault));
            Ok(failure.into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::System],
        looks_at: "/etc/os-release and glibc",
        run: Run::Now(|cx| {
            Ok(vec![match refusal(cx.settings, cx.facts) {
                Ok(()) => Finding::pass(Topic::System, system(cx.facts)),
                Err(fault) => failed(Topic::System, &fault),
            }])
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Systemd],
        looks_at: "/run/systemd/system",
        run: Run::Now(|cx| Ok(vec![systemd::manager(cx.probe())?])),
        ..ROW
    },
    Check {
        topics: &[Topic::Sandbox],
        looks_at: "the namespaces of the kernel",
        run: Run::Now(|cx| Ok(systemd::sandboxes(cx.probe())?.into_iter().collect())),
        ..ROW
    },
    Check {
        topics: &[Topic::Cpu],
        looks_at: "/proc/cpuinfo",
        run: Run::Now(|cx| {
            let cpu = || machine::cpu(cx.settings, cx.facts);
            Ok(cx.settings.has_role().then(cpu).into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Memory],
        looks_at: "/proc/meminfo",
        run: Run::Now(|cx| {
            let memory = || machine::memory(cx.settings, cx.facts);
            Ok(cx.settings.has_role().then(memory).into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Disk, Topic::DiskForData, Topic::DiskForReleases],
        looks_at: "the file systems of the data and of the releases",
        run: Run::Now(|cx| {
            if !cx.settings.has_role() {
                return Ok(Vec::new());
            }
            machine::disk(cx.settings, cx.facts, cx.probe())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Inodes],
        looks_at: "the file system of the data",
        verbs: WATCHED,
        run: Run::Now(|cx| with_role(cx, || inodes::inodes(&cx.settings.data_dir, cx.probe()))),
        ..ROW
    },
    Check {
        topics: &[Topic::FileSystem],
        looks_at: "the type of the file system of the data",
        verbs: &[Verb::Preflight],
        run: Run::Now(|cx| {
            with_role(cx, || {
                file_system::file_system(cx.settings, cx.facts, cx.probe()).map(Some)
            })
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::DiskSpeed],
        looks_at: "two seconds of random reads of the largest file of the data, or of its disk",
        needs: Need::ROOT,
        verbs: &[Verb::Preflight],
        run: Run::Now(|cx| match cx.settings.has_presets() {
            // The databases of any other chain are small.
            false => Ok(Vec::new()),
            true => with_role(cx, || {
                disk_speed::disk_speed(&cx.settings.data_dir, cx.probe()).map(Some)
            }),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Clock],
        looks_at: "chrony, or what systemd says about the clock",
        verbs: WATCHED,
        run: Run::Now(|cx| with_role(cx, || clock::clock(cx.facts, cx.probe()))),
        ..ROW
    },
    Check {
        topics: &[Topic::StolenTime],
        looks_at: "/proc/stat",
        verbs: WATCHED,
        run: Run::Now(|cx| with_role(cx, || steal::steal(cx.probe()).map(Some))),
        ..ROW
    },
    Check {
        topics: &[Topic::DataDisk],
        looks_at: "the disks that were mounted when data was put on them",
        verbs: &[Verb::Preflight, Verb::Status],
        run: Run::Now(|cx| disk::disks(cx.receipt, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::DataDirectory],
        looks_at: "the data directory and the mounts above it",
        verbs: PLANNED,
        run: Run::Now(|cx| Ok(vec![data_dir::data_dir(cx.settings, cx.facts, cx.probe())?])),
        ..ROW
    },
    Check {
        topics: &[Topic::DataOwner],
        looks_at: "the owner of the databases",
        run: Run::Now(|cx| {
            if !cx.settings.has_role() {
                return Ok(Vec::new());
            }
            let found = data_owner::data_owner(cx.settings, cx.probe())?;
            Ok(found.into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Account],
        looks_at: "/etc/passwd and /etc/group",
        run: Run::Now(|cx| account::account(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::Packages],
        looks_at: "dpkg and apt",
        verbs: PLANNED,
        run: Run::Now(|cx| match cx.graph() {
            Some(graph) => Ok(packages::packages(graph, cx.probe())?.into_iter().collect()),
            None => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Integrity],
        looks_at: "the result of the last run of aide",
        needs: Need::ROOT,
        verbs: &[Verb::Status],
        run: Run::Now(|cx| {
            let found =
                crate::checks::configuration::hardening::integrity(cx.settings, cx.probe())?;
            Ok(found.into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Updates],
        looks_at: "the configuration of apt",
        verbs: Verb::ALWAYS,
        run: Run::Now(|cx| {
            let found = crate::checks::configuration::hardening::updates(cx.settings, cx.probe())?;
            Ok(found.into_iter().collect())
        }),
        ..ROW
    },
];

/// What a check found on a host with a role of Aztec; nothing on any other.
fn with_role(
    cx: &Context<'_>,
    look: impl FnOnce() -> Result<Option<Finding>, Fault>,
) -> Result<Vec<Finding>, Fault> {
    match cx.settings.has_role() {
        true => Ok(look()?.into_iter().collect()),
        false => Ok(Vec::new()),
    }
}

fn rights(root: bool) -> Finding {
    match root {
        true => Finding::pass(Topic::Rights, "running as root"),
        false => Finding::fail(Topic::Rights, "not running as root")
            .fix("Run it as root, for example with sudo."),
    }
}

fn system(facts: &crate::HostFacts) -> String {
    let (major, minor) = facts.glibc.unwrap_or_default();
    format!("{} on {}, glibc {major}.{minor}", facts.os_name, facts.arch)
}
