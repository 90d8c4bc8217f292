//! Whether the clock is right. Peers ignore messages whose time differs by more than 500 ms
//! (`P2P_MAX_GOSSIP_CLOCK_DISPARITY_MS` of 5.x), and the archiver does not start 300 s off the L1.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::tools::clock::{self, Tracking};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::facts::HostFacts;

const CHRONYC: &str = "/usr/bin/chronyc";
const TIMEDATECTL: &str = "/usr/bin/timedatectl";
/// The largest offset that passes, seconds: a fifth of what peers tolerate.
const TOLERATED: f64 = 0.1;
const WHY: &str = "Peers ignore messages of a clock that is off by 500 ms.";

/// What synchronizes the clock; `None` in a container, whose clock is that of its host.
pub(super) fn clock(facts: &HostFacts, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    if facts.container {
        return Ok(None);
    }
    let there = |program: &str| Ok::<_, Fault>(probe.meta(Path::new(program))?.is_some());
    if there(CHRONYC)?
        && let Ok(output) = probe.ask(&Query::Tracking)
    {
        return Ok(Some(by_chrony(clock::tracking(&output.stdout)?)));
    }
    // It also knows about chrony and others, because the kernel does, but not how far the clock is off.
    if !there(TIMEDATECTL)? {
        return Ok(Some(unsynchronized(
            "neither chrony nor systemd-timesyncd is installed",
        )));
    }
    let answer = clock::time_date(&probe.ask(&Query::TimeDate).map_err(unanswered)?.stdout)?;
    Ok(Some(match (answer.synchronized, answer.enabled) {
        (true, _) => Finding::pass(
            Topic::Clock,
            "the kernel reports that the clock is synchronized",
        ),
        (false, true) => unsynchronized("the time service runs and has not reached a server yet"),
        (false, false) => unsynchronized("nothing synchronizes the clock"),
    }))
}

fn unanswered(fault: Fault) -> Fault {
    fault.fix("`timedatectl` asks a service of systemd over D-Bus. Let that service run (the package dbus), or install chrony.")
}

/// By what chrony says; pure.
fn by_chrony(tracking: Tracking) -> Finding {
    if !tracking.synchronized {
        return unsynchronized("chrony runs and follows no server");
    }
    let offset = tracking.offset.abs();
    let shown = if offset < 0.001 {
        format!("{:.0} µs", offset * 1e6)
    } else {
        format!("{:.0} ms", offset * 1e3)
    };
    if offset > TOLERATED {
        return Finding::warn(
            Topic::Clock,
            format!("chrony reports that the clock is off by {shown}"),
        )
        .fix(format!(
            "{WHY} Wait until chrony has corrected it, or let it correct the clock at once."
        ))
        .command("chronyc makestep");
    }
    Finding::pass(
        Topic::Clock,
        format!("chrony synchronizes the clock, which is off by {shown}"),
    )
}

fn unsynchronized(seen: &str) -> Finding {
    Finding::warn(Topic::Clock, seen)
        .fix(format!("{WHY} Install chrony, and let the firewall of your provider pass UDP port 123 to other hosts."))
        .command("apt-get install chrony")
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::severity::Severity;

    /// The finding on a host with these answers. A program without an answer is not installed.
    fn found(tracking: &str, time_date: &str) -> Result<Option<Finding>, Fault> {
        let mut host = FakeHost::debian();
        for (program, answer) in [(CHRONYC, tracking), (TIMEDATECTL, time_date)] {
            if !answer.is_empty() {
                host.plant(program, FileType::File, b"", 0o755);
            }
        }
        host.tracking = tracking.into();
        host.time_date = time_date.into();
        clock(&HostFacts::debian(), &host)
    }

    fn tracking(offset: &str, leap: &str) -> String {
        format!(
            "A29FC87B,192.0.2.1,4,1764543210.123456789,{offset},0.000023456,0.000034567,-7.123,0.001,0.012,0.004567890,0.000987654,64.6,{leap}\n"
        )
    }

    fn time_date(enabled: &str, synchronized: &str) -> String {
        format!(
            "Timezone=Etc/UTC\nLocalRTC=no\nCanNTP=yes\nNTP={enabled}\nNTPSynchronized={synchronized}\n"
        )
    }

    #[test]
    fn an_offset_that_peers_notice_is_reported() {
        let cases = [
            ("0.000012345", "Normal", Severity::Pass, "12 µs"),
            ("-0.080000000", "Normal", Severity::Pass, "80 ms"),
            ("-0.250000000", "Normal", Severity::Warn, "250 ms"),
            (
                "0.000000000",
                "Not synchronised",
                Severity::Warn,
                "follows no server",
            ),
        ];
        for (offset, leap, severity, part) in cases {
            let finding = found(&tracking(offset, leap), "").unwrap().unwrap();
            assert_eq!(finding.severity, severity, "{}", finding.text());
            assert!(finding.seen.contains(part), "{}", finding.text());
        }
    }

    #[test]
    fn a_clock_that_nothing_synchronizes_is_reported() {
        let cases = [
            (time_date("yes", "yes"), Severity::Pass, "synchronized"),
            (time_date("no", "yes"), Severity::Pass, "synchronized"),
            (
                time_date("yes", "no"),
                Severity::Warn,
                "not reached a server",
            ),
            (
                time_date("no", "no"),
                Severity::Warn,
                "nothing synchronizes",
            ),
            (String::new(), Severity::Warn, "neither"),
        ];
        for (answer, severity, part) in cases {
            let finding = found("", &answer).unwrap().unwrap();
            assert_eq!(finding.severity, severity, "{}", finding.text());
            assert!(finding.seen.contains(part), "{}", finding.text());
        }
    }

    #[test]
    fn without_an_answer_it_cannot_tell() {
        assert!(found("nonsense\n", "").is_err());
        assert!(found("", "nonsense\n").is_err());
        let mut host = FakeHost::debian();
        host.plant(TIMEDATECTL, FileType::File, b"", 0o755);
        host.silent = true;
        assert!(clock(&HostFacts::debian(), &host).is_err());
        let container = HostFacts {
            container: true,
            ..HostFacts::debian()
        };
        assert_eq!(clock(&container, &host).unwrap(), None);
    }
}
