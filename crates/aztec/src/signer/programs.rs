//! Other sequencers on this host.

use std::collections::BTreeSet;
use std::path::Path;

use provision::Fault;
use provision::host::Probe;

use super::claim::Claim;
use super::place::Place;
use crate::container;

/// A process that proposes and attests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its process id.
    pub pid: u32,
    /// Its control group, which names the unit or the container.
    pub place: String,
}

/// Every sequencer on this host except the service itself. Its keys cannot be queried.
///
/// The service is in the control group of its unit, or in one that docker created, together with the process that locks
/// the data directory for it. That is the current data directory, or one of its claims, such as that of an older release,
/// which the service uses until it is restarted.
pub fn other_sequencers(
    here: &Place,
    claims: &[Claim],
    probe: &dyn Probe,
) -> Result<Vec<Program>, Fault> {
    let proc = Path::new("/proc");
    let ours = claims.iter().map(|claim| &claim.place);
    let ours = ours.filter(|place| place.host == here.host && place.unit == here.unit);
    let locks: BTreeSet<_> = ours
        .chain([here])
        .map(|place| container::lock(&place.data, "").display().to_string())
        .collect();
    let mut ours = BTreeSet::new();
    let mut programs = Vec::new();
    for name in probe.list(proc)?.unwrap_or_default() {
        let Ok(pid) = name.parse::<u32>() else {
            continue;
        };
        // A process may end before it is read.
        let text = |file: &str| {
            let text = probe.text(&proc.join(&name).join(file)).ok().flatten();
            text.unwrap_or_default()
        };
        let cmdline = text("cmdline");
        if !is_sequencer(&cmdline) {
            continue;
        }
        let place = control_group(&text("cgroup"));
        let locks = cmdline.split('\0').any(|argument| locks.contains(argument));
        if locks || place.split('/').any(|part| part == here.unit) {
            ours.insert(place.clone());
        }
        programs.push(Program { pid, place });
    }
    programs.retain(|program| !ours.contains(&program.place));
    Ok(programs)
}

/// Whether a command line is `… aztec … start … --sequencer`, whichever program runs it.
fn is_sequencer(cmdline: &str) -> bool {
    let mut arguments = cmdline.split('\0');
    arguments.any(|argument| argument.contains("aztec"))
        && arguments.any(|argument| argument == "start")
        && arguments.any(|argument| argument == "--sequencer")
}

/// The path in a line such as `0::/system.slice/x.service`, see cgroups(7).
fn control_group(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("0::"));
    line.unwrap_or("unknown control group").to_owned()
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    const NATIVE: &str =
        "node\0/opt/aztec/current/node_modules/@aztec/aztec/dest/bin/index.js\0start\0--node\0";
    const IMAGE: &str = "node\0/usr/src/yarn-project/aztec/dest/bin/index.js\0start\0--node\0";

    #[test]
    fn only_sequencers_of_others_are_found() {
        let mut host = FakeHost::debian();
        let init =
            format!("docker-init\0--\0flock\0/var/lib/aztec/node/.running\0{IMAGE}--sequencer\0");
        let processes = [
            (
                7,
                format!("{NATIVE}--sequencer\0"),
                "/system.slice/aztec-sequencer.service",
            ),
            (8, NATIVE.to_owned(), "/system.slice/aztec-node.service"),
            (
                9,
                format!("{IMAGE}--archiver\0--sequencer\0"),
                "/system.slice/docker-5d1f.scope",
            ),
            (
                10,
                "grep\0--\0start --sequencer\0".to_owned(),
                "/user.slice",
            ),
            (11, init, "/system.slice/docker-77aa.scope"),
            (
                12,
                format!("{IMAGE}--sequencer\0"),
                "/system.slice/docker-77aa.scope",
            ),
        ];
        for (pid, cmdline, group) in processes {
            let dir = format!("/proc/{pid}");
            host.plant(&dir, FileType::Directory, b"", 0o555);
            let cgroup = format!("0::{group}\n");
            for (name, text) in [("cmdline", &cmdline), ("cgroup", &cgroup)] {
                let path = format!("{dir}/{name}");
                host.plant(&path, FileType::File, text.as_bytes(), 0o444);
            }
        }
        let here = Place {
            host: String::new(),
            unit: "aztec-sequencer.service".into(),
            data: "/var/lib/aztec/node".into(),
            hardware: None,
            disk: None,
        };
        let place = "/system.slice/docker-5d1f.scope".to_owned();
        let other = Program { pid: 9, place };
        let found = other_sequencers(&here, &[], &host).unwrap();
        assert_eq!(found, std::slice::from_ref(&other));

        // The same service, which still runs with its earlier data.
        let next = Place {
            data: "/var/lib/aztec/v6/node".into(),
            ..here.clone()
        };
        let claim = Claim {
            attester: l1::Address::ZERO,
            place: here,
            since: 0,
            because: String::new(),
            released: None,
            released_slot: None,
        };
        let found = other_sequencers(&next, &[claim], &host).unwrap();
        assert_eq!(found, [other]);
    }
}
