//! Whether the disk of the data answers enough random reads.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, RandomReads};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::names::{LEAST_READS, TARGET_READS};

/// Measures for two seconds.
pub(super) fn disk_speed(data_dir: &Path, probe: &dyn Probe) -> Result<Finding, Fault> {
    let measured = probe.random_reads(data_dir)?;
    Ok(measured.map_or_else(|| unmeasured(data_dir), |reads| judged(&reads)))
}

fn unmeasured(data_dir: &Path) -> Finding {
    let seen = format!(
        "the disk of {} was not measured: no file in it is large enough, and its file system is on no block device that aztec-kit may read",
        data_dir.display()
    );
    Finding::warn(Topic::DiskSpeed, seen)
        .fix("Run `aztec-kit preflight` again when the node has synchronized.")
}

/// By the figure; pure.
fn judged(reads: &RandomReads) -> Finding {
    let seen = format!(
        "{} answers {} random reads of 4 KiB per second; {LEAST_READS} are the least, {TARGET_READS} the official target",
        reads.of.display(),
        reads.per_second
    );
    match reads.per_second {
        LEAST_READS.. => Finding::pass(Topic::DiskSpeed, seen),
        _ => Finding::warn(Topic::DiskSpeed, seen)
            .fix("Move the data to a local NVMe disk. If other programs use this one now, measure again later."),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::severity::Severity;

    fn found(per_second: Option<u64>) -> Finding {
        let mut host = FakeHost::debian();
        let of = "/dev/nvme0n1p2".into();
        host.random_reads = per_second.map(|per_second| RandomReads { per_second, of });
        disk_speed(Path::new("/var/lib/aztec"), &host).unwrap()
    }

    #[test]
    fn a_slow_disk_is_reported_with_both_figures() {
        let cases = [
            (9_999, Severity::Warn),
            (10_000, Severity::Pass),
            (180_000, Severity::Pass),
        ];
        for (figure, severity) in cases {
            let finding = found(Some(figure));
            assert_eq!(finding.severity, severity);
            for part in ["/dev/nvme0n1p2", &figure.to_string(), "10000", "50000"] {
                assert!(finding.seen.contains(part), "{}", finding.seen);
            }
        }
    }

    #[test]
    fn a_disk_that_was_not_measured_has_not_passed() {
        let finding = found(None);
        assert_eq!(finding.severity, Severity::Warn);
        assert!(finding.seen.contains("not measured"), "{}", finding.seen);
    }
}
