//! Whether the hypervisor takes processor time from this host.

use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use provision::tools::stat;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;

/// The largest stolen share that passes, percent.
const TOLERATED: u64 = 5;

/// The stolen time since boot. A node needs its processors for years, and a second of it tells little.
pub(super) fn steal(probe: &dyn Probe) -> Result<Finding, Fault> {
    let text = probe.text(Path::new("/proc/stat"))?.unwrap_or_default();
    let percent = stat::times(&text).and_then(|times| times.stolen_percent());
    let percent = percent.ok_or_else(|| {
        Fault::new("/proc/stat does not say how the processors spent their time")
            .fix("Mount /proc as the kernel of this host provides it.")
    })?;
    let seen =
        format!("other guests of the hypervisor took {percent} % of the processor time since boot");
    Ok(match percent > TOLERATED {
        false => Finding::pass(Topic::StolenTime, seen),
        true => Finding::warn(Topic::StolenTime, seen)
            .fix("The provider has sold more processors than it has, and a sequencer may miss its slots. Use a plan with dedicated processors."),
    })
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::severity::Severity;

    fn found(stat: &str) -> Result<Finding, Fault> {
        let mut host = FakeHost::debian();
        host.plant("/proc/stat", FileType::File, stat.as_bytes(), 0o444);
        steal(&host)
    }

    #[test]
    fn stolen_time_is_reported() {
        // In the format of proc_stat(5).
        let quiet = found("cpu  3168128 397714 696203 942890 11648 0 14628 4202 0 0\n").unwrap();
        assert_eq!(quiet.severity, Severity::Pass);
        let busy = found("cpu  100 0 0 800 0 0 0 100 0 0\n").unwrap();
        assert_eq!(busy.severity, Severity::Warn);
        assert!(busy.seen.contains("10 %"), "{}", busy.seen);
    }

    #[test]
    fn without_figures_it_cannot_tell() {
        assert!(found("cpu  1 2\n").is_err());
        assert!(found("").is_err());
    }
}
