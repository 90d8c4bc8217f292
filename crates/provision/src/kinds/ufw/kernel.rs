//! What UFW needs from the kernel.

use std::path::Path;

use crate::Fault;
use crate::host::{Probe, Query};

/// The error if the kernel cannot filter. Before UFW is installed, no program can check that.
pub(super) fn missing_filter(probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
    if probe.meta(Path::new("/usr/sbin/iptables"))?.is_none() {
        return Ok(None);
    }
    let has_v6 = has_v6(probe)?;
    for v6 in [false, true].into_iter().filter(|v6| !v6 || has_v6) {
        if let Err(fault) = probe.ask(&Query::Filter { v6 }) {
            let family = if v6 { "IPv6" } else { "IPv4" };
            return Ok(Some(
                Fault::new(format!("this kernel cannot filter {family}, which UFW needs"))
                    .fix("Boot a kernel with nf_tables and conntrack, or remove firewall.enabled from kit.toml.")
                    .because(fault),
            ));
        }
    }
    Ok(None)
}

/// Without IPv6 there is nothing to close.
pub(super) fn has_v6(probe: &dyn Probe) -> Result<bool, Fault> {
    let interfaces = probe.read(Path::new("/proc/net/if_inet6"))?;
    Ok(interfaces.is_some_and(|text| !text.is_empty()))
}
