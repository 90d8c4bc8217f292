//! Whether systemd manages this host, and whether it can confine services here.

use std::path::Path;

use provision::Fault;
use provision::host::Probe;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;

/// Whether systemd manages this host.
pub(super) fn manager(probe: &dyn Probe) -> Result<Finding, Fault> {
    let runs = probe.meta(Path::new("/run/systemd/system"))?.is_some();
    Ok(match runs {
        true => Finding::pass(Topic::Systemd, "systemd manages this host"),
        false => Finding::fail(Topic::Systemd, "systemd does not manage this host")
            .fix("Use a server or VM, not a plain container."),
    })
}

/// Warns if services run here without most of their sandbox.
pub(super) fn sandboxes(probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    let status = probe.text(Path::new("/proc/1/status"))?;
    Ok(confined(&status.unwrap_or_default()))
}

/// systemd runs a service without the namespaces that it may not create, and does not report it: capabilities(7).
fn confined(status_of_init: &str) -> Option<Finding> {
    const SYS_ADMIN: u32 = 21;
    let line = status_of_init
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))?;
    let bounding = u64::from_str_radix(line.trim(), 16).ok()?;
    (bounding & 1 << SYS_ADMIN == 0).then(|| {
        let seen = "systemd lacks CAP_SYS_ADMIN here, so services run without most of their sandbox, and systemd does not report it";
        Finding::warn(Topic::Sandbox, seen)
            .fix("Give this container that capability (nesting), or use a server or VM.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_systemd_that_can_confine_nothing_is_reported() {
        // From systemd-nspawn --drop-capability=CAP_SYS_ADMIN, and from a server.
        let lacking = "Name:\tsystemd\nCapEff:\t00000000fddcafff\nCapBnd:\t00000000fddcafff\n";
        assert!(confined(lacking).is_some());
        assert_eq!(
            confined("Name:\tsystemd\nCapBnd:\t000001ffffffffff\n"),
            None
        );
        assert_eq!(confined(""), None);
    }
}
