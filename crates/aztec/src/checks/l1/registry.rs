//! Facts about the L1 that several checks share.

use l1::Address;
use provision::Fault;
use provision::host::Probe;

use crate::kinds::recorded;
use crate::layout;
use crate::settings::Settings;

/// The greatest age of the head of an L1, seconds. The node refuses to start on an older one
/// (`MAX_ALLOWED_ETH_CLIENT_DRIFT_SECONDS`, 4.1.2 and 5.2.0).
pub(super) const OLDEST_L1_HEAD: i64 = 300;

/// The address of the registry: that of the network, or the one recorded on this host.
pub fn registry(settings: &Settings, probe: &dyn Probe) -> Result<Option<Address>, Fault> {
    match &settings.network.registry {
        Some(address) => Ok(address.parse().ok()),
        None => recorded(&layout::contracts_env(), probe),
    }
}
